"""`POST /oauth/introspect` (RFC 7662): what a token is worth, to those whom it concerns."""

import pytest

from tests.oauth.programs import INACTIVE, Oauth, assert_refused, told_of
from tests.web.asked import claims_of, refresh
from tests.web.conftest import PUBLIC_URL

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_program_is_told_of_its_own_token(shared: Oauth) -> None:
    token = await shared.log_in(shared.reports, scope="reports")
    told = await shared.introspect(token, shared.reports.basic)
    assert told == told_of(token)
    assert (told["iss"], told["scope"], told["aud"]) == (PUBLIC_URL, "reports", ["api", "files"])
    assert (told["sub"], told["client_id"]) == (shared.reports.client_id,) * 2
    assert "username" not in told


async def test_a_person_is_told_of_by_username(shared: Oauth) -> None:
    token = (await shared.web.log_in())["access_token"]
    for headers in (shared.reports.basic, shared.files.basic, shared.root):
        assert await shared.introspect(token, headers) == {**told_of(token), "username": "alice"}


async def test_who_may_see_which_token(shared: Oauth) -> None:
    reports = await shared.log_in(shared.reports)
    narrow = await shared.log_in(shared.reports, resource="api")
    files = await shared.log_in(shared.files)
    elsewhere = await shared.log_in(shared.elsewhere)
    sees = {
        # Its own, and what is meant for one of its audience.
        "reports": (shared.reports.basic, [reports, narrow, files]),
        "files": (shared.files.basic, [reports, files]),
        "elsewhere": (shared.elsewhere.basic, [elsewhere]),
        "root": (shared.root, [reports, narrow, files, elsewhere]),
    }
    for who, (headers, visible) in sees.items():
        for token in (reports, narrow, files, elsewhere):
            told = await shared.introspect(token, headers)
            assert told == (told_of(token) if token in visible else INACTIVE), who


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "other"])
async def test_a_hint_that_is_wrong_changes_nothing(shared: Oauth, hint: str) -> None:
    token = await shared.log_in(shared.reports)
    form = {"token": token, "token_type_hint": hint, **shared.reports.post}
    assert (await shared.ask("/oauth/introspect", form)).json == told_of(token)


async def test_what_is_no_token_of_ours_is_not_active(shared: Oauth) -> None:
    token = await shared.log_in(shared.reports)
    cookie = (await shared.web.log_in_cookie()).partition("=")[2]
    assertion = (await shared.verify(token)).headers["X-Auth-Assertion"]
    head, body, seal = token.split(".")
    for text in (
        *("x", "a.b.c", "\u00e9", "x" * 20_000, f"{token}=", token[:-1], f"{head}.{body}."),
        *(f"{body}.{body}.{seal}", cookie, assertion, shared.reports.secret),
    ):
        for headers in (shared.reports.basic, shared.root):
            assert await shared.introspect(text, headers) == INACTIVE


async def test_an_administrator_is_told_of_refresh_tokens(shared: Oauth) -> None:
    tokens = await shared.web.log_in()
    claims = claims_of(tokens["access_token"])
    token = tokens["refresh_token"]
    assert await shared.introspect(token, shared.root) == {
        "active": True,
        "client_id": "sidecar",
        "sub": claims["sub"],
        "sid": claims["sid"],
        "iat": claims["iat"],
        "exp": claims["iat"] + tokens["refresh_expires_in"],
    }
    assert await shared.introspect(token, shared.reports.basic) == INACTIVE
    await shared.revoke(token)
    assert await shared.introspect(token, shared.root) == INACTIVE
    for bad in (token[:-1], f"{token}A", "x" * 70):
        assert await shared.introspect(bad, shared.root) == INACTIVE


async def test_a_refresh_token_that_was_spent_is_not_active(shared: Oauth) -> None:
    first = (await shared.web.log_in())["refresh_token"]
    token = first
    for _ in range(2):
        token = (await refresh(shared.web, token)).json["refresh_token"]
    assert await shared.introspect(first, shared.root) == INACTIVE
    assert (await shared.introspect(token, shared.root))["active"]


async def test_only_programs_and_administrators_are_told_anything(shared: Oauth) -> None:
    token = await shared.log_in(shared.reports)
    form = {"token": token}
    path = "/oauth/introspect"
    for more in ({}, {"client_id": "sidecar"}, {"client_id": shared.reports.client_id}):
        assert_refused(await shared.ask(path, {**form, **more}), 401, "invalid_client")
    answer = await shared.ask(path, form, shared.alice)
    answer.assert_problem(403, "role_missing")
    answer = await shared.ask(path, form, {"Authorization": f"Bearer {token}"})
    answer.assert_problem(403, "user_not_listed")
    answer = await shared.ask(path, form, {"Authorization": "Bearer x"})
    answer.assert_problem(401, "token_malformed")
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    cookie = await shared.web.log_in_cookie("root")
    answer = await shared.ask(path, form, {"Cookie": cookie, "Sec-Fetch-Site": "same-origin"})
    assert_refused(answer, 401, "invalid_client")
