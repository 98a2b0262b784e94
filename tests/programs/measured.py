"""A plugin of coverage.py: CPython 3.11 does not loop for ever where a measured thread ends.

Coverage of greenlets asks greenlet for the current one in every thread, and refers to them weakly.
When a thread ends, greenlet has the main thread drop that thread's own greenlet in a pending call,
and Python code is called for the reference. CPython 3.11 looks for pending calls as a traced
function begins, makes none within another, and looks again: where a second thread has ended
meanwhile it gets no further. While those greenlets live, no Python runs there.
"""

from typing import Final

import greenlet
from coverage.collector import Collector
from coverage.types import TTraceFn

_kept: Final[list[greenlet.greenlet]] = []
_start_tracer = Collector._start_tracer


def coverage_init(_registry: object, _options: object) -> None:
    """Have each tracer keep the greenlet of the thread in which it starts."""
    Collector._start_tracer = _start_keeping  # type: ignore[assignment]


def _start_keeping(collector: Collector) -> TTraceFn | None:
    # Twice: where one reference is left greenlet looks through all objects for whose it is.
    _kept.extend([greenlet.getcurrent()] * 2)
    return _start_tracer(collector)
