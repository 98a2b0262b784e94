"""Who writes revocations, and since when what Redis says may leave some of theirs out.

A view is as fresh as the younger of its feeds, and Redis lacks what it did not take. So whoever
writes revocations vouches there, several times a second, for all that it has acknowledged
(core/unannounced.py), and a read of Redis counts only as of the oldest moment that every writer
vouches for. One that is silent stops it, and SQL alone keeps the view fresh then.

1. A writer is known by what it says in Redis, and by its canaries, which SQL brings too: one that
   never reached Redis is silent from the start.
2. One that ended in good order says so and counts no more.
3. One that has said nothing and released no canary for SILENCE, in which SQL was read all the time,
   is forgotten: what it acknowledged is in SQL and was read there. While SQL is away nobody is.
4. This process counts as every other does: where it cannot write to Redis, others cannot either,
   nor can commands, which nobody knows.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Final, NamedTuple

from sidecar.core.unannounced import Tick

MARK: Final = "bea7"  # begins the ids of processes that vouch; those of older versions are random
SILENCE: Final = 60.0  # seconds; canaries come every 37.5 s at the latest
LONGEST_GAP: Final = 2.0  # seconds between good reads of SQL, of which there are five a second
MOST_WRITERS: Final = 1_000  # living ones that are told apart, some 500 octets each
MOST_GONE: Final = 4_000  # whose old canaries and words bring them back no more
KEEP_WORD: Final = 240.0  # seconds; twice as long as canaries live, which a new process reads
MOST_READS: Final = 64  # some 15 s: who vouches for what was before them says nothing new
MOST_DROPPED: Final = 100  # words of those who are gone, in one go
TOLD_AFTER: Final = 2.0  # seconds; who vouches does so for some second ago, whatever is slow
OTHERS: Final = "others"  # all beyond MOST_WRITERS: one writer who never vouches


class Word(NamedTuple):
    """What a writer last said in Redis; no tick where it vouches for nothing.

    `number` tells one word from the next. `where` is for people: host and process.
    """

    tick: Tick | None
    number: int
    where: str
    ended: bool = False


class Silent(NamedTuple):
    """A writer that has not vouched for anything lately; None where it never did."""

    name: str
    where: str
    seconds: float | None


@dataclass(slots=True)
class _Writer:
    seen: float  # when it was last known to live, in monotonic seconds
    as_of: float = -inf  # what it acknowledged until then is in Redis
    word: Word | None = None
    released: int = 0  # of its last canary, Unix milliseconds


@dataclass(slots=True)
class _Gone:
    since: float
    ended: bool
    word: Word | None
    released: int


class Writers:
    """All writers that this process, `own`, knows of; moments are its monotonic seconds."""

    def __init__(self, own: str, where: str = "") -> None:
        self.own = own
        self.where = where
        self._living = {own: _Writer(-inf)}
        self._gone: dict[str, _Gone] = {}
        self._reads: deque[tuple[float, Tick]] = deque(maxlen=MOST_READS)
        self._sql_since = self._sql_at = -inf
        self._there: frozenset[str] = frozenset()  # whose words were in Redis at the last read

    def __len__(self) -> int:
        return len(self._living)

    def knows(self, name: str) -> bool:
        """Say whether this one has been heard of before."""
        return name in self._living or name in self._gone

    def fresh_as_of(self, at: float) -> float | None:
        """Return as of when a good read of Redis that began at this moment is fresh."""
        as_of = min(at, *(writer.as_of for writer in self._living.values()))
        return None if as_of == -inf else as_of

    def hear_words(self, began: float, tick: Tick | None, words: Mapping[str, Word]) -> None:
        """Take note of a read that began then: the tick of Redis, and each writer's word."""
        if self._reads:
            _, before = self._reads[-1]
            if tick is None or tick.life != before.life or tick.number < before.number:
                self._reads.clear()
        self._there = frozenset(words)
        for name, word in words.items():
            if word.ended:
                self._leave(name, began, word, ended=True)
                continue
            writer = self._meet(name, began, word, 0)
            if writer is None:
                continue
            if word != writer.word:
                writer.seen, writer.word = began, word
            writer.as_of = max(writer.as_of, self._find_moment(word.tick, tick))
        if tick is not None:
            self._reads.append((began, tick))

    def hear_too_many(self, at: float) -> None:
        """Note that more have said something than are read."""
        self._living[OTHERS] = _Writer(at)

    def hear_canary(self, name: str, released: int, at: float) -> None:
        """Take note of a canary that a feed brought; `released` is Unix milliseconds."""
        if not name.startswith(MARK):
            return
        writer = self._meet(name, at, None, released)
        if writer is not None and released > writer.released:
            writer.seen, writer.released = at, released

    def hear_sql(self, began: float) -> None:
        """Take note of a good read of SQL, and forget whoever has been silent for long enough."""
        if began - self._sql_at > LONGEST_GAP:
            self._sql_since = began
        self._sql_at = began
        if began - self._sql_since < SILENCE:
            return
        for name, writer in list(self._living.items()):
            if began - writer.seen >= SILENCE:
                self._leave(name, began, writer.word, ended=False)

    def list_silent(self, now: float) -> list[Silent]:
        """Return who has not vouched for anything of the last TOLD_AFTER, longest first."""
        return [
            Silent(name, self._find_where(name), None if as_of == -inf else now - as_of)
            for as_of, name in sorted((each.as_of, name) for name, each in self._living.items())
            if now - as_of > TOLD_AFTER
        ]

    def list_over(self, now: float) -> list[str]:
        """Return a bounded number of those whose words in Redis nobody needs any more."""
        over = [
            name
            for name, gone in self._gone.items()
            if name in self._there and now - gone.since > KEEP_WORD
        ]
        return over[:MOST_DROPPED]

    def _find_where(self, name: str) -> str:
        word = self._living[name].word
        return self.where if name == self.own else "" if word is None else word.where

    def _find_moment(self, vouched: Tick | None, tick: Tick | None) -> float:
        """Return a moment before this tick was counted: that of the last read that lacked it."""
        if vouched is None or tick is None or vouched.life != tick.life or vouched > tick:
            return -inf
        return next((at for at, each in reversed(self._reads) if each < vouched), -inf)

    def _meet(self, name: str, at: float, word: Word | None, released: int) -> _Writer | None:
        """Return a living writer; None for one who is gone, or for whom there is no place."""
        writer = self._living.get(name)
        if writer is not None:
            return writer
        gone = self._gone.get(name)
        if gone is not None:
            said_since = word is not None and word != gone.word
            if gone.ended or not (said_since or released > gone.released):
                return None
            del self._gone[name]
        if len(self._living) >= MOST_WRITERS:
            self.hear_too_many(at)
            return None
        self._living[name] = writer = _Writer(at)
        return writer

    def _leave(self, name: str, at: float, word: Word | None, *, ended: bool) -> None:
        if name == self.own:
            return
        writer = self._living.pop(name, None)
        if writer is None and name in self._gone:
            gone = self._gone[name]
            gone.ended, gone.word = gone.ended or ended, word
            return
        if name == OTHERS:
            return
        released = 0 if writer is None else writer.released
        self._gone[name] = _Gone(at, ended, word, released)
        if len(self._gone) > MOST_GONE:
            del self._gone[next(iter(self._gone))]
