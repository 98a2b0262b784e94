"""The feed that always runs: what another connection commits is here within a second."""

import asyncio
import itertools
import logging
import sqlite3
import time
from contextlib import AsyncExitStack, closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from sidecar.errors import StoreUnavailable
from sidecar.stores.sql import SqlStore, feed
from sidecar.stores.sql.engine import CHANNEL, CONNECTIONS
from sidecar.stores.sql.feed import LONGEST_TRUST, PERIOD, SHORTEST_PAUSE
from tests.contracts.sql_readers import Reader, reading
from tests.contracts.sql_stores import (
    BY,
    HASH,
    NOW,
    REFRESH_TTL,
    make_user,
    outside,
    run_sql,
)

pytestmark = pytest.mark.asyncio

BOUND = 1.0  # seconds from a commit until every process holds it
SET_BACK = {
    "sqlite": "UPDATE sqlite_sequence SET seq = {} WHERE name = 'revocations'",
    "postgresql": "SELECT setval('revocations_sequence_seq', {})",
}
BEHIND = "DELETE FROM revocations WHERE sequence > "
ROW = "INSERT INTO revocations (sequence, level, subject, epoch, forget_at)"


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


async def test_what_this_process_commits_is_read_too(store: SqlStore) -> None:
    async with reading(store) as reader:
        await store.revocations.revoke_token("own", forget_at=NOW)
        committed = time.monotonic()
        await reader.until(lambda: "own" in reader.arrived)
        assert reader.arrived["own"] - committed < BOUND


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


@pytest.mark.parametrize("number", range(8))
async def test_a_log_of_any_length_is_read_in_pages(
    store: SqlStore, other: SqlStore, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(feed, "PAGE", 3)
    for place in range(number):
        await other.revocations.revoke_token(f"early-{place}", forget_at=NOW)
    async with reading(store) as reader:
        assert reader.arrived.keys() == {f"early-{place}" for place in range(number)}
        assert reader.knew == [number]
        late = [f"late-{place}" for place in range(number)]
        for subject in late:
            await other.revocations.revoke_token(subject, forget_at=NOW)
        await reader.until_holds(*late)
        await reader.until_fresh()
    assert len(reader.view) == 2 * number


def lose_commits(url: str, kept: int, *written: str) -> list[str]:
    """Return what makes of a log one that lacked its last commits when it went on elsewhere."""
    rows = [
        f"{ROW} VALUES ({sequence}, 'token', '{subject}', 0, {NOW})"
        for sequence, subject in enumerate(written, kept + 1)
    ]
    generator = SET_BACK[url.partition(":")[0]].format(kept + len(written))
    return [f"{BEHIND}{kept}", "DELETE FROM outbox", generator, *rows]


@pytest.mark.parametrize("written", [0, 1, 2, 3, 4], ids="{} written since".format)
async def test_a_database_that_lost_its_last_commits_is_read_from_its_start(
    store: SqlStore,
    other: SqlStore,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    written: int,
) -> None:
    """As a standby does that was promoted: what others wrote before that was noticed is behind."""
    monkeypatch.setattr(feed, "PAGE", 2)
    before = [f"j-{number}" for number in range(5)]
    for subject in before:
        await other.revocations.revoke_token(subject, forget_at=NOW)
    since = [f"since-{number}" for number in range(written)]
    async with reading(store) as reader:
        await reader.until_fresh()
        await run_sql(database_url, *lose_commits(database_url, 2, *since))
        lost = time.monotonic()
        await reader.until_holds(*since)
        await reader.until_fresh()
        fresh = [knew for at, knew in zip(reader.heard, reader.knew, strict=True) if at > lost]
        assert set(fresh) == {5 + written}
        assert all(reader.view.refuses_token(subject) for subject in before)
        await other.revocations.revoke_token("after", forget_at=NOW)
        committed = time.monotonic()
        await reader.until_holds("after")
        assert reader.arrived["after"] - committed < BOUND
    (line,) = lines(caplog)
    assert line.startswith("the database lacks a revocation that was read from it")


async def test_a_database_that_lost_everything_takes_nothing_back(
    store: SqlStore, other: SqlStore, database_url: str
) -> None:
    await other.revocations.revoke_token("before", forget_at=NOW)
    async with reading(store) as reader:
        await run_sql(database_url, *lose_commits(database_url, 0, "first"))
        await reader.until_holds("first")
        await run_sql(database_url, "DELETE FROM revocations")
        await reader.until_fresh()
        await other.revocations.revoke_token("after", forget_at=NOW)
        await reader.until_holds("after")
        await reader.until_fresh()
        assert len(reader.view) == 3
        assert reader.feed.healthy


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_backup_that_is_restored_into_the_file_is_noticed(
    store: SqlStore, other: SqlStore, database_url: str, tmp_path: Path
) -> None:
    file, backup = database_url.removeprefix("sqlite:///"), str(tmp_path / "backup.db")

    def copy(source: str, target: str) -> None:
        with closing(sqlite3.connect(source)) as read, closing(sqlite3.connect(target)) as written:
            read.backup(written)

    await other.revocations.revoke_token("kept", forget_at=NOW)
    await asyncio.to_thread(copy, file, backup)
    for number in range(3):
        await other.revocations.revoke_token(f"lost-{number}", forget_at=NOW)
    async with reading(store) as reader:
        await asyncio.to_thread(copy, backup, file)
        (entry,) = await other.revocations.revoke_token("after", forget_at=NOW)
        assert entry.sequence == 2
        committed = time.monotonic()
        await reader.until_holds("after")
        assert reader.arrived["after"] - committed < BOUND
        await reader.until_fresh()
        assert len(reader.view) == 5


async def test_that_the_last_of_the_log_is_over_and_purged_is_no_loss(
    store: SqlStore, other: SqlStore, caplog: pytest.LogCaptureFixture
) -> None:
    await other.revocations.revoke_token("long", forget_at=NOW)
    await other.revocations.revoke_token("short", forget_at=1)
    async with reading(store) as reader:
        await reader.until_fresh()
        await other.sweep.purge(1, refresh_ttl=REFRESH_TTL)
        purged = time.monotonic()
        await reader.until_fresh()
        await other.revocations.revoke_token("after", forget_at=NOW)
        committed = time.monotonic()
        await reader.until_holds("after")
        assert reader.arrived["after"] - committed < BOUND
        await reader.until_fresh()
        late = [at for at in reader.heard if at >= purged - BOUND]
    assert max(b - a for a, b in itertools.pairwise(late)) < BOUND
    assert lines(caplog) == []


async def test_what_was_written_past_the_log_is_found_when_it_is_read_again(
    store: SqlStore,
    other: SqlStore,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(feed, "PAGE", 2)
    monkeypatch.setattr(feed, "PAGE_PERIOD", PERIOD)
    monkeypatch.setattr(feed, "LONGEST_TRUST", PERIOD)
    for number in range(6):
        await other.revocations.revoke_token(f"j-{number}", forget_at=NOW)
    hole = "DELETE FROM revocations WHERE sequence = 4"
    await run_sql(database_url, hole)
    async with reading(store) as reader:
        await reader.until_fresh()
        await run_sql(database_url, f"{ROW} VALUES (4, 'token', 'hidden', 0, {NOW})")
        await reader.until_holds("hidden")


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_postgresql_tells_at_once(store: SqlStore, other: SqlStore) -> None:
    sent: dict[str, float] = {}
    async with reading(store) as reader:
        await reader.until_fresh()  # its connection is there, and listens
        for number in range(21):
            await asyncio.sleep(PERIOD * (number * 0.618 % 1))  # at every moment between two looks
            await other.revocations.revoke_token(f"j-{number}", forget_at=NOW)
            sent[f"j-{number}"] = time.monotonic()
        await reader.until_holds(*sent)
    waits = sorted(reader.arrived[subject] - at for subject, at in sent.items())
    assert waits[len(waits) // 2] < PERIOD / 4  # which looking alone would take for half of them
    assert waits[-1] < BOUND


async def test_of_what_nobody_tells_it_knows_all_the_same(
    store: SqlStore, database_url: str
) -> None:
    async with reading(store) as reader:
        await reader.until_fresh()
        await run_sql(database_url, f"{ROW} VALUES (1, 'token', 'untold', 0, {NOW})")
        committed = time.monotonic()
        await reader.until_holds("untold")
        assert reader.arrived["untold"] - committed < BOUND


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_it_looks_no_more_often_for_being_told_very_often(
    store: SqlStore, database_url: str
) -> None:
    async with reading(store) as reader, outside(database_url) as connection:
        await reader.until_fresh()
        began, reads = time.monotonic(), reader.reads
        while time.monotonic() < began + 5 * PERIOD:
            await connection.execute(sa.text(f"NOTIFY {CHANNEL}"))
            await connection.commit()
        looks = reader.reads - reads
        assert 2 * 5 < looks <= (time.monotonic() - began) / SHORTEST_PAUSE + 1
