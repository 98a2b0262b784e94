"""The one place that reads the clocks; they are read once for each request and passed down."""

from time import monotonic, time
from typing import NamedTuple


class Now(NamedTuple):
    """One moment: Unix seconds, which may jump, and monotonic seconds, which do not."""

    unix: int
    monotonic: float


def read_clock() -> Now:
    """Return this moment; Unix seconds are rounded down."""
    return Now(int(time()), monotonic())
