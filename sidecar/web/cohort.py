"""What comes in one turn of the loop is dealt with together, stage by stage.

Each connection's octets could be parsed, judged and answered before the next one's are read. But
those stages are different code, and a processor has room for little of it at hand: by the end of
one it would have to fetch the next anew, for each connection. So the octets of all are taken first;
then they are parsed, some at a time; what came of those is judged and written; and then it is sent
(docs/decisions/0031). Answers that take dear work stand behind: it is done for a few, then they are
made of it, and sent (docs/decisions/0034).
"""

from asyncio import AbstractEventLoop
from typing import TYPE_CHECKING, Any, Final

from sidecar.clock import Now, read_clock
from sidecar.web.pace import TOGETHER as DEAR_TOGETHER

if TYPE_CHECKING:
    from collections.abc import Callable

    from sidecar.web.lane import Lane
    from sidecar.web.pace import Later

    Dear = list[tuple[Lane, Any, Later[Any]]]  # what the parser made of each, and what it takes

# Connections. With more, the collector of garbage would look at what waits between the stages.
TOGETHER: Final = 32
FEW: Final = 4  # arrivals; below, to wait for each other costs more than it spares
ALONE: Final = 64  # arrivals that are dealt with as they come, until it is looked again


class Cohort:
    """The connections that something has come on in this turn; for one event loop.

    `came` is empty until `begin` has said that whoever comes is to wait.
    """

    __slots__ = ("_alone", "came")

    def __init__(self, alone: int = 0) -> None:
        """Make one that deals with so many arrivals as they come before it looks how many do."""
        self.came: list[Lane] = []
        self._alone = alone

    def begin(self, lane: "Lane", loop: AbstractEventLoop) -> bool:
        """Say whether the first one of a turn waits for others, which `came` has then."""
        if self._alone:
            self._alone -= 1
            return False
        loop.call_soon(self._go_on)
        self.came.append(lane)
        return True

    def _go_on(self) -> None:
        came, self.came = self.came, []
        self._alone = ALONE if len(came) < FEW else 0
        for begin in range(0, len(came), TOGETHER):
            parsed: list[tuple[Lane, Any]] = []
            for lane in came[begin : begin + TOGETHER]:
                try:
                    result = lane.parse_held()
                except Exception as error:  # noqa: BLE001 - told to the loop, as it does itself
                    lane.fail(error)
                else:
                    if result is not None:
                        parsed.append((lane, result))
            now = read_clock()
            dear: Dear = []
            for lane, result in parsed:
                try:
                    later = lane.deal_with(result, now)
                except Exception as error:  # noqa: BLE001 - as above
                    lane.fail(error)
                else:
                    if later is not None:
                        dear.append((lane, result, later))
            for lane, _ in parsed:
                lane.send()
            for first in range(0, len(dear), DEAR_TOGETHER):
                self.work_on(dear[first : first + DEAR_TOGETHER], now)

    def work_on(self, dear: "Dear", now: Now) -> None:
        """Do what is dear, as far as this turn has a share of it left, then answer and send."""
        self._alone = 0  # it is worth to wait for others
        made: list[tuple[Lane, Any, Callable[[], Any]]] = []
        for lane, result, later in dear:
            try:
                make = lane.work(result, later)
            except Exception as error:  # noqa: BLE001 - told to the loop, as it does itself
                lane.fail(error)
            else:
                if make is not None:
                    made.append((lane, result, make))
        for lane, result, make in made:
            try:
                lane.finish(result, make, now)
            except Exception as error:  # noqa: BLE001 - as above
                lane.fail(error)
        for lane, _, _ in made:
            lane.send()
