"""The metadata documents say what the service does, and nothing that it does not."""

from typing import Any

import pytest

from sidecar.web.oauth.grants import GRANTS
from tests.oauth.programs import Oauth, assert_refused
from tests.web.asked import ask
from tests.web.conftest import PUBLIC_URL

pytestmark = pytest.mark.asyncio(loop_scope="module")

SERVER = "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"
ENDPOINTS = ("token", "revocation", "introspection")


async def read(oauth: Oauth, path: str = SERVER) -> dict[str, Any]:
    members: dict[str, Any] = (await ask(oauth.web, "GET", path)).json
    return members


async def test_both_documents_say_the_same(shared: Oauth) -> None:
    server, openid = await read(shared), await read(shared, OPENID)
    assert {name: openid[name] for name in server} == server
    assert set(openid) - set(server) == {
        *("subject_types_supported", "id_token_signing_alg_values_supported"),
    }


async def test_nothing_is_said_that_is_not_tested_here(shared: Oauth) -> None:
    assert set(await read(shared)) == {
        *("issuer", "jwks_uri", "response_types_supported", "grant_types_supported"),
        *(f"{each}_endpoint" for each in ENDPOINTS),
        *(f"{each}_endpoint_auth_methods_supported" for each in ENDPOINTS),
    }


async def test_there_is_no_authorization_endpoint(shared: Oauth) -> None:
    assert (await read(shared))["response_types_supported"] == []
    (await ask(shared.web, "GET", "/oauth/authorize")).assert_problem(404, "not_found")


async def test_the_endpoints_are_where_they_are_said_to_be(shared: Oauth) -> None:
    members = await read(shared)
    for each in ENDPOINTS:
        path = members[f"{each}_endpoint"].removeprefix(PUBLIC_URL)
        assert_refused(await shared.ask(path, {}), 400, "invalid_request")


async def test_every_grant_that_is_said_to_be_given_is_known_and_no_other(shared: Oauth) -> None:
    said = (await read(shared))["grant_types_supported"]
    assert said == sorted(said)
    assert set(said) == set(GRANTS) >= {"client_credentials", "refresh_token"}
    for grant_type in said:
        answer = await shared.grant({"grant_type": grant_type})
        assert answer.json["error"] in {"invalid_request", "invalid_client"}
    for grant_type in ("password", "authorization_code", "implicit", "device_code"):
        assert grant_type not in said
        answer = await shared.grant({"grant_type": grant_type})
        assert_refused(answer, 400, "unsupported_grant_type")


async def test_every_way_to_authenticate_is_taken_where_it_is_said_to_be(shared: Oauth) -> None:
    members = await read(shared)
    reports = shared.reports
    token = await shared.log_in(reports)
    refresh_token = (await shared.web.log_in())["refresh_token"]
    session = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    ways: dict[str, dict[str, tuple[dict[str, str], dict[str, str]]]] = {
        "token": {
            "client_secret_basic": ({"grant_type": "client_credentials"}, reports.basic),
            "client_secret_post": ({"grant_type": "client_credentials", **reports.post}, {}),
            "none": ({**session, "client_id": "sidecar"}, {}),
        },
        "introspection": {
            "client_secret_basic": ({"token": token}, reports.basic),
            "client_secret_post": ({"token": token, **reports.post}, {}),
            "Bearer": ({"token": token}, shared.root),
        },
        "revocation": {
            "client_secret_basic": ({"token": token}, reports.basic),
            "client_secret_post": ({"token": token, **reports.post}, {}),
            "none": ({"token": refresh_token, "client_id": "sidecar"}, {}),
        },
    }
    for each in ENDPOINTS:
        said = members[f"{each}_endpoint_auth_methods_supported"]
        assert sorted(said) == sorted(ways[each])
        path = members[f"{each}_endpoint"].removeprefix(PUBLIC_URL)
        for form, headers in ways[each].values():
            assert (await shared.ask(path, form, headers)).status == 200


async def test_the_algorithms_are_those_of_the_published_keys(shared: Oauth) -> None:
    keys = (await ask(shared.web, "GET", "/.well-known/jwks.json")).json["keys"]
    said = (await read(shared, OPENID))["id_token_signing_alg_values_supported"]
    assert said == sorted({key["alg"] for key in keys})
