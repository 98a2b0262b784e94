"""Moments in which nothing can be told: 503 with `Retry-After`, and never a 500."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlencode

import pytest

from sidecar.clock import read_clock
from sidecar.core.audit import OPERATOR, Author
from sidecar.core.keyring import KeyRing
from sidecar.core.revocation import RevocationView
from sidecar.credentials.passwords import LONGEST_QUEUE, MOST_STRANGERS
from tests.web.asked import GOOD, OWN_FORM, Asked, ask, bearer, is_let_in, locked, log_in, refresh
from tests.web.conftest import Web

pytestmark = pytest.mark.asyncio

STALE = 30  # seconds, revocation.max_staleness
AT_ONCE = 1.0  # seconds; a store that is held is waited for three times as long
LONG_AGO = 6.0  # seconds; ten looks at the keys
ACCEPTED = 5.0  # seconds within which even a bad moment is answered


def assert_not_now(answer: Asked) -> None:
    """Fail unless the caller is told to come back."""
    members = answer.assert_problem(503, "unavailable")
    assert members["detail"]
    assert "/" not in members["detail"]  # no file or host of ours
    assert answer.headers["Retry-After"] == "2"
    assert "Set-Cookie" not in answer.headers


@asynccontextmanager
async def hashing(web: Web, passwords: int) -> AsyncIterator[None]:
    """Let so many passwords wait to be checked, for the length of the block."""
    done = threading.Event()
    hasher = web.serving.services.passwords

    async def wait() -> None:
        with hasher.place():
            await hasher._run(done.wait)

    waiting = [asyncio.create_task(wait()) for _ in range(passwords)]
    await asyncio.sleep(0)  # each has joined the queue
    try:
        yield
    finally:
        done.set()
        await asyncio.gather(*waiting)


async def await_queue(web: Web, passwords: int) -> None:
    """Wait until so many passwords wait."""
    async with asyncio.timeout(ACCEPTED):
        while web.serving.services.passwords._waiting < passwords:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.005)


async def await_broken_keys(web: Web) -> None:
    """Wait until the service has found a key that it cannot read."""
    async with asyncio.timeout(ACCEPTED):
        while "keys" not in web.serving.list_degraded():  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.02)


async def test_with_a_full_queue_a_login_is_sent_away_at_once(served: Web) -> None:
    await served.add_user()
    async with hashing(served, LONGEST_QUEUE), asyncio.timeout(ACCEPTED):
        for cookie in (False, True):
            assert_not_now(await log_in(served, cookie=cookie))
            assert_not_now(await log_in(served, username="nobody", cookie=cookie))
        assert_not_now(await ask(served, "POST", "/login", OWN_FORM, urlencode(GOOD)))
    assert (await log_in(served)).status == 200


async def test_who_is_sent_away_by_a_full_queue_never_reaches_the_store(served: Web) -> None:
    """Else strangers would queue for its connections, and everybody who is known behind them."""
    await served.add_user()
    async with hashing(served, LONGEST_QUEUE), locked(served), asyncio.timeout(AT_ONCE):
        for username in ("alice", "nobody"):
            assert_not_now(await log_in(served, username=username))


async def test_a_place_is_held_from_before_the_store_is_read(served: Web) -> None:
    await served.add_user()
    async with locked(served):
        addresses = [{"X-Forwarded-For": f"192.0.2.{number}"} for number in range(MOST_STRANGERS)]
        logins = [
            asyncio.create_task(ask(served, "POST", "/login", address, GOOD))
            for address in addresses
        ]
        await await_queue(served, MOST_STRANGERS)
        async with asyncio.timeout(AT_ONCE):
            assert_not_now(await log_in(served))
    assert {(await login).status for login in logins} <= {200, 429, 503}
    assert (await log_in(served)).status == 200


async def test_the_last_place_in_the_queue_is_a_place(served: Web) -> None:
    await served.add_user()
    async with hashing(served, MOST_STRANGERS - 1):
        waits = asyncio.create_task(log_in(served))
        await await_queue(served, MOST_STRANGERS)
        assert_not_now(await log_in(served))
        assert not waits.done()
    assert (await waits).status == 200


async def test_a_full_queue_stops_nobody_who_is_logged_in(served: Web) -> None:
    await served.add_user()
    tokens = await served.log_in()
    async with hashing(served, LONGEST_QUEUE), asyncio.timeout(ACCEPTED):
        assert await is_let_in(served, tokens["access_token"])
        assert (await refresh(served, tokens["refresh_token"])).status == 200
        assert (await ask(served, "GET", "/login")).status == 200
        logout = await ask(served, "POST", "/logout", bearer(tokens["access_token"]))
        assert logout.status == 204


async def test_without_the_store_nothing_is_told_and_nothing_promised(served: Web) -> None:
    await served.add_user()
    tokens, cookie = await served.log_in(), await served.log_in_cookie()
    refresh_body = {"refresh_token": tokens["refresh_token"]}
    asked: tuple[tuple[str, dict[str, str], object], ...] = (
        ("/login", {}, GOOD),
        ("/login", {}, {**GOOD, "cookie": True}),
        ("/login", OWN_FORM, urlencode(GOOD)),
        ("/refresh", {}, refresh_body),
        ("/logout", bearer(tokens["access_token"]), None),
        ("/logout", bearer(tokens["access_token"]), {"everywhere": True}),
        ("/logout", {"Cookie": cookie}, None),
    )
    async with locked(served):
        began = time.monotonic()
        answers = await asyncio.gather(
            *(ask(served, "POST", path, headers, body) for path, headers, body in asked)
        )
        assert time.monotonic() - began < ACCEPTED
    for answer in answers:
        assert_not_now(answer)
    assert await is_let_in(served, tokens["access_token"])
    assert (await refresh(served, tokens["refresh_token"])).status == 200
    assert (await log_in(served)).status == 200


async def test_without_the_store_what_needs_none_goes_on(served: Web) -> None:
    await served.add_user()
    cookie = {"Cookie": await served.log_in_cookie()}
    async with locked(served), asyncio.timeout(ACCEPTED):
        for path, headers, status in (
            ("/login", {}, 200),
            ("/login", cookie, 303),
            ("/logout", cookie, 200),
            ("/me", {}, 401),
            ("/.well-known/jwks.json", {}, 200),
            ("/.well-known/openid-configuration", {}, 200),
            ("/static/sidecar.css", {}, 200),
        ):
            assert (await ask(served, "GET", path, headers)).status == status, path


def old_view() -> RevocationView:
    """Return a view that was last read too long ago."""
    view = RevocationView()
    view.heard(read_clock().monotonic - STALE - 1)
    return view


@pytest.mark.parametrize("make_view", [RevocationView, old_view])
async def test_while_the_view_is_too_old_nobody_is_told_who_they_are(
    served: Web, make_view: Callable[[], RevocationView]
) -> None:
    await served.add_user()
    tokens, cookie = await served.log_in(), {"Cookie": await served.log_in_cookie()}
    served.serving.gate.view = make_view()
    for path in ("/login", "/logout", "/me"):
        assert_not_now(await ask(served, "GET", path, cookie))
    assert_not_now(await ask(served, "GET", "/me", bearer(tokens["access_token"])))
    for path, status in (("/login", 200), ("/logout", 200), ("/me", 401)):
        assert (await ask(served, "GET", path)).status == status
        forged = {"Cookie": "__Host-sidecar=x.y.z"}
        assert (await ask(served, "GET", path, forged)).status == status


async def test_while_the_view_is_too_old_people_log_in_and_out(served: Web) -> None:
    await served.add_user()
    served.serving.gate.view = old_view()
    tokens = await served.log_in()
    assert (await refresh(served, tokens["refresh_token"])).status == 200
    ended = await ask(served, "POST", "/logout", bearer(tokens["access_token"]))
    assert ended.status == 204
    assert (await refresh(served, tokens["refresh_token"])).status == 401


async def test_while_the_view_is_too_old_not_everything_can_be_ended(served: Web) -> None:
    await served.add_user()
    tokens = await served.log_in()
    fresh, served.serving.gate.view = served.serving.gate.view, old_view()
    body = {"everywhere": True}
    assert_not_now(await ask(served, "POST", "/logout", bearer(tokens["access_token"]), body))
    served.serving.gate.view = fresh
    assert await is_let_in(served, tokens["access_token"])


async def test_an_account_that_changes_during_its_login_gets_nothing(served: Web) -> None:
    await served.add_user()
    async with hashing(served, 2):  # both threads: the next password waits
        login = asyncio.create_task(log_in(served))
        await await_queue(served, 3)
        await served.serving.services.revocations.end_all_sessions(Author(OPERATOR), 0)
    assert_not_now(await login)
    assert (await log_in(served)).status == 200


async def test_without_a_key_that_signs_nothing_is_given_and_no_refresh_token_spent(
    served: Web,
) -> None:
    await served.add_user()
    tokens = await served.log_in()
    (served.directory / "keys" / "broken.pem").write_text("")
    await await_broken_keys(served)  # from then on nobody reads a ring, nor makes another key
    ring, served.serving.gate.ring = served.serving.gate.ring, KeyRing.of([])
    for cookie in (False, True):
        assert_not_now(await log_in(served, cookie=cookie))
    assert_not_now(await refresh(served, tokens["refresh_token"]))
    served.serving.gate.ring = ring
    second = (await refresh(served, tokens["refresh_token"])).json
    assert (await refresh(served, second["refresh_token"])).status == 200


async def test_a_bug_is_told_by_its_id_and_nothing_else(
    served: Web, caplog: pytest.LogCaptureFixture
) -> None:
    await served.add_user()
    # Nothing of ours expects that while it serves.
    await asyncio.to_thread(served.serving.services.passwords.close)
    answer = await log_in(served)
    members = answer.assert_problem(500, "internal")
    assert set(members) == {"title", "status", "reason", "request_id"}
    (record,) = [record for record in caplog.records if record.exc_info]
    assert vars(record)["request_id"] == members["request_id"]
    assert (await ask(served, "GET", "/me")).status == 401


async def test_who_has_not_read_a_key_ends_nothing_and_says_so(
    served: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another replica may have sealed a token by a key that came since the last look."""
    await served.add_user()
    token = (await log_in(served)).json["access_token"]
    assert "keys" not in served.serving.list_degraded()
    with monkeypatch.context() as patched:
        patched.setattr(served.serving.gate, "ring", KeyRing.of([]))
        patched.setattr(served.serving.gate, "ring_read_at", read_clock().monotonic - LONG_AGO)
        assert "keys" in served.serving.list_degraded()
        # While the source is wrong no look counts.
        patched.setattr(served.serving._sources.keys, "problem", "is not there")
        assert_not_now(await ask(served, "POST", "/logout", bearer(token)))
    assert await is_let_in(served, token)
