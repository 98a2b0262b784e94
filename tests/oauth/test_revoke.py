"""`POST /oauth/revoke` (RFC 7009): who may take which token away."""

import secrets

import pytest

from sidecar.clock import read_clock
from sidecar.core.claims import TokenKind
from sidecar.core.keyring import Purpose
from sidecar.core.token import seal_token
from tests.core.forge import make_program_claims
from tests.oauth.programs import Oauth, assert_refused
from tests.web.asked import ask, bearer, is_let_in, refresh, rows
from tests.web.conftest import Web

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEEP_AFTER = 7_200  # seconds, revocation.keep_after


async def is_good(shared: Oauth, token: str) -> bool:
    """Say whether the gate still lets a token in."""
    answer = await shared.verify(token)
    assert answer.status in {200, 401}
    return answer.status == 200


async def read_revocations(web: Web) -> list[str]:
    return [row for row in await rows(web) if 'INTO "revocations"' in row]


async def test_a_program_takes_its_own_token_away(shared: Oauth) -> None:
    token, other = [await shared.log_in(shared.reports) for _ in range(2)]
    for headers in (shared.reports.basic, shared.reports.basic):  # the second time it is over
        answer = await shared.revoke(token, headers)
        assert (answer.status, answer.body) == (200, b"")
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Request-Id"]
    assert not await is_good(shared, token)
    assert await is_good(shared, other)


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "other", ""])
async def test_a_hint_that_is_wrong_changes_nothing(shared: Oauth, hint: str) -> None:
    token = await shared.log_in(shared.reports)
    form = {"token": token, "token_type_hint": hint, **shared.reports.post}
    assert (await shared.ask("/oauth/revoke", form)).status == 200
    assert not await is_good(shared, token)


async def test_a_token_that_was_given_to_somebody_else_stays(shared: Oauth) -> None:
    reports = await shared.log_in(shared.reports)
    alice = (await shared.web.log_in())["access_token"]
    before = await read_revocations(shared.web)
    for token, headers in (
        (reports, shared.files.basic),
        (reports, shared.elsewhere.basic),
        (alice, shared.reports.basic),
        (reports, shared.alice),
    ):
        assert_refused(await shared.revoke(token, headers), 400, "invalid_grant")
    assert await is_good(shared, reports)
    assert await is_let_in(shared.web, alice)
    assert await read_revocations(shared.web) == before


async def test_an_administrator_takes_any_access_token_away(shared: Oauth) -> None:
    alice = (await shared.web.log_in())["access_token"]
    elsewhere = await shared.log_in(shared.elsewhere)
    for token in (await shared.log_in(shared.reports), alice, elsewhere):
        assert (await shared.revoke(token, shared.root)).status == 200
        assert not (await shared.introspect(token, shared.root))["active"]
    assert not await is_let_in(shared.web, alice)


async def test_a_person_takes_their_own_access_token_away(shared: Oauth) -> None:
    token = (await shared.web.log_in())["access_token"]
    assert (await shared.revoke(token, bearer(token))).status == 200
    assert not await is_let_in(shared.web, token)
    again = await shared.revoke(token, bearer(token))
    again.assert_problem(401, "revoked_token")


@pytest.mark.parametrize("more", [{}, {"client_id": "sidecar"}])
async def test_whoever_shows_a_refresh_token_ends_its_session(
    shared: Oauth, more: dict[str, str]
) -> None:
    tokens = await shared.web.log_in()
    form = {"token": tokens["refresh_token"], **more}
    for _ in range(2):  # once it has ended there is nothing left to do
        assert (await shared.ask("/oauth/revoke", form)).status == 200
    assert (await refresh(shared.web, tokens["refresh_token"])).status == 401
    assert not await is_let_in(shared.web, tokens["access_token"])  # section 2.1: of that grant too
    assert await is_let_in(shared.web, shared.alice["Authorization"].removeprefix("Bearer "))


async def test_an_old_refresh_token_ends_its_session_too(shared: Oauth) -> None:
    first = (await shared.web.log_in())["refresh_token"]
    second = (await refresh(shared.web, first)).json["refresh_token"]
    assert (await shared.revoke(first)).status == 200
    assert (await refresh(shared.web, second)).status == 401


async def test_a_program_may_show_a_refresh_token_as_anybody_may(shared: Oauth) -> None:
    token = (await shared.web.log_in())["refresh_token"]
    assert (await shared.revoke(token, shared.reports.basic)).status == 200
    assert (await refresh(shared.web, token)).status == 401


@pytest.mark.parametrize("token", ["x", "a.b.c", "\u00e9", "x" * 20_000, "x" * 70])
async def test_a_token_that_is_unknown_is_done_with(shared: Oauth, token: str) -> None:
    before = await read_revocations(shared.web)
    for headers in (shared.reports.basic, shared.root):
        assert (await shared.revoke(token, headers)).status == 200
    assert await read_revocations(shared.web) == before


async def test_a_cookie_and_an_assertion_are_unknown(shared: Oauth) -> None:
    cookie = (await shared.web.log_in_cookie()).partition("=")[2]
    token = await shared.log_in(shared.reports)
    assertion = (await shared.verify(token)).headers["X-Auth-Assertion"]
    assert assertion
    before = await read_revocations(shared.web)
    for text in (cookie, assertion):
        assert (await shared.revoke(text, shared.root)).status == 200
    assert await read_revocations(shared.web) == before


async def test_who_is_nobody_takes_no_access_token_away(shared: Oauth) -> None:
    token = await shared.log_in(shared.reports)
    refresh_token = (await shared.web.log_in())["refresh_token"]
    for shown in (token, "x", refresh_token[:-1], f"{refresh_token}A"):
        assert_refused(await shared.revoke(shown), 401, "invalid_client")
    assert await is_good(shared, token)


async def test_a_wrong_credential_is_refused_whatever_is_shown(shared: Oauth) -> None:
    refresh_token = (await shared.web.log_in())["refresh_token"]
    wrong = {"client_id": shared.reports.client_id, "client_secret": shared.files.secret}
    form = {"token": refresh_token, **wrong}
    assert_refused(await shared.ask("/oauth/revoke", form), 401, "invalid_client")
    bearer = {"Authorization": "Bearer x"}
    (await shared.revoke(refresh_token, bearer)).assert_problem(401, "token_malformed")
    assert (await refresh(shared.web, refresh_token)).status == 200


async def test_the_token_of_a_program_is_no_credential_here(shared: Oauth) -> None:
    token = await shared.log_in(shared.reports)
    shown = {"Authorization": f"Bearer {token}"}
    (await shared.revoke(token, shown)).assert_problem(403, "user_not_listed")
    assert await is_good(shared, token)


async def test_a_cookie_of_an_administrator_is_no_credential_here(shared: Oauth) -> None:
    cookie = await shared.web.log_in_cookie("root")
    token = await shared.log_in(shared.reports)
    answer = await shared.revoke(token, {"Cookie": cookie, "Sec-Fetch-Site": "same-origin"})
    assert_refused(answer, 401, "invalid_client")
    assert (await ask(shared.web, "GET", "/me", {"Cookie": cookie})).status == 200
    assert await is_good(shared, token)


@pytest.mark.parametrize("path", ["/oauth/revoke", "/logout"])
@pytest.mark.parametrize(("seconds", "entries"), [(-KEEP_AFTER, 0), (60 - KEEP_AFTER, 1), (60, 1)])
async def test_a_token_is_at_most_one_entry_and_none_where_it_is_over_everywhere(
    shared: Oauth, path: str, seconds: int, entries: int
) -> None:
    """Until then a process whose clock is behind may still take it."""
    token = seal_again(shared, seconds)
    before = await read_revocations(shared.web)
    for _ in range(3):
        if path == "/logout":
            answer = await ask(shared.web, "POST", path, bearer(token))
        else:
            answer = await shared.revoke(token, shared.reports.basic)
        assert answer.status in {200, 204}
        assert len(await read_revocations(shared.web)) == len(before) + entries


def seal_again(shared: Oauth, seconds: int) -> str:
    """Return a token of a program that ends in so many seconds."""
    now, gate, client_id = read_clock().unix, shared.web.serving.gate, shared.reports.client_id
    key = gate.ring.find_signing_key(Purpose.TOKEN, now)
    assert key is not None
    claims = make_program_claims()._replace(
        iss=gate.issuer,
        sub=client_id,
        client_id=client_id,
        jti=secrets.token_urlsafe(8),
        epoch=(0, 0),
        iat=now - 2 * KEEP_AFTER,
        nbf=now - 2 * KEEP_AFTER,
        exp=now + seconds,
    )
    return seal_token(claims, TokenKind.ACCESS, key)
