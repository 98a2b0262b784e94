"""The turn of the keys: what a ring lacks at one moment, as a pure function of its dates.

Every key but the newest of its purpose signs until the next one begins. It stays published until
what it sealed last is over. Doing what a turn says and asking again gives an empty one, so a turn
that was cut off is completed by the next, whoever makes it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final, assert_never

from sidecar.core.claims import DAY
from sidecar.core.keyring import Algorithm, Key, KeyDates, KeyState, Purpose

SIGNS_FOR: Final = 3650 * DAY  # until another takes its turn: it must not run out by itself
SETTLED: Final = 2  # seconds in which every process has read the directory again
LEEWAY: Final = 60  # seconds for which a process that cannot read may still sign with an old key
FILES_KEPT: Final = DAY  # seconds for which the files of a key outlive it
MOST_OF_PURPOSE: Final = 120  # keys that lie there, above which none is made on schedule


class Haste(Enum):
    """Why the keys turn."""

    SCHEDULED = "scheduled"
    ASKED = "asked"  # somebody wants the next one now, but published first
    AT_ONCE = "at once"  # an emergency: as soon as everybody has read it


@dataclass(frozen=True, slots=True)
class Schedule:
    """When the keys of one purpose turn; all durations are seconds.

    `published_after` is for how long a key stays published after it signed last.
    """

    rotate_every: int
    publish_ahead: int
    published_after: int

    def dates(self, purpose: Purpose, begin: int) -> KeyDates:
        """Return the dates of a key that signs from `begin` on and has no successor."""
        end = begin + SIGNS_FOR
        return KeyDates(purpose, begin, end, end + self.published_after)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that is to be made."""

    alg: Algorithm
    dates: KeyDates


@dataclass(frozen=True, slots=True)
class RingTurn:
    """What is to be written: new keys, other dates by `kid`, and whose files are taken away."""

    make: tuple[NewKey, ...] = ()
    redate: Mapping[str, KeyDates] = field(default_factory=dict)
    remove: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.make or self.redate or self.remove)

    def __or__(self, other: "RingTurn") -> "RingTurn":
        return RingTurn(
            self.make + other.make,
            {**self.redate, **other.redate},
            self.remove | other.remove,
        )


def plan_turn(
    keys: Iterable[Key],
    purpose: Purpose,
    now: int,
    schedule: Schedule,
    *,
    haste: Haste = Haste.SCHEDULED,
    alg: Algorithm | None = None,
    removing: bool = False,
) -> RingTurn:
    """Return what the keys of `purpose` lack at `now` (Unix seconds, rounded down).

    A new key is of `alg`, else of what the newest one is. Where a next key waits already,
    `Haste.ASKED` makes none but what is due by itself, and `Haste.AT_ONCE` brings it forward. So
    does every turn where no key signs: that is what a revocation leaves. Files go only where
    `removing`, which nothing undoes: who passes it trusts `now`.
    """
    present = [key for key in keys if key.purpose is purpose]
    living = _find_living(present, now)
    waiting = find_waiting(living, purpose, now)
    signs = living != [] and living[0] is not waiting
    begin = _find_begin(living, now, schedule, haste) if signs else now + SETTLED + 1
    begins = {key.kid: key.not_before for key in living}
    make: tuple[NewKey, ...] = ()
    if begin is not None and waiting is not None and (haste is Haste.AT_ONCE or not signs):
        begins[waiting.kid] = min(begin, waiting.not_before)
    elif begin is not None and (
        haste is not Haste.SCHEDULED or not signs or len(present) < MOST_OF_PURPOSE
    ):
        dates = schedule.dates(purpose, begin)
        make = (NewKey(alg or _find_latest_algorithm(present), dates),)
    successors = [*list(begins.values())[1:], *(each.dates.not_before for each in make), None]
    dated = {
        key.kid: _date(key, begins[key.kid], successor, schedule)
        for key, successor in zip(living, successors, strict=False)
    }
    dated |= {key.kid: _close(key, now) for key in present if key.revoked}
    over = [key.kid for key in present if now >= key.publish_until + FILES_KEPT]
    return RingTurn(
        make,
        {key.kid: dated[key.kid] for key in present if dated.get(key.kid, key.dates) != key.dates},
        frozenset(over if removing else ()),
    )


def find_waiting(keys: Iterable[Key], purpose: Purpose, now: int) -> Key | None:
    """Return the key of `purpose` that is to sign next, None where none waits."""
    living = _find_living((key for key in keys if key.purpose is purpose), now)
    return next((key for key in living if key.state(now) is KeyState.NEXT), None)


def is_overdue(keys: Iterable[Key], purpose: Purpose, now: int, schedule: Schedule) -> bool:
    """Say whether a key of `purpose` should have begun to sign by `now`, and none has."""
    living = _find_living((key for key in keys if key.purpose is purpose), now)
    return not living or now >= living[-1].not_before + schedule.rotate_every


def is_crowded(keys: Iterable[Key], purpose: Purpose, now: int, schedule: Schedule) -> bool:
    """Say whether the turn of `purpose` is overdue because no more keys are made on schedule."""
    present = [key for key in keys if key.purpose is purpose]
    return len(present) >= MOST_OF_PURPOSE and is_overdue(present, purpose, now, schedule)


def _find_living(keys: Iterable[Key], now: int) -> list[Key]:
    """Return the keys that sign or are going to, in the order in which they begin."""
    living = (key for key in keys if key.state(now) in {KeyState.NEXT, KeyState.ACTIVE})
    return sorted(living, key=lambda key: (key.not_before, key.kid))


def _find_begin(living: Sequence[Key], now: int, schedule: Schedule, haste: Haste) -> int | None:
    """Return when a next key is to begin, None where none is due.

    `now` has been rounded down, so that a second is added for a promise to hold.
    """
    newest = living[-1]
    match haste:
        case Haste.AT_ONCE:
            return now + SETTLED + 1
        case Haste.ASKED if newest.not_before <= now:
            return now + schedule.publish_ahead + 1
        case Haste.ASKED | Haste.SCHEDULED:  # one waits: it may run out too soon all the same
            begin = min(newest.not_before + schedule.rotate_every, newest.sign_until)
            ahead = now + schedule.publish_ahead + 1
            return ahead if ahead >= begin else None
        case _:
            assert_never(haste)


def _date(key: Key, begin: int, successor: int | None, schedule: Schedule) -> KeyDates:
    """Return the dates of a key that begins then and whose successor begins at `successor`."""
    dates = replace(key.dates, not_before=begin)
    if successor is None:
        return dates
    until = max(successor, begin + 1)  # of two that begin in one second, the last one signs
    if until == key.sign_until:
        return dates
    return replace(dates, sign_until=until, publish_until=until + schedule.published_after)


def _close(key: Key, now: int) -> KeyDates:
    """Return the dates of a key that is revoked: it is over."""
    until = max(now, key.not_before + 1)
    if key.publish_until <= until:
        return key.dates
    return replace(key.dates, sign_until=min(key.sign_until, until), publish_until=until)


def _find_latest_algorithm(keys: Iterable[Key]) -> Algorithm:
    latest = max(keys, key=lambda key: (key.not_before, key.kid), default=None)
    return Algorithm.RS256 if latest is None else latest.alg
