"""How late this process learns of revocations, measured by canaries.

Every process releases one every few seconds, written and announced as a logout is. What is measured
is what is promised: from when a logout would have been acknowledged until this process refuses,
because a feed brought it. That the process which wrote it refuses it at once says nothing.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from sidecar.core.canary import LIFE, LONGEST_WRITE, Canary, parse_canary
from sidecar.core.revocation import Revocation, RevocationView

# Seconds, finest where the promises are: 0.25 by Redis, 1 by SQL. Whatever no feed has brought by
# the last of them is counted beyond it, and given up.
BOUNDS: Final = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.5, 0.75, 1.0),
    *(2.5, 5.0, 10.0, 30.0),
)
# Those in the view that are remembered, some 200 octets each: of 250 processes, one each 5 s, for
# three times LIFE, after which the sweep has dropped them from the view too.
MOST_KNOWN: Final = 20_000
NO_FEED: Final = "none"


class Whose(StrEnum):
    """Who released a canary: this process or another."""

    OWN = "own"
    OTHER = "other"


@dataclass(slots=True)
class Histogram:
    """How many took how long: `counts[n]` up to BOUNDS[n] seconds, the last of them longer."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    total: float = 0.0

    def note(self, seconds: float) -> None:
        """Count one; less than nothing is nothing: refused before it was acknowledged."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += max(0.0, seconds)


@dataclass(slots=True)
class _Own:
    """A canary of this process, in monotonic seconds."""

    released: float
    acknowledged: float | None = None
    heard: float | None = None
    feed: str = NO_FEED


class _Heard(NamedTuple):
    """The last canary of a process; when it came, in Unix milliseconds and monotonic seconds."""

    canary: Canary
    feed: str
    unix_ms: int
    monotonic: float


class Propagation:
    """What this process has measured; `replica`, 16 hexadecimal digits, is its name in canaries.

    Of its own it knows all by a clock that does not jump. Those of others bear Unix milliseconds:
    what is measured by them is as good as the clocks of both machines agree. One that came before
    it was released, by these clocks, is counted in `ahead`. `failures` are those that could not be
    written. Moments are Unix milliseconds and monotonic seconds.
    """

    def __init__(self, replica: str) -> None:
        self.ahead = self.failures = 0
        self._replica = replica
        self._histograms = {(whose, NO_FEED): Histogram() for whose in Whose}
        self._own: dict[str, _Own] = {}
        self._before = (0, 0)  # what the next one says of the last that was acknowledged
        self._known: dict[str, Canary] = {}
        self._heard: dict[str, _Heard] = {}
        self._began: int | None = None
        self._back_at: float | None = None
        self._forget_at = 0.0

    @property
    def histograms(self) -> Mapping[tuple[Whose, str], Histogram]:
        """By who released them, and which feed brought them first (NO_FEED: none in time)."""
        return self._histograms

    def expect(self, feed: str) -> None:
        """Have histograms of this feed from the start: a rate needs a zero to begin at."""
        for whose in Whose:
            self._histograms[whose, feed] = Histogram()

    def begin(self, unix_ms: int) -> None:
        """Measure from now on; what was read before was of no feed that keeps a view fresh."""
        self._began = unix_ms

    def release(self, unix_ms: int, monotonic: float) -> Canary:
        """Return a canary of this moment, and give up on those that no feed has brought."""
        for subject, own in list(self._own.items()):
            since = own.acknowledged
            if since is not None and monotonic - since > BOUNDS[-1]:
                del self._own[subject]
                self._note(Whose.OWN, NO_FEED, monotonic - since)
        canary = Canary(self._replica, unix_ms, *self._before)
        self._own[canary.subject] = _Own(monotonic)
        self._before = (0, 0)
        if self._back_at is None:
            self._back_at = monotonic
        return canary

    def acknowledge(self, canary: Canary, monotonic: float) -> None:
        """Note that a logout would be acknowledged now: it is written, and announced or not."""
        own = self._own[canary.subject]
        own.acknowledged = monotonic
        took = round(1000 * (monotonic - own.released))
        if took <= LONGEST_WRITE:
            self._before = (canary.released, took)
        self._measure_own(canary.subject, own)

    def fail(self, canary: Canary) -> None:
        """Note that it could not be written; it may be there all the same, and says nothing."""
        self.failures += 1
        del self._own[canary.subject]

    def hear(
        self, feed: str, canaries: Iterable[Revocation], unix_ms: int, monotonic: float
    ) -> None:
        """Take note of canaries that a feed has brought and that this process refuses now."""
        self._forget(unix_ms, monotonic)
        for subject in sorted(canary.subject for canary in canaries):  # each process's in order
            canary = parse_canary(subject)
            if canary is None or subject in self._known or len(self._known) >= MOST_KNOWN:
                continue
            self._known[subject] = canary
            if self._began is None or canary.released < self._began or canary.is_old(unix_ms):
                continue
            last = self._heard.get(canary.replica)
            if canary.replica == self._replica:
                self._back_at = monotonic
                own = self._own.get(subject)
                if own is not None:
                    own.heard, own.feed = monotonic, feed
                    self._measure_own(subject, own)
            elif last is not None and canary.released < last.canary.released:
                continue  # overtaken, and measured as one that had not come
            else:
                self.ahead += canary.released > unix_ms
                if canary.before >= self._began:
                    self._measure_before(canary, last, unix_ms)
            self._heard[canary.replica] = _Heard(canary, feed, unix_ms, monotonic)

    def find_silence(self, monotonic: float) -> float | None:
        """Return the seconds since a feed brought one of ours; None where none was released."""
        return None if self._back_at is None else max(0.0, monotonic - self._back_at)

    def count_replicas(self, monotonic: float) -> int:
        """Return how many processes were heard of within LIFE, this one among them."""
        return sum(monotonic - heard.monotonic <= LIFE for heard in self._heard.values())

    def count_held(self, view: RevocationView) -> int:
        """Return how many of the revocations in the view are canaries."""
        return sum(view.refuses_token(subject) for subject in {*self._known, *self._own})

    def _measure_own(self, subject: str, own: _Own) -> None:
        if own.acknowledged is not None and own.heard is not None:
            del self._own[subject]
            self._note(Whose.OWN, own.feed, own.heard - own.acknowledged)

    def _measure_before(self, canary: Canary, last: _Heard | None, unix_ms: int) -> None:
        """Measure the one of which this one says when it was acknowledged."""
        feed, came = NO_FEED, unix_ms  # where it has not come until now
        if last is not None and last.canary.released == canary.before:
            feed, came = last.feed, last.unix_ms
        self._note(Whose.OTHER, feed, (came - canary.before - canary.took) / 1000)

    def _note(self, whose: Whose, feed: str, seconds: float) -> None:
        self._histograms.setdefault((whose, feed), Histogram()).note(seconds)

    def _forget(self, unix_ms: int, monotonic: float) -> None:
        """Drop what the view has dropped, now and then."""
        if monotonic >= self._forget_at:
            self._forget_at = monotonic + LIFE
            known, heard, before = self._known, self._heard, unix_ms - LIFE * 1000
            self._known = {name: one for name, one in known.items() if not one.is_old(before)}
            self._heard = {name: one for name, one in heard.items() if monotonic - one[3] <= LIFE}
