"""Whoever reads and whoever commits come to SQLite's file in the order in which they asked."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.errors import StoreUnavailable
from sidecar.stores.sql import open_store
from sidecar.stores.sql.engine import Database
from sidecar.stores.sql.gate import Gate
from sidecar.stores.sql.sqlite import journal_mode

PATIENCE = 30.0  # seconds, which nobody here waits for
BRIEF = 0.05  # seconds for somebody who is to go away

READ, COMMIT, LEAVE, CANCEL = "read", "commit", "leave", "cancel"
STEPS = st.lists(st.tuples(st.sampled_from([READ, COMMIT, LEAVE, CANCEL]), st.integers(0, 99)))


class Visit:
    """Somebody who passes a gate and stays until told to leave."""

    def __init__(self, gate: Gate, kind: str) -> None:
        self.kind, self.inside, self._leave = kind, False, asyncio.Event()
        entering = gate.reading if kind == READ else gate.committing
        self.task = asyncio.create_task(self._stay(entering(PATIENCE)))

    async def _stay(self, inside: AbstractAsyncContextManager[None]) -> None:
        async with inside:
            self.inside = True
            try:
                await self._leave.wait()
            finally:
                self.inside = False

    async def end(self, how: str) -> None:
        if how == LEAVE:
            self._leave.set()
        else:
            self.task.cancel()
        if how == CANCEL or self.inside:
            with suppress(asyncio.CancelledError):
                await self.task


async def until(is_so: Callable[[], object]) -> None:
    """Wait for what a thread does, and which nothing announces."""
    async with asyncio.timeout(PATIENCE):
        while not is_so():  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.001)


async def settle() -> None:
    for _ in range(8):
        await asyncio.sleep(0)


def expected(queue: list[Visit]) -> list[Visit]:
    """Return who is inside of those that came and have not gone, oldest first."""
    if not queue or queue[0].kind == COMMIT:
        return queue[:1]
    ahead = [number for number, each in enumerate(queue) if each.kind == COMMIT]
    return queue[: ahead[0]] if ahead else queue


@settings(deadline=None)
@given(STEPS)
def test_all_who_read_are_inside_up_to_the_next_commit_which_is_alone(
    steps: list[tuple[str, int]],
) -> None:
    """Also where some go while they wait, or at the moment at which they may come in."""

    async def live() -> None:
        gate, queue = Gate(), list[Visit]()
        for step, number in steps:
            if step in {READ, COMMIT}:
                queue.append(Visit(gate, step))
            elif queue:
                visit = queue[number % len(queue)]
                if step == LEAVE and not visit.inside:
                    continue
                queue.remove(visit)
                await visit.end(step)
            await settle()
            assert [each for each in queue if each.inside] == expected(queue)
        for each in queue:
            await each.end(CANCEL)
        async with gate.committing(BRIEF):
            pass

    asyncio.run(live())


@pytest.mark.asyncio
async def test_who_is_gone_at_the_moment_at_which_they_may_come_in_leaves_it_to_the_next() -> None:
    gate = Gate()
    async with gate.reading(PATIENCE):
        gone, late = Visit(gate, COMMIT), Visit(gate, READ)
        await settle()
    gone.task.cancel()  # let in by now, and not told yet
    await settle()
    assert (gone.inside, late.inside) == (False, True)
    await late.end(LEAVE)
    async with gate.committing(BRIEF):
        pass


@pytest.mark.asyncio
async def test_nobody_waits_for_longer_than_they_say_or_keeps_those_behind_them_waiting() -> None:
    gate = Gate()
    async with gate.reading(PATIENCE):
        impatient = asyncio.create_task(_commit(gate, BRIEF))
        await settle()
        behind = Visit(gate, READ)
        await settle()
        assert not behind.inside
        with pytest.raises(TimeoutError):
            await impatient
        await settle()
        assert behind.inside
        await behind.end(LEAVE)


async def _commit(gate: Gate, seconds: float) -> None:
    async with gate.committing(seconds):
        pass


@pytest.mark.asyncio
async def test_a_thread_commits_by_itself_and_has_its_place_in_the_order() -> None:
    gate, inside, leave = Gate(), threading.Event(), threading.Event()

    def commit() -> None:
        with gate.committing_thread(PATIENCE):
            inside.set()
            leave.wait(PATIENCE)

    async with gate.reading(PATIENCE):
        thread = asyncio.create_task(asyncio.to_thread(commit))
        await until(lambda: gate._waiting)
        behind = Visit(gate, READ)
        await settle()
        assert (inside.is_set(), behind.inside) == (False, False)
    assert await asyncio.to_thread(inside.wait, PATIENCE)
    assert not behind.inside
    leave.set()
    await thread
    await settle()
    assert behind.inside
    await behind.end(LEAVE)


@pytest.mark.asyncio
async def test_a_thread_goes_away_too_and_leaves_the_gate_to_others() -> None:
    gate = Gate()

    def commit() -> None:
        with gate.committing_thread(BRIEF):
            pass

    async with gate.reading(PATIENCE):
        with pytest.raises(TimeoutError):
            await asyncio.to_thread(commit)
        async with gate.reading(BRIEF):
            pass


@pytest.mark.skipif(journal_mode() == "WAL", reason="nobody who reads is in the way of a commit")
@pytest.mark.parametrize("written", ["at once", "by a block"])
@pytest.mark.asyncio
async def test_a_commit_comes_next_behind_who_reads_and_ahead_of_who_comes_later(
    tmp_path: Path, written: str
) -> None:
    url = f"sqlite:///{tmp_path / 'sidecar.db'}"
    async with open_store(url, outbox=False) as store:
        await store.prepare_schema()
        database = store._database
        order: list[str] = []
        leave = asyncio.Event()
        first = asyncio.create_task(_read(database, "first", order, leave))
        await until(lambda: order)
        commit = asyncio.create_task(_write(database, written, order))
        gate = database._gate
        assert gate is not None
        await until(lambda: gate._waiting)
        later = asyncio.create_task(_read(database, "later", order, leave))
        again = database.again(connections=1)
        elsewhere = asyncio.create_task(_read(again, "elsewhere", order, leave))
        await until(lambda: len(gate._waiting) == 3)
        assert order == ["first"]
        leave.set()
        await asyncio.gather(first, commit, later, elsewhere)
        await again.close()
    assert order[:2] == ["first", "commit"]
    assert set(order[2:]) == {"later", "elsewhere"}


async def _read(database: Database, name: str, order: list[str], leave: asyncio.Event) -> None:
    async with database.read() as connection:
        await connection.exec_driver_sql("SELECT count(*) FROM revocations")
        order.append(name)
        await leave.wait()


async def _write(database: Database, written: str, order: list[str]) -> None:
    insert = "INSERT INTO throttle (key, count, since, last, forget_at) VALUES ('k', 1, 1, 1, 1)"
    if written == "at once":
        await database.write_at_once(1, lambda sync: sync.exec_driver_sql(insert))
    else:
        async with database.write() as connection:
            await connection.exec_driver_sql(insert)
    order.append("commit")


@pytest.mark.skipif(journal_mode() == "WAL", reason="nobody who reads is in the way of a commit")
@pytest.mark.asyncio
async def test_who_reads_for_too_long_fails_a_commit_and_nothing_else(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'sidecar.db'}"
    async with open_store(url, outbox=False) as store:
        await store.prepare_schema()
    database, leave, order = Database(url, patience=BRIEF), asyncio.Event(), list[str]()
    reader = asyncio.create_task(_read(database, "long", order, leave))
    await until(lambda: order)
    with pytest.raises(StoreUnavailable, match="in time"):
        await _write(database, "by a block", order)
    await _read_now(database)
    leave.set()
    await reader
    await _write(database, "by a block", order)
    assert order == ["long", "commit"]
    await database.close()


async def _read_now(database: Database) -> None:
    async with database.read() as connection:
        found = await connection.exec_driver_sql("SELECT count(*) FROM throttle")
        assert found.scalar_one() == 0
