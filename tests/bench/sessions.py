"""What a session costs in SQL while there are few of them, and while there are many."""

import statistics
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from secrets import token_urlsafe
from typing import Final

import sqlalchemy as sa

from sidecar.core.audit import Device
from sidecar.core.session import Session, SessionKind
from sidecar.ports import SessionBound
from sidecar.stores.sql.sweep import BATCH
from tests.bench.filled import MONTH, NOW, Filled, Picked, filled
from tests.bench.load import LoadFailed
from tests.bench.measure import Spread
from tests.bench.plan import Bench
from tests.bench.report import MOST_GROWTH, MOST_LOCK, MOST_PURGE_GROWTH, Limit, line, title
from tests.programs.postgres import serving_postgres

FEW: Final = 1000  # sessions of what the full database is compared with
ASKED: Final = 50  # people in a round
BATCHES: Final = 5  # of a purge
PURGE: Final = "purge a batch"
BOUND: Final = SessionBound(most=100, refresh_ttl=2 * MONTH, keep_after=7200)
DEVICE: Final = Device("203.0.113.7", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0")

Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Growth:
    """Milliseconds of one use case with few sessions and with many; the ratio is by round."""

    few: Spread
    many: Spread
    ratio: Spread


@dataclass(frozen=True, slots=True)
class Stored:
    """The figures of one database; `longest_lock` is in milliseconds, of the full one."""

    sessions: int
    growth: Mapping[str, Growth]
    longest_lock: float


@dataclass(frozen=True, slots=True)
class Sessions:
    """The figures of each database."""

    stored: Mapping[str, Stored]

    def limits(self) -> Iterator[Limit]:
        """Yield what must hold."""
        for name, stored in self.stored.items():
            for use_case, growth in stored.growth.items():
                most = MOST_PURGE_GROWTH if use_case == PURGE else MOST_GROWTH
                yield Limit(f"{use_case}, many / few in {name}", growth.ratio.median, most)
            yield Limit(f"longest lock in {name}", stored.longest_lock, MOST_LOCK, "ms")

    def lines(self) -> Iterator[str]:
        """Yield the lines of the table."""
        for name, stored in self.stored.items():
            yield title(f"{stored.sessions} sessions in {name}, ms", "few", "many", "ratio")
            for use_case, growth in stored.growth.items():
                figures = growth.few.median, growth.many.median, growth.ratio.median
                yield line(use_case, *figures)


async def measure_sessions(bench: Bench) -> Sessions:
    """Return the figures of SQLite and PostgreSQL with very many sessions. Raises LoadFailed."""
    with serving_postgres() as server:
        urls = {
            "SQLite": [f"sqlite:///{bench.folder}/{each}.db" for each in ("few", "many")],
            "PostgreSQL": [server.make_database() for _ in range(2)],
        }
        stored = {}
        for database, (few_url, many_url) in urls.items():
            many = bench.plan.sessions[database]
            bench.tell(f"{many} sessions in {database}")
            async with filled(few_url, FEW) as few, filled(many_url, many) as full:
                stored[database] = await _compare(few, full, many, bench.plan.rounds)
    return Sessions(stored)


async def _compare(few: Filled, full: Filled, sessions: int, rounds: int) -> Stored:
    """Measure both side by side."""
    pairs = []
    locks = []
    for _ in range(rounds):
        less, more = await _measure_round(few, full)
        await few.remove_new()
        await full.remove_new()
        purge, _ = await _purge(few)
        purge_full, longest = await _purge(full)
        pairs.append((less | {PURGE: purge}, more | {PURGE: purge_full}))
        locks.append(longest)
    growth = {
        name: Growth(
            Spread.of([less[name] for less, _ in pairs]),
            Spread.of([more[name] for _, more in pairs]),
            Spread.of([more[name] / less[name] for less, more in pairs]),
        )
        for name in pairs[0][0]
    }
    return Stored(sessions, growth, min(locks))


async def _measure_round(few: Filled, full: Filled) -> tuple[Figures, Figures]:
    """Return the milliseconds of each use case, the median of all who were picked.

    Both are asked in turn, so that what slows the machine or its disk down slows both.
    """
    both = (few, full)
    picked = [await each.pick(ASKED) for each in both]
    figures: tuple[Figures, Figures] = ({}, {})
    for name, work in USE_CASES.items():
        spent: tuple[list[float], list[float]] = ([], [])
        for pair in zip(*picked, strict=True):
            for place, who in enumerate(pair):
                began = time.perf_counter()
                await work(both[place], who)
                spent[place].append(time.perf_counter() - began)
        for place, seconds in enumerate(spent):
            figures[place][name] = statistics.median(seconds) * 1e3
    return figures


async def _purge(filled: Filled) -> tuple[float, float]:
    """Return the milliseconds of a batch, the median and the longest."""
    await filled.add_over(BATCH * BATCHES)
    held: list[float] = []
    with watching_writes(filled, held):
        await filled.store.sweep.purge(NOW, refresh_ttl=BOUND.refresh_ttl)
    batches = sorted(held)[-BATCHES:]  # the others found nothing more
    return statistics.median(batches) * 1e3, batches[-1] * 1e3


async def _log_in(filled: Filled, who: Picked) -> None:
    """Do what a login does but for the hash of the password."""
    account = await filled.store.sessions.find_account(f"p{who.user_id.removeprefix('u')}")
    if account is None:
        raise LoadFailed(f"login: there is no {who.user_id}")
    session = Session(
        sid=token_urlsafe(16),
        user_id=who.user_id,
        kind=SessionKind.BEARER,
        generation=0,
        created_at=NOW + 1,
        rotated_at=NOW,
        tokens_until=NOW + 600,
        expires_at=NOW + MONTH,
        amr=("pwd",),
        used_at=NOW,
        device=DEVICE,
    )
    if await filled.store.sessions.add_session(session, account.epoch, BOUND) != ():
        raise LoadFailed(f"login: {who.user_id} has too many sessions")


async def _refresh(filled: Filled, who: Picked) -> None:
    found = await filled.store.sessions.find_session(who.sid)
    if found is None or not await filled.store.sessions.rotate_session(
        who.sid, found[0].generation, rotated_at=NOW, tokens_until=NOW + 600, device=DEVICE
    ):
        raise LoadFailed(f"refresh: {who.sid} did not turn")


async def _list(filled: Filled, who: Picked) -> None:
    if not await filled.store.sessions.list_sessions(
        who.user_id, now=NOW, refresh_ttl=BOUND.refresh_ttl
    ):
        raise LoadFailed(f"list: {who.user_id} has no session")


USE_CASES: Final[Mapping[str, Callable[[Filled, Picked], Awaitable[None]]]] = {
    "login": _log_in,
    "refresh": _refresh,
    "list": _list,
}


@contextmanager
def watching_writes(filled: Filled, held: list[float]) -> Iterator[None]:
    """Note for how many seconds each transaction had its connection, from its first statement."""
    engine = filled.store._database._engine.sync_engine
    began: list[float] = []

    def begin(*_: object) -> None:
        if not began:
            began.append(time.perf_counter())

    def end(*_: object) -> None:
        held.append(time.perf_counter() - began.pop())

    sa.event.listen(engine, "before_cursor_execute", begin)
    sa.event.listen(engine.pool, "checkin", end)
    try:
        yield
    finally:
        sa.event.remove(engine, "before_cursor_execute", begin)
        sa.event.remove(engine.pool, "checkin", end)
