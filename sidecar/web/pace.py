"""What is dear waits its turn, so that many who come at once hold nobody else up.

To open a token that nobody has shown before, to seal an assertion, to refuse somebody: each takes
many times as long as to let in whoever is known. A burst of such questions would hold the loop
until the last of them is answered, and what costs next to nothing would wait behind it. So there is
a slice of that work for each turn of the loop. What is left over goes on in the next turns, in its
order, between whatever else has come. No thread and no timer takes part.

Of all that has its turn the dear part is done first, then what makes answers of it: those are
different code, and a processor has room for little of it at hand (docs/decisions/0034).
"""

import asyncio
from collections import deque
from collections.abc import Callable
from time import perf_counter
from typing import Final, Generic, NamedTuple, TypeVar

T = TypeVar("T")
Gone = Callable[[], bool]  # says whether nobody waits for an answer any more
Rest = Callable[[], object]  # of a piece of work: all but its dear part

MOST_WAITING: Final = 512  # pieces; the last one waits for a few tenths of a second at most
SLICE: Final = 0.001  # seconds; with 2048 bits a signature takes a quarter of it
# Pieces whose dear parts are done before their rests are, which nothing holds to a slice.
TOGETHER: Final = 8


class Pace:
    """Says when dear work may be done, and does it in its turn; for one event loop."""

    def __init__(self) -> None:
        self._begun = False  # whether this turn has had any, or begins with what was left over
        self._until = 0.0
        self._left: deque[Callable[[], Rest | None]] = deque()

    @property
    def waiting(self) -> int:
        """How many pieces wait for their turn."""
        return len(self._left)

    @property
    def is_full(self) -> bool:
        """Whether no more should be put: they come faster than they are done."""
        return len(self._left) >= MOST_WAITING

    def may_work(self) -> bool:
        """Say whether dear work may be done right now; to be asked ahead of each piece, on a loop.

        Where not, it has to be put into the queue, which nobody overtakes.
        """
        if self._left:
            return False
        if not self._begun:
            self._begin()
            return True
        return perf_counter() < self._until

    def put(self, work: Callable[[], Rest | None]) -> None:
        """Have dear work done in its turn, and what it returns behind a few others."""
        self._left.append(work)
        self._begin()

    async def run(self, work: Callable[[], Callable[[], T]], gone: Gone) -> T:
        """Return or raise what dear work comes to, in its turn; for whoever is gone it is not done.

        `work` does what is dear, and returns what does the rest. Raises CancelledError where nobody
        waits.
        """
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.put(lambda: _work_for(done, work, gone))
        return await done

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._until = perf_counter() + SLICE
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        """Begin a turn of the loop with what is left over from those before."""
        self._begun = False
        if self._left:
            self._begin()
        until = self._until
        is_over = False
        while self._left and not is_over:
            rests: list[Rest] = []
            while self._left and not is_over and len(rests) < TOGETHER:
                rest = _do(self._left.popleft())
                if rest is not None:
                    rests.append(rest)
                is_over = perf_counter() >= until
            for rest in rests:
                _do(rest)
            is_over = perf_counter() >= until


class Later(NamedTuple, Generic[T]):
    """An answer that takes dear work, which waits for its turn.

    `work` does what is dear, and returns what makes the answer of it.
    """

    pace: Pace
    work: Callable[[], Callable[[], T]]


def _do(work: Callable[[], T]) -> T | None:
    """Do a piece of work; what it raises is a bug, and is told to the loop, as it does itself."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - the others go on
        told = {"message": "a piece of dear work failed", "exception": error}
        asyncio.get_running_loop().call_exception_handler(told)
        return None


def _work_for(
    done: asyncio.Future[T], work: Callable[[], Callable[[], T]], gone: Gone
) -> Rest | None:
    if done.done():  # cancelled: nobody waits for it any more
        return None
    if gone():
        done.cancel()
        return None
    try:
        rest = work()
    except Exception as error:  # noqa: BLE001 - raised again where it is waited for
        done.set_exception(error)
        return None
    return lambda: _settle(done, rest)


def _settle(done: asyncio.Future[T], rest: Callable[[], T]) -> None:
    if done.done():  # as above
        return
    try:
        done.set_result(rest())
    except Exception as error:  # noqa: BLE001 - as above
        done.set_exception(error)
