"""The feed that always runs: what another connection commits is here within a second."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import sqlalchemy as sa

from sidecar.core.revocation import Revocation, RevocationView
from sidecar.errors import StoreUnavailable
from sidecar.stores.sql import SqlStore, feed
from sidecar.stores.sql.engine import CONNECTIONS
from sidecar.stores.sql.feed import LONGEST_TRUST, PERIOD
from tests.contracts.sql_stores import (
    BY,
    HASH,
    NOW,
    add_user,
    end_user,
    make_user,
    outside,
    run_sql,
)

pytestmark = pytest.mark.asyncio

BOUND = 1.0  # seconds from a commit until every process holds it
PATIENCE = 10.0  # seconds; a test that waits longer has failed


class Reader:
    """A feed with a view, and when it read what."""

    def __init__(self, store: SqlStore) -> None:
        self.view = RevocationView()
        self.arrived: dict[str, float] = {}
        self.heard: list[float] = []
        self.reads = 0
        self._changed = asyncio.Event()
        self.feed = store.make_feed(self._apply, self._hear)

    def _apply(self, revocations: Iterable[Revocation]) -> None:
        taken = list(revocations)
        self.view.apply(taken)
        self.reads += 1
        for each in taken:
            self.arrived.setdefault(each.subject, time.monotonic())
        self._changed.set()

    def _hear(self, at: float) -> None:
        self.heard.append(at)
        self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until this holds, looking whenever the feed has read something."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self._changed.clear()
                try:
                    await asyncio.wait_for(self._changed.wait(), 0.1)
                except TimeoutError:
                    continue  # a change of health alone tells nobody


@asynccontextmanager
async def reading(store: SqlStore) -> AsyncIterator[Reader]:
    """Run a feed for the length of the block; it must not end by itself."""
    reader = Reader(store)
    await reader.feed.start()
    running = asyncio.create_task(reader.feed.run())
    try:
        yield reader
        assert not running.done(), running
    finally:
        running.cancel()
        await asyncio.wait([running])


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "sidecar.feed"]


async def test_the_first_view_holds_all_that_was_written(store: SqlStore) -> None:
    for number in range(3):
        await store.revocations.revoke_token(f"j-{number}", forget_at=NOW)
    reader = Reader(store)
    began = time.monotonic()
    await reader.feed.start()
    assert reader.arrived.keys() == {"j-0", "j-1", "j-2"}
    assert began <= reader.heard[0] <= reader.arrived["j-0"]


async def test_a_first_view_that_cannot_be_read_is_an_error(
    store: SqlStore, database_url: str
) -> None:
    await run_sql(database_url, "ALTER TABLE revocations RENAME TO away")
    reader = Reader(store)
    with pytest.raises(StoreUnavailable):
        await reader.feed.start()
    assert reader.heard == []


async def test_what_others_commit_is_held_within_a_second(store: SqlStore, other: SqlStore) -> None:
    user = await add_user(store)
    sent: dict[str, float] = {}
    async with reading(store) as reader:
        for number in range(20):
            await other.revocations.revoke_token(f"j-{number}", forget_at=NOW)
            sent[f"j-{number}"] = time.monotonic()
            await asyncio.sleep(PERIOD * number / 20)  # at every moment between two looks
        await end_user(other, user.id)
        sent[user.id] = time.monotonic()
        await reader.until(lambda: reader.arrived.keys() == sent.keys())
    assert max(reader.arrived[subject] - at for subject, at in sent.items()) < BOUND


async def test_what_this_process_commits_is_read_too(store: SqlStore) -> None:
    async with reading(store) as reader:
        await store.revocations.revoke_token("own", forget_at=NOW)
        committed = time.monotonic()
        await reader.until(lambda: "own" in reader.arrived)
        assert reader.arrived["own"] - committed < BOUND


async def test_a_quiet_database_is_heard_of_all_the_time(store: SqlStore) -> None:
    async with reading(store) as reader:
        await reader.until(lambda: len(reader.heard) > 5)
        assert reader.heard == sorted(reader.heard)
        assert reader.feed.healthy
    assert max(b - a for a, b in zip(reader.heard, reader.heard[1:], strict=False)) < BOUND


async def test_it_goes_on_after_errors_and_says_so_once(
    store: SqlStore, other: SqlStore, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sidecar.feed")
    async with reading(store) as reader:
        assert reader.feed.healthy
        await other.revocations.revoke_token("before", forget_at=NOW)
        await run_sql(database_url, "ALTER TABLE revocations RENAME TO away")
        await reader.until(lambda: not reader.feed.healthy)
        heard = len(reader.heard)
        await asyncio.sleep(4 * PERIOD)  # it fails again and again, and is quiet about it
        assert len(reader.heard) == heard
        await run_sql(database_url, "ALTER TABLE away RENAME TO revocations")
        await other.revocations.revoke_token("after", forget_at=NOW)
        committed = time.monotonic()
        await reader.until(lambda: {"before", "after"} <= reader.arrived.keys())
        assert reader.arrived["after"] - committed < BOUND
        await reader.until(lambda: reader.feed.healthy)
    assert lines(caplog) == [
        "the revocations cannot be read",
        "the revocations are read again",
    ]
    cause = vars(caplog.records[0])["cause"]
    assert cause.startswith(database_url.removeprefix("sqlite:///"))
    assert "SELECT" not in cause


async def test_a_change_that_was_noticed_and_could_not_be_read_is_read_later(
    store: SqlStore, other: SqlStore, database_url: str
) -> None:
    """That a change was seen does not make the view fresh."""
    async with reading(store) as reader:
        await run_sql(database_url, "ALTER TABLE revocations RENAME TO away")
        await other.users.add_user(make_user(), HASH, BY)
        committed = time.monotonic()
        await reader.until(lambda: not reader.feed.healthy)
        assert reader.heard[-1] < committed
        await run_sql(database_url, "ALTER TABLE away RENAME TO revocations")
        released = time.monotonic()
        await reader.until(lambda: reader.heard[-1] > released)
    assert all(at >= released - PERIOD for at in reader.heard if at > committed)


async def test_callers_who_hold_every_connection_keep_it_from_nothing(
    store: SqlStore, other: SqlStore
) -> None:
    async with reading(store) as reader, AsyncExitStack() as stack:
        for _ in range(CONNECTIONS):
            held = await stack.enter_async_context(store._database.read())
            await held.execute(sa.text("SELECT 1"))
            await held.rollback()
        waiting = [asyncio.create_task(store.sessions.find_session("s-1")) for _ in range(50)]
        await other.revocations.revoke_token("j-1", forget_at=NOW)
        committed = time.monotonic()
        await reader.until(lambda: "j-1" in reader.arrived)
        assert reader.arrived["j-1"] - committed < BOUND
        assert reader.feed.healthy
        assert not any(each.done() for each in waiting)
        await stack.aclose()
        assert await asyncio.gather(*waiting) == [None] * 50


NEWER = "INSERT INTO revocations (level, subject, epoch, forget_at) VALUES ('later', 'l-1', 0, 1)"


async def test_what_a_newer_version_wrote_is_no_good_read(
    store: SqlStore, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with reading(store) as reader:
        await run_sql(database_url, NEWER)
        written = time.monotonic()
        await reader.until(lambda: not reader.feed.healthy)
        await asyncio.sleep(2 * PERIOD)
        assert reader.heard[-1] < written
        await run_sql(database_url, "DELETE FROM revocations")
        await reader.until(lambda: reader.feed.healthy)
    (said,) = [vars(each)["cause"] for each in caplog.records if each.name == "sidecar.feed"]
    assert "a newer version wrote a revocation" in said
    assert said.startswith(database_url.removeprefix("sqlite:///"))


async def test_a_first_view_that_a_newer_version_wrote_is_an_error(
    store: SqlStore, database_url: str
) -> None:
    await run_sql(database_url, NEWER)
    reader = Reader(store)
    with pytest.raises(StoreUnavailable, match="a newer version wrote a revocation"):
        await reader.feed.start()
    assert reader.heard == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_log_of_a_quiet_sqlite_is_read_again_only_after_a_while(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust = 4 * PERIOD
    assert trust < LONGEST_TRUST
    monkeypatch.setattr(feed, "LONGEST_TRUST", trust)
    async with reading(store) as reader:
        await reader.until(lambda: reader.reads == 2)  # the first view, and the first look
        first = time.monotonic()
        await reader.until(lambda: reader.reads == 3)
        assert trust - PERIOD < time.monotonic() - first < trust + BOUND
        looks = len([at for at in reader.heard if at > first - PERIOD / 2])
        assert looks > 2


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_sqlite_file_that_somebody_holds_is_not_fresh_until_it_is_free(
    store: SqlStore, other: SqlStore, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sidecar.feed")
    async with reading(store) as reader:
        async with outside(database_url) as holder:
            raw = await holder.get_raw_connection()
            assert raw.driver_connection is not None
            await raw.driver_connection.execute("BEGIN EXCLUSIVE")
            held = time.monotonic()
            await reader.until(lambda: not reader.feed.healthy)
            await asyncio.sleep(2 * PERIOD)
            assert reader.heard[-1] <= held + PERIOD
            await raw.driver_connection.execute("ROLLBACK")
        await other.revocations.revoke_token("after", forget_at=NOW)
        committed = time.monotonic()
        await reader.until(lambda: "after" in reader.arrived)
        assert reader.arrived["after"] - committed < BOUND
        await reader.until(lambda: reader.feed.healthy)
    assert lines(caplog) == [
        "the revocations cannot be read",
        "the revocations are read again",
    ]
