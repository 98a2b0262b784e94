"""The turn of the keys beside the requests: tried again when it is worth it, and said once."""

import asyncio
import itertools
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

import pytest

from sidecar.app import keyturns
from sidecar.app.keyturns import KeyTurns
from sidecar.clock import Now, read_clock
from sidecar.core.keyring import Key, KeyRing, Purpose
from sidecar.core.turn import MOST_OF_PURPOSE, RingTurn
from sidecar.errors import DocumentInvalid, SidecarError, StoreUnavailable
from sidecar.rotation.keys import KeyRotation
from sidecar.stores.sql import SqlStore
from tests.core.forge import generate_key, make_key
from tests.sources.keydirs import DAY, SCHEDULES

pytestmark = pytest.mark.asyncio

READ_ONLY = DocumentInvalid(("keys: cannot make keys here: Read-only file system",))
BROKEN = DocumentInvalid(("keys/mine.pem: is no file",))
AWAY = StoreUnavailable("the database is away")


class Folder:
    """A key directory to which happens what a test says; `done` is set behind the last of it."""

    def __init__(self, *happens: SidecarError | tuple[Key, ...] | None) -> None:
        self.left = list(happens)
        self.removing: list[bool] = []
        self.done = asyncio.Event()

    async def turn(
        self,
        now: int,  # noqa: ARG002 - the port's signature
        plan: Callable[[Sequence[Key]], RingTurn],  # noqa: ARG002 - as above
        *,
        removing: bool = False,
    ) -> tuple[Key, ...] | None:
        """Do the next thing."""
        self.removing.append(removing)
        if len(self.left) == 1:
            self.done.set()
        happens = self.left.pop(0) if self.left else None
        if isinstance(happens, SidecarError):
            raise happens
        return happens


async def run(
    store: SqlStore, ring: KeyRing, *happens: SidecarError | tuple[Key, ...] | None
) -> tuple[KeyTurns, list[str]]:
    """Run the task until the last thing has happened; return how often it had the ring read."""
    folder = Folder(*happens)
    return await run_on(folder, store, lambda: ring, folder.done)


async def run_on(
    folder: Folder, store: SqlStore, ring: Callable[[], KeyRing], done: asyncio.Event
) -> tuple[KeyTurns, list[str]]:
    """Run the task until `done`."""
    asked: list[str] = []
    rotation = KeyRotation(store.ring, folder, SCHEDULES, _publish, 0)
    turns = KeyTurns(rotation, ring, lambda: asked.append("asked"))
    task = asyncio.create_task(turns.run())
    async with asyncio.timeout(5):
        await done.wait()
    await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return turns, asked


async def _publish(_: object) -> None:
    raise AssertionError("nothing is revoked here")


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyturns, "PERIOD", 0.01)
    monkeypatch.setattr(keyturns, "TRY_AGAIN", 0.02)


def young_ring() -> KeyRing:
    """Return a ring of which nothing is due: its keys have just begun to sign."""
    now = read_clock().unix
    keys = [make_key(generate_key(), purpose, now) for purpose in Purpose]
    return KeyRing.of(replace(key, sign_until=now + 9 * DAY * 365) for key in keys)


async def test_the_first_look_is_at_the_files_although_nothing_is_due(store: SqlStore) -> None:
    """What a crash has left is in no ring."""
    turns, asked = await run(store, young_ring(), ())
    assert asked == ["asked"]
    assert not turns.overdue


async def test_where_nothing_was_done_the_ring_is_not_read_again(store: SqlStore) -> None:
    _, asked = await run(store, KeyRing.of([]), None, None)
    assert asked == []


async def test_what_keeps_a_turn_from_being_made_is_said_once_for_each_cause(
    store: SqlStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "sidecar.keys")
    turns, asked = await run(
        store, KeyRing.of([]), READ_ONLY, READ_ONLY, BROKEN, BROKEN, READ_ONLY, READ_ONLY
    )
    warnings = [record for record in caplog.records if record.levelname == "WARNING"]
    assert [record.cause for record in warnings] == [  # type: ignore[attr-defined]  # its `extra`
        str(READ_ONLY),
        str(BROKEN),
        str(READ_ONLY),
    ]
    assert asked == []
    assert turns.overdue


async def test_once_a_turn_was_made_the_same_problem_is_said_again(
    store: SqlStore, caplog: pytest.LogCaptureFixture
) -> None:
    _, asked = await run(store, KeyRing.of([]), READ_ONLY, (), READ_ONLY, READ_ONLY)
    assert caplog.text.count("no key is made by this process") == 2
    assert asked == ["asked"]


def crowded_ring() -> KeyRing:
    """Return a ring with an old cookie key, and too many token keys for another to be made."""
    now = read_clock().unix
    cookie, like = (make_key(generate_key(), each, now) for each in reversed(Purpose))
    begin = now - 100 * DAY
    keys = [
        replace(like, kid=str(number), not_before=begin + number, sign_until=begin + number + 1)
        for number in range(MOST_OF_PURPOSE - 1)
    ]
    last = replace(like, kid="last", not_before=begin + MOST_OF_PURPOSE, sign_until=now + DAY)
    return KeyRing.of([replace(cookie, sign_until=now + 9 * DAY * 365), *keys, last])


async def test_where_too_many_keys_lie_there_it_is_said_once(
    store: SqlStore, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody else would say why `keys` is degraded."""
    ring, looks, looked = crowded_ring(), itertools.count(), asyncio.Event()

    def look() -> KeyRing:
        if next(looks) == 9:
            looked.set()
        return ring

    turns, _ = await run_on(Folder(), store, look, looked)
    assert turns.overdue
    lines = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
    assert lines == [f"no token key is made on schedule: {MOST_OF_PURPOSE} lie there"]


@pytest.mark.parametrize(
    ("passed", "jumps", "removing"),
    [
        ([599.0, 0.9], [], [False, False, False]),
        ([600.0, 1.0], [], [False, True, True]),
        # Ahead or back, it has to go evenly for as long again.
        ([600.0, 1.0, 599.0, 1.0], [1], [False, True, False, False, True]),
        ([600.0, 1.0, 599.0, 1.0, 599.0], [1, 3], [False, True, False, False, False, False]),
    ],
)
async def test_files_are_taken_away_by_a_clock_that_has_gone_evenly_for_a_while(
    store: SqlStore,
    monkeypatch: pytest.MonkeyPatch,
    passed: list[float],
    jumps: list[int],
    removing: list[bool],
) -> None:
    """Never in the first turn: a machine that starts may not know the time yet."""
    clock = [Now(2_000_000_000, 5.0)]
    for number, seconds in enumerate(passed):
        ahead = 365 * DAY if number in jumps[:1] else -365 * DAY if number in jumps else 0
        last = clock[-1]
        clock.append(Now(last.unix + int(seconds) + ahead, last.monotonic + seconds))
    # Seen as it is made, and in its first turn; then once for each look.
    told = iter([clock[0], *clock])
    monkeypatch.setattr(keyturns, "read_clock", lambda: next(told, clock[-1]))
    folder = Folder(*[None] * len(removing))
    await run_on(folder, store, lambda: KeyRing.of([]), folder.done)
    assert folder.removing[: len(removing)] == removing


async def test_while_the_database_is_away_it_is_tried_again_without_a_word(
    store: SqlStore, caplog: pytest.LogCaptureFixture
) -> None:
    """Others say so already."""
    made = make_key(generate_key(), Purpose.TOKEN)
    _, asked = await run(store, KeyRing.of([]), AWAY, AWAY, (made,), None)
    assert asked == ["asked"]
    assert "no key is made" not in caplog.text
