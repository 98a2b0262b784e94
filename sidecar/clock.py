"""The one place that reads the clocks; for a request they are read once, and passed down."""

from functools import lru_cache, partial
from time import clock_gettime, time
from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Callable

# The clock that goes on while the machine sleeps. By the other one a view of the revocations would
# be as fresh on the next morning as it was on the evening before.
try:
    from time import CLOCK_BOOTTIME as STEADY
except ImportError:  # not Linux
    from time import CLOCK_MONOTONIC as STEADY


class Now(NamedTuple):
    """One moment: Unix seconds, which may jump, and monotonic seconds, which do not.

    Both count the time in which this process, or its machine, was suspended.
    """

    unix: int
    monotonic: float


def read_unix_ms() -> int:
    """Return this moment in Unix milliseconds, for what is compared between processes."""
    return int(time() * 1000)


def read_clock() -> Now:
    """Return this moment; Unix seconds are rounded down."""
    return _make_now((_share(int(time())), clock_gettime(STEADY)))


@lru_cache(maxsize=2)
def _share(second: int) -> int:
    """Return one object for all moments of a second: what is remembered of it is at hand then."""
    return second


# Half of what naming the two takes, and every question reads the clock.
_make_now = cast("Callable[[tuple[int, float]], Now]", partial(tuple.__new__, Now))
