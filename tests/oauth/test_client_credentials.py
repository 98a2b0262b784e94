"""`POST /oauth/token` with `client_credentials` (RFC 6749 section 4.4, RFC 8707)."""

import pytest

from sidecar.clock import read_clock
from tests.oauth.programs import SCOPES, Fields, Oauth, assert_refused
from tests.web.asked import claims_of
from tests.web.conftest import PUBLIC_URL

pytestmark = pytest.mark.asyncio(loop_scope="module")

GRANT = {"grant_type": "client_credentials"}


async def test_a_program_gets_a_token_of_its_own(shared: Oauth) -> None:
    answer = await shared.grant(GRANT, shared.reports.basic)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.headers["Cache-Control"] == "no-store"
    # It comes again with its secret: no refresh token (section 4.4.3).
    assert set(answer.json) == {"access_token", "token_type", "expires_in", "scope"}
    assert (answer.json["token_type"], answer.json["expires_in"]) == ("Bearer", 600)
    assert answer.json["scope"] == " ".join(SCOPES)
    claims = claims_of(answer.json["access_token"])
    client_id = shared.reports.client_id
    now = read_clock().unix
    assert now - 10 <= claims["iat"] <= now
    assert claims == {
        "iss": PUBLIC_URL,
        "sub": client_id,
        "client_id": client_id,
        "aud": ["api", "files"],
        "iat": claims["iat"],
        "nbf": claims["iat"],
        "exp": claims["iat"] + 600,
        "jti": claims["jti"],
        "epoch": [0, 0],
        "scope": " ".join(SCOPES),
        "roles": [],
    }


async def test_each_token_is_another(shared: Oauth) -> None:
    tokens = [claims_of(await shared.log_in(shared.reports))["jti"] for _ in range(3)]
    assert len(set(tokens)) == 3


@pytest.mark.parametrize(
    ("more", "scope", "audience"),
    [
        ({}, "orders:read orders:write reports", ["api", "files"]),
        ({"scope": ""}, "orders:read orders:write reports", ["api", "files"]),
        ({"scope": "reports"}, "reports", ["api", "files"]),
        ({"scope": "reports orders:read"}, "orders:read reports", ["api", "files"]),
        ({"scope": "reports reports"}, "reports", ["api", "files"]),
        ({"resource": "files"}, "orders:read orders:write reports", ["files"]),
        ({"resource": ""}, "orders:read orders:write reports", ["api", "files"]),
        ({"resource": "api", "scope": "reports"}, "reports", ["api"]),
        ({"unknown": "x", "audience": "x"}, "orders:read orders:write reports", ["api", "files"]),
    ],
)
async def test_it_gets_what_it_asks_for(
    shared: Oauth, more: dict[str, str], scope: str, audience: list[str]
) -> None:
    answer = await shared.grant({**GRANT, **more, **shared.reports.post})
    assert (answer.status, answer.json["scope"]) == (200, scope)
    claims = claims_of(answer.json["access_token"])
    assert (claims["scope"], claims["aud"]) == (scope, audience)


async def test_several_resources_are_asked_for_in_any_order(shared: Oauth) -> None:
    fields = [*GRANT.items(), ("resource", "files"), ("resource", "api"), ("resource", "files")]
    answer = await shared.grant(fields, shared.reports.basic)
    assert claims_of(answer.json["access_token"])["aud"] == ["api", "files"]


async def test_a_program_without_scopes_has_none(shared: Oauth) -> None:
    idle = await shared.add("idle")
    answer = await shared.grant(GRANT, idle.basic)
    assert (answer.status, answer.json["scope"]) == (200, "")
    assert claims_of(answer.json["access_token"])["scope"] == ""
    assert_refused(await shared.grant({**GRANT, "scope": "x"}, idle.basic), 400, "invalid_scope")


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"scope": "other"}, "invalid_scope"),
        ({"scope": "reports other"}, "invalid_scope"),
        ({"scope": "REPORTS"}, "invalid_scope"),
        ({"scope": " reports"}, "invalid_scope"),
        ({"scope": "reports,orders:read"}, "invalid_scope"),
        ({"scope": "reports\n"}, "invalid_scope"),
        ({"scope": '"\\\u00e9'}, "invalid_scope"),
        ({"scope": "x" * 16_000}, "invalid_scope"),
        ({"resource": "other"}, "invalid_target"),
        ({"resource": "https://x.example.com/"}, "invalid_target"),
        ({"resource": "api files"}, "invalid_target"),
        ({"resource": "API"}, "invalid_target"),
        ([("resource", "api"), ("resource", "other")], "invalid_target"),
    ],
)
async def test_what_it_may_not_have_is_refused(shared: Oauth, more: Fields, error: str) -> None:
    pairs = list(more.items()) if isinstance(more, dict) else list(more)
    answer = await shared.grant([*GRANT.items(), *pairs], shared.reports.basic)
    assert_refused(answer, 400, error)
    assert "other" not in answer.json["error_description"]
