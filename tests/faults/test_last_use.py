"""Last uses are written down in time, and who was idle for long is logged out; nobody else is."""

import asyncio
import secrets
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path

import pytest

from sidecar.accounts import NewUser
from sidecar.app import sweep as sweep_module
from sidecar.app.serving import Serving
from sidecar.app.sweep import FLUSH_MARGIN
from sidecar.clock import Now, read_clock
from sidecar.core.audit import OPERATOR, Author
from sidecar.core.encoding import to_base64url
from sidecar.core.lastuse import LastUse, Used
from sidecar.core.session import SID_OCTETS, Session, SessionKind
from sidecar.ports import SessionBound
from tests.faults.asking import until
from tests.faults.inside import serving_inside
from tests.programs.service import PASSWORD
from tests.programs.sqlite import held

pytestmark = pytest.mark.asyncio

BY = Author(OPERATOR)
NEVER = 3600.0  # seconds
OFTEN = 0.05  # seconds
IDLE_TTL = 600  # seconds
BOUND = SessionBound(most=100, refresh_ttl=3600, keep_after=60)


@pytest.fixture(autouse=True)
def _seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing happens but what a test asks for."""
    monkeypatch.setattr(sweep_module, "SWEEP_PERIOD", NEVER)
    monkeypatch.setattr(sweep_module, "FLUSH_PERIOD", NEVER)
    monkeypatch.setattr(sweep_module, "FLUSH_RETRY", OFTEN)


@asynccontextmanager
async def serving_idle(directory: Path) -> AsyncIterator[Serving]:
    """Run a service that ends idle cookie sessions; alice is a user."""
    settings = {"session": {"idle_ttl": f"{IDLE_TTL}s"}}
    async with serving_inside(directory, settings) as (serving, _):
        await serving.services.accounts.add(NewUser("alice"), PASSWORD, BY, read_clock().unix)
        yield serving


async def open_session(
    serving: Serving, used_ago: int = 0, kind: SessionKind = SessionKind.COOKIE
) -> str:
    """Open a session of alice that was last used so many seconds ago; return its `sid`."""
    account = await serving.services.store.sessions.find_account("alice")
    assert account is not None
    now = read_clock().unix
    at = now - used_ago
    sid = to_base64url(secrets.token_bytes(SID_OCTETS))
    session = Session(
        sid, account.user.id, kind, 0, at, at, now + 3600, now + 3600, ("pwd",), used_at=at
    )
    assert await serving.services.store.sessions.add_session(session, account.epoch, BOUND) == ()
    return sid


def used_at(directory: Path, sid: str) -> int | None:
    """Return what the database says; None where the session has ended."""
    with closing(sqlite3.connect(directory / "data" / "sidecar.db", timeout=10)) as database:
        row = database.execute("SELECT used_at FROM sessions WHERE sid = ?", (sid,)).fetchone()
    return None if row is None else int(row[0])


def has_room_for(most: int, serving: Serving) -> LastUse:
    """Make the memory of last uses small."""
    memory = serving.gate.last_use
    memory._most = most
    return memory


async def test_last_uses_are_written_once_a_period(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_module, "FLUSH_PERIOD", OFTEN)
    async with serving_idle(tmp_path) as serving:
        sid, at = await open_session(serving, 60), read_clock().unix
        serving.gate.last_use.note(Used.SESSION, sid, at)

        async def is_written() -> bool:
            return used_at(tmp_path, sid) == at

        await until(is_written, "the last use")


async def test_last_uses_are_written_at_once_where_there_is_no_more_room(tmp_path: Path) -> None:
    async with serving_idle(tmp_path) as serving:
        one, other = await open_session(serving, 60), await open_session(serving, 60)
        memory, at = has_room_for(2, serving), read_clock().unix
        memory.note(Used.SESSION, one, at)
        await asyncio.sleep(0)
        memory.note(Used.SESSION, other, at)

        async def are_written() -> bool:
            return used_at(tmp_path, one) == used_at(tmp_path, other) == at

        await until(are_written, "the last uses")


@pytest.mark.parametrize("ahead", [0, 86_400])
async def test_last_uses_are_written_at_the_end(tmp_path: Path, ahead: int) -> None:
    """What a clock that was ahead has noted is of now."""
    async with serving_idle(tmp_path) as serving:
        sid, at = await open_session(serving, 60), read_clock().unix
        serving.gate.last_use.note(Used.SESSION, sid, at + ahead)
    assert at <= (used_at(tmp_path, sid) or 0) <= (read_clock().unix if ahead else at)


async def test_an_end_with_a_locked_database_is_no_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_module, "LAST_FLUSH", 0.2)
    async with AsyncExitStack() as holding:
        async with serving_idle(tmp_path) as serving:
            sid = await open_session(serving, 60)
            serving.gate.last_use.note(Used.SESSION, sid, read_clock().unix)
            await holding.enter_async_context(held(tmp_path / "data" / "sidecar.db"))
            began = time.monotonic()
        assert time.monotonic() - began < 6  # seconds; a process has ten


async def test_what_cannot_be_written_is_kept_and_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sweep_module, "FLUSH_PERIOD", OFTEN)
    async with serving_idle(tmp_path) as serving:
        sid, at = await open_session(serving, 60), read_clock().unix

        async def has_warned() -> bool:
            return "last uses are not written down" in caplog.text

        async with held(tmp_path / "data" / "sidecar.db"):
            serving.gate.last_use.note(Used.SESSION, sid, at)
            await until(has_warned, "a warning")
            assert not serving._flush.is_settled(_later(NEVER))

        async def is_written() -> bool:
            return used_at(tmp_path, sid) == at

        await until(is_written, "the last use")


def _later(seconds: float) -> Now:
    now = read_clock()
    return Now(now.unix + int(seconds), now.monotonic + seconds)


async def test_nobody_is_idle_before_sql_was_there_for_the_margin(tmp_path: Path) -> None:
    async with serving_idle(tmp_path) as serving:
        assert not serving._flush.is_settled(_later(FLUSH_MARGIN))
        before = read_clock().monotonic
        await serving._flush.flush()
        after = read_clock().monotonic
        assert not serving._flush.is_settled(Now(0, before + FLUSH_MARGIN - 0.001))
        assert serving._flush.is_settled(Now(0, after + FLUSH_MARGIN))
        await serving._flush.flush()  # what was good goes on being so since the first time
        assert serving._flush.is_settled(Now(0, after + FLUSH_MARGIN))


@pytest.fixture
def _settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every process has written down what it knew, and a sweep comes soon."""
    monkeypatch.setattr(sweep_module, "FLUSH_PERIOD", OFTEN)
    monkeypatch.setattr(sweep_module, "SWEEP_PERIOD", OFTEN)
    monkeypatch.setattr(sweep_module.LastUseFlush, "is_settled", lambda *_: True)


@pytest.mark.usefixtures("_settled")
async def test_a_cookie_that_nobody_used_for_long_is_logged_out_and_no_other(
    tmp_path: Path,
) -> None:
    async with serving_idle(tmp_path) as serving:
        margin = 60  # seconds that this test may take
        limit = IDLE_TTL + FLUSH_MARGIN
        kept = [
            await open_session(serving, limit - margin),
            await open_session(serving),
            await open_session(serving, limit + 5, SessionKind.BEARER),
        ]
        came_back = await open_session(serving, limit - margin)
        serving.gate.last_use.note(Used.SESSION, came_back, read_clock().unix)
        idle = await open_session(serving, limit + 5)

        async def has_ended() -> bool:
            return used_at(tmp_path, idle) is None and len(serving.gate.view) == 1

        await until(has_ended, "the end of the idle session")
        assert all(used_at(tmp_path, sid) is not None for sid in [*kept, came_back])
        entries = await serving.services.store.revocations.read_entries(0)
        assert [entry.revocation.subject for entry in entries] == [idle]


async def test_nobody_is_logged_out_while_last_uses_may_be_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_module, "SWEEP_PERIOD", OFTEN)
    async with serving_idle(tmp_path) as serving:
        idle = await open_session(serving, IDLE_TTL + FLUSH_MARGIN + 5)
        over = await serving.services.store.revocations.revoke_token("over", forget_at=1)

        async def has_swept() -> bool:
            return list(await serving.services.store.revocations.read_entries(0)) == []

        assert over
        await until(has_swept, "a sweep")
        assert used_at(tmp_path, idle) is not None


@pytest.mark.usefixtures("_settled")
async def test_after_the_clock_has_jumped_nobody_is_idle_until_all_times_are_of_the_new_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ahead = [0]  # seconds

    def read_ahead() -> Now:
        now = read_clock()
        return now._replace(unix=now.unix + ahead[0])

    monkeypatch.setattr(sweep_module, "read_clock", read_ahead)
    async with serving_idle(tmp_path) as serving:
        used = await open_session(serving)
        ahead[0] = IDLE_TTL + FLUSH_MARGIN + 1000

        async def has_jumped() -> bool:
            return "the clock jumped" in caplog.text

        await until(has_jumped, "a jump")
        await serving.services.store.revocations.revoke_token("over", forget_at=1)

        async def has_swept() -> bool:
            return list(await serving.services.store.revocations.read_entries(0)) == []

        await until(has_swept, "a sweep by the new clock")
        assert used_at(tmp_path, used) is not None
        jumped = serving._sweep._jumped_at
        assert jumped is not None
        until_then = jumped + IDLE_TTL + FLUSH_MARGIN
        # Not at the very moment: what a sum lacks of it is rounding.
        assert not serving._sweep._knows_idle(Now(0, until_then - 0.001), IDLE_TTL)
        assert serving._sweep._knows_idle(Now(0, until_then + 0.001), IDLE_TTL)
