"""`GET /me`: whoever is logged in, by bearer token or cookie, and nobody else."""

import pytest
from multidict import CIMultiDict

from tests.web.asked import ask, bearer, change
from tests.web.conftest import Web

pytestmark = pytest.mark.asyncio(loop_scope="module")

COOKIE = "__Host-sidecar"
BAD_REQUEST = 'Bearer error="invalid_request"'
BAD_TOKEN = 'Bearer error="invalid_token"'


async def test_the_answer_is_the_user_json(settled: Web) -> None:
    user = await settled.add_user("carol", "staff")
    token = (await settled.log_in("carol"))["access_token"]
    answer = await ask(settled, "GET", "/me", bearer(token))
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    members = answer.json
    dates = {members.pop("created_at"), members.pop("updated_at")}
    assert len(dates) == 1
    assert members == {
        "id": user.id,
        "username": "carol",
        "email": "carol@example.com",
        "name": "Carol",
        "roles": ["staff"],
        "disabled": False,
    }


@pytest.mark.parametrize("site", ["same-origin", "cross-site", "same-site"])
async def test_a_cookie_is_enough_to_read(settled: Web, site: str) -> None:
    cookie = await settled.log_in_cookie()
    answer = await ask(settled, "GET", "/me", {"Cookie": cookie, "Sec-Fetch-Site": site})
    assert (answer.status, answer.json["username"]) == (200, "alice")


async def test_the_bearer_token_decides_alone(settled: Web) -> None:
    await settled.add_user("bob")
    cookie, token = await settled.log_in_cookie(), (await settled.log_in("bob"))["access_token"]
    answer = await ask(settled, "GET", "/me", {"Cookie": cookie, **bearer(token)})
    assert answer.json["username"] == "bob"
    answer = await ask(settled, "GET", "/me", {"Cookie": cookie, **bearer("x.y.z")})
    answer.assert_problem(401, "token_malformed")


@pytest.mark.parametrize(
    ("lines", "reason", "challenge"),
    [
        ([], "no_credential", "Bearer"),
        ([("Cookie", "sidecar=x")], "no_credential", "Bearer"),
        ([("Cookie", f"{COOKIE}=")], "no_credential", "Bearer"),
        ([("Cookie", "__Secure-sidecar=x")], "no_credential", "Bearer"),
        ([("Authorization", "Basic YTpi")], "no_credential", "Bearer"),
        ([("Authorization", "Bearer ")], "credential_malformed", 'Bearer error="invalid_request"'),
        (
            [("Authorization", "Bearer a b")],
            "credential_malformed",
            BAD_REQUEST,
        ),
        (
            [("Authorization", "Bearer a"), ("Authorization", "Bearer b")],
            "two_credentials",
            BAD_REQUEST,
        ),
        (
            [("Cookie", f"{COOKIE}=a"), ("Cookie", f"{COOKIE}=b")],
            "two_credentials",
            BAD_REQUEST,
        ),
        ([("Authorization", "Bearer x")], "token_malformed", BAD_TOKEN),
        ([("Cookie", f"{COOKIE}=x")], "token_malformed", BAD_TOKEN),
    ],
)
async def test_nobody_is_told_why(
    settled: Web, lines: list[tuple[str, str]], reason: str, challenge: str
) -> None:
    answer = await ask(settled, "GET", "/me", CIMultiDict(lines))
    answer.assert_problem(401, reason)
    assert answer.headers["WWW-Authenticate"] == challenge


async def test_no_kind_of_token_passes_for_another(settled: Web) -> None:
    tokens, cookie = await settled.log_in(), await settled.log_in_cookie()
    for headers, reason in (
        (bearer(cookie.partition("=")[2]), "token_type"),
        (bearer(tokens["refresh_token"]), "token_malformed"),
        ({"Cookie": f"{COOKIE}={tokens['access_token']}"}, "token_type"),
        ({"Cookie": f"{COOKIE}={tokens['refresh_token']}"}, "token_malformed"),
    ):
        (await ask(settled, "GET", "/me", headers)).assert_problem(401, reason)


@pytest.mark.parametrize(
    ("name", "statement"),
    [
        ("one", "DELETE FROM users WHERE username = 'one'"),
        ("two", "UPDATE users SET disabled = 1 WHERE username = 'two'"),
        ("three", "UPDATE users SET id = 'somebody-else' WHERE username = 'three'"),
    ],
)
async def test_a_user_of_a_moment_ago_is_nobody_ahead_of_the_feed(
    settled: Web, name: str, statement: str
) -> None:
    await settled.add_user(name)
    token = (await settled.log_in(name))["access_token"]
    await change(settled, "DELETE FROM sessions")
    await change(settled, statement)
    (await ask(settled, "GET", "/me", bearer(token))).assert_problem(401, "revoked_user")


async def test_whoever_has_the_name_now_is_not_whom_the_token_is_of(settled: Web) -> None:
    await settled.add_user("five")
    token = (await settled.log_in("five"))["access_token"]
    await change(settled, "UPDATE users SET username = 'six' WHERE username = 'five'")
    heir = await settled.add_user("five", "staff")
    members = (await ask(settled, "GET", "/me", bearer(token))).json
    assert (members["username"], members["roles"]) == ("six", [])
    assert members["id"] != heir.id
