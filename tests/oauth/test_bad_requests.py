"""Requests to the OAuth endpoints that are malformed, or whose program is not who it says."""

import json
import logging
from base64 import b64encode
from typing import Any

import pytest
from multidict import CIMultiDict

from tests.oauth.programs import Oauth, Program, assert_refused, basic
from tests.web.asked import FORM, JSON, ask, rows
from tests.web.test_login_log import lines

pytestmark = pytest.mark.asyncio(loop_scope="module")

ENDPOINTS = {
    "/oauth/token": "grant_type=client_credentials",
    "/oauth/revoke": "token=x",
    "/oauth/introspect": "token=x",
}
GRANT = {"grant_type": "client_credentials"}


@pytest.fixture(params=ENDPOINTS)
def endpoint(request: pytest.FixtureRequest) -> str:
    """Name each endpoint."""
    path: str = request.param
    return path


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (JSON, b'{"grant_type": "client_credentials", "token": "x"}'),
        ({}, b"grant_type=client_credentials&token=x"),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x--"),
        ({"Content-Type": "text/plain"}, b"grant_type=client_credentials&token=x"),
        (FORM, b""),
        (FORM, b"&"),
        (FORM, b"grant_type"),
        (FORM, b"grant_type=&token="),
        (FORM, b"grant_type=x&grant_type=x&token=x&token=x"),
        (FORM, b"grant_type=client_credentials&token=x&token="),
        (FORM, b"grant_type=client_credentials&token=x&unknown=1&unknown=1"),
        (FORM, b"grant_type=client_credentials&token=x&scope=a&scope=b"),
        (FORM, b"grant_type=client_credentials&token=x&client_id=a&client_id=a&client_secret=b"),
        (FORM, b"grant_type=client_credentials&token=%ff"),
        (FORM, b"grant_type=client_credentials&token=\xff"),
        (FORM, b"grant_type=client_credentials&token=x" + b"&a=b" * 40),
        (FORM, b"grant_type=client_credentials&token=x&client_secret=b"),
    ],
)
async def test_what_is_no_form_of_that_kind_is_an_invalid_request(
    shared: Oauth, endpoint: str, headers: dict[str, str], body: bytes
) -> None:
    assert_refused(await ask(shared.web, "POST", endpoint, headers, body), 400, "invalid_request")


@pytest.mark.parametrize(
    "query",
    [
        *("client_secret=x", "token=x", "scope=reports", "grant_type=client_credentials", "x"),
        *("access_token=x", "x=", "=", "%20"),
    ],
)
async def test_no_parameter_stands_in_the_url(shared: Oauth, endpoint: str, query: str) -> None:
    form = dict(pair.split("=") for pair in ENDPOINTS[endpoint].split("&"))
    answer = await shared.ask(f"{endpoint}?{query}", form, shared.reports.basic)
    assert_refused(answer, 400, "invalid_request")


async def test_a_body_that_is_too_large_is_not_read(shared: Oauth, endpoint: str) -> None:
    answer = await shared.ask(endpoint, {"token": "x" * 70_000}, shared.reports.basic)
    answer.assert_problem(413, "body_too_large")


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
async def test_the_endpoints_take_posts_alone(shared: Oauth, endpoint: str, method: str) -> None:
    answer = await shared.ask(endpoint, {}, shared.reports.basic, method=method)
    answer.assert_problem(405, "method_not_allowed")
    assert answer.headers["Allow"] == "POST"


@pytest.mark.parametrize(
    "grant_type",
    [
        *("password", "authorization_code", "implicit", "Client_Credentials", "refresh-token"),
        *(
            "client_credentials ",
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "\u00e9",
            "x" * 9999,
        ),
    ],
)
async def test_an_unknown_grant_is_not_supported(shared: Oauth, grant_type: str) -> None:
    answer = await shared.grant({"grant_type": grant_type}, shared.reports.basic)
    assert_refused(answer, 400, "unsupported_grant_type")


def _bad_secrets(good: Program) -> dict[str, str]:
    secret = good.secret
    return {
        "cut": secret[:-1],
        "lengthened": f"{secret}A",
        "other case": secret.swapcase(),
        "empty": "",
        "no prefix": secret.removeprefix("sidecar_secret_"),
        "another": "sidecar_secret_" + "A" * 54,
        "long": "x" * 9000,
        "not ascii": "\u00e9" * 40,
        "null": f"{secret}\x00",
    }


async def test_a_wrong_secret_is_refused_in_either_way(shared: Oauth, endpoint: str) -> None:
    form = dict(pair.split("=") for pair in ENDPOINTS[endpoint].split("&"))
    client_id = shared.reports.client_id
    for why, secret in _bad_secrets(shared.reports).items():
        answer = await shared.ask(endpoint, form, basic(client_id, secret))
        assert_refused(answer, 401, "invalid_client")
        answer = await shared.ask(
            endpoint, {**form, "client_id": client_id, "client_secret": secret}
        )
        # Without a value it counts as left out (RFC 6749 section 3.2).
        assert (answer.status, answer.json["error"]) == (401, "invalid_client"), why


async def test_who_is_unknown_is_refused_like_who_errs(shared: Oauth, endpoint: str) -> None:
    form = dict(pair.split("=") for pair in ENDPOINTS[endpoint].split("&"))
    secret, client_id = shared.reports.secret, shared.reports.client_id
    errs = await shared.ask(endpoint, form, basic(client_id, shared.files.secret))
    assert_refused(errs, 401, "invalid_client")
    for unknown in (
        *("App-" + "A" * 22, "sidecar", "reports", "", "App-", client_id.lower(), f"{client_id} "),
        *("x" * 500, "\u00e9", "' OR 1=1 --"),
    ):
        answer = await shared.ask(endpoint, form, basic(unknown, secret))
        assert_refused(answer, 401, "invalid_client")
        assert answer.body == errs.body


@pytest.mark.parametrize(
    "value",
    [
        *("Basic", "Basic ", "Basic =", "Basic !!!!", "Basic Zm9v", "basic Og==", "BASIC x"),
        *(
            "Basic " + "A" * 2000,
            "Basic /////w==",
            "Digest username=x",
            "Negotiate abc",
            "Basic\tZm9v",
        ),
        "Basic " + b64encode(b"sidecar:").decode(),
    ],
)
async def test_a_header_that_names_no_program_is_refused(
    shared: Oauth, endpoint: str, value: str
) -> None:
    form = dict(pair.split("=") for pair in ENDPOINTS[endpoint].split("&"))
    answer = await shared.ask(endpoint, form, {"Authorization": value})
    assert_refused(answer, 401, "invalid_client")


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
async def test_the_scheme_is_spelled_in_any_case(shared: Oauth, scheme: str) -> None:
    shown = shared.reports.basic["Authorization"].partition(" ")[2]
    answer = await shared.grant(GRANT, {"Authorization": f"{scheme} {shown}"})
    assert answer.status == 200


async def test_two_ways_at_once_are_refused(shared: Oauth, endpoint: str) -> None:
    form = dict(pair.split("=") for pair in ENDPOINTS[endpoint].split("&"))
    reports, files = shared.reports, shared.files
    for more, header in (
        (reports.post, reports.basic),
        (files.post, reports.basic),
        ({"client_secret": reports.secret}, reports.basic),
        (reports.post, shared.root),
        ({"client_id": files.client_id}, reports.basic),
        ({"client_id": "sidecar"}, reports.basic),
    ):
        answer = await shared.ask(endpoint, {**form, **more}, header)
        assert_refused(answer, 400, "invalid_request")


async def test_the_header_may_be_named_again_in_the_form(shared: Oauth) -> None:
    named = {**GRANT, "client_id": shared.reports.client_id}
    assert (await shared.grant(named, shared.reports.basic)).status == 200


async def test_two_headers_are_refused(shared: Oauth, endpoint: str) -> None:
    shown = shared.reports.basic["Authorization"]
    headers = CIMultiDict([*FORM.items(), ("Authorization", shown), ("Authorization", shown)])
    answer = await ask(shared.web, "POST", endpoint, headers, ENDPOINTS[endpoint])
    assert_refused(answer, 400, "invalid_request")


async def test_a_program_without_a_credential_gets_nothing(shared: Oauth) -> None:
    for more, headers in (
        ({}, {}),
        ({"client_id": shared.reports.client_id}, {}),
        ({"client_id": "sidecar"}, {}),
        ({}, shared.root),
        ({"client_id": shared.reports.client_id}, shared.root),
    ):
        assert_refused(await shared.grant({**GRANT, **more}, headers), 401, "invalid_client")


async def test_a_refusal_is_one_line_with_its_cause_and_no_secret(
    shared: Oauth, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="sidecar")
    wrong = Program(shared.reports.client_id, "sidecar_secret_" + "B" * 53 + "A")
    headers = {"X-Request-Id": "the-proxys-id-1", "X-Forwarded-For": "203.0.113.7"}
    await shared.grant(GRANT, wrong.basic, headers)
    (line,) = lines(caplog, "grant refused")
    assert line == {
        "reason": "invalid_client",
        "cause": "unknown client, or not a secret of it",
        "client_id": shared.reports.client_id,
        "request_id": "the-proxys-id-1",
        "address": "203.0.113.7",
    }
    told: list[dict[str, Any]] = [vars(record) for record in caplog.records]
    assert "B" * 43 not in json.dumps(told, default=str)


async def test_what_is_refused_changes_nothing(shared: Oauth, endpoint: str) -> None:
    token = await shared.log_in(shared.reports)
    before = await rows(shared.web)
    wrong = basic(shared.reports.client_id, shared.files.secret)
    for headers, query in ((wrong, ""), (shared.reports.basic, f"?token={token}"), (JSON, "")):
        answer = await shared.ask(f"{endpoint}{query}", {"token": token}, headers)
        assert answer.status in {400, 401}
    assert await rows(shared.web) == before
