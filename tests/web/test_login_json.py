"""`POST /login` as JSON: what a frontend gets, and who gets nothing."""

import json

import pytest

from tests.programs.service import PASSWORD
from tests.web.asked import GOOD, JSON, ask, bearer, claims_of, is_let_in, log_in, rows
from tests.web.conftest import Web

pytestmark = pytest.mark.asyncio(loop_scope="module")

DAY = 86_400


async def test_a_login_gives_tokens_and_nobody_keeps_the_answer(settled: Web) -> None:
    answer = await ask(settled, "POST", "/login", JSON, json.dumps(GOOD))
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Type"].startswith("application/json")
    assert "Set-Cookie" not in answer.headers
    tokens = answer.json
    assert set(tokens) == {
        *("access_token", "token_type", "expires_in"),
        *("refresh_token", "refresh_expires_in", "scope"),
    }
    assert (tokens["token_type"], tokens["scope"]) == ("Bearer", "")
    assert (tokens["expires_in"], tokens["refresh_expires_in"]) == (600, 30 * DAY)


async def test_the_access_token_says_who_it_is(settled: Web) -> None:
    user = await settled.add_user("bob", "staff", "ops")
    claims = claims_of((await log_in(settled, username="bob")).json["access_token"])
    assert (claims["sub"], claims["preferred_username"]) == (user.id, "bob")
    assert (claims["roles"], claims["email"]) == (["staff", "ops"], "bob@example.com")
    assert (claims["aud"], claims["client_id"], claims["amr"]) == (["api"], "sidecar", ["pwd"])
    assert claims["exp"] - claims["iat"] == 600
    assert claims["auth_time"] == claims["iat"] == claims["nbf"]


async def test_what_a_user_does_not_have_is_left_out_of_the_token(settled: Web) -> None:
    await settled.add_user("plain")
    await settled.change_user("plain", email="", name="")
    token = (await log_in(settled, username="plain")).json["access_token"]
    assert {"email", "name"}.isdisjoint(claims_of(token))


@pytest.mark.parametrize("spelling", ["alice", "Alice", "ALICE", "\uff41lice"])
async def test_any_spelling_of_a_username_logs_in(settled: Web, spelling: str) -> None:
    answer = await log_in(settled, username=spelling)
    assert claims_of(answer.json["access_token"])["preferred_username"] == "alice"


@pytest.mark.parametrize(
    "members",
    [
        {"password": PASSWORD + "x"},
        {"password": PASSWORD[:-1]},
        {"password": PASSWORD.upper()},
        {"password": PASSWORD + " "},
        {"username": "nobody"},
        {"username": "alice "},
        {"username": "al\u0456ce"},
        {"username": "alice:"},
        {"username": "a" * 256},
        {"username": "alice", "password": "p" * 1024},
    ],
)
async def test_who_is_not_known_and_who_errs_get_one_answer(
    settled: Web, members: dict[str, str]
) -> None:
    before = await rows(settled)
    answer = await log_in(settled, **members)
    answer.assert_problem(401, "invalid_credentials")
    assert set(answer.json) == {"title", "status", "reason", "request_id"}
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert await rows(settled) == before


async def test_a_disabled_user_is_refused_like_an_unknown_one(settled: Web) -> None:
    await settled.add_user("former")
    await settled.change_user("former", disabled=True)
    disabled = await log_in(settled, username="former")
    unknown = await log_in(settled, username="nobody")
    for answer in (disabled, unknown):
        answer.assert_problem(401, "invalid_credentials")
    assert set(disabled.headers) == set(unknown.headers)
    assert disabled.json | {"request_id": ""} == unknown.json | {"request_id": ""}


async def test_two_logins_are_two_sessions(settled: Web) -> None:
    first, second = await settled.log_in(), await settled.log_in()
    await ask(settled, "POST", "/logout", bearer(first["access_token"]))
    assert not await is_let_in(settled, first["access_token"])
    assert await is_let_in(settled, second["access_token"])


async def test_a_new_password_is_the_only_one(settled: Web) -> None:
    await settled.add_user("eve")
    await settled.set_password("eve", PASSWORD * 2)
    (await log_in(settled, username="eve")).assert_problem(401, "invalid_credentials")
    assert (await log_in(settled, username="eve", password=PASSWORD * 2)).status == 200
