"""What comes in one turn of the loop is dealt with together, stage by stage.

Each connection's octets could be parsed, judged and answered before the next one's are read. But
those stages are different code, and a processor has room for little of it at hand: by the end of
one it would have to fetch the next anew, for each connection. So the octets of all are taken first;
then they are parsed, some at a time; what came of those is judged and written; and then it is sent
(docs/decisions/0031).
"""

from asyncio import AbstractEventLoop
from typing import TYPE_CHECKING, Any, Final

from sidecar.clock import read_clock

if TYPE_CHECKING:
    from sidecar.web.lane import Lane

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
            for lane, result in parsed:
                try:
                    lane.deal_with(result, now)
                except Exception as error:  # noqa: BLE001 - as above
                    lane.fail(error)
            for lane, _ in parsed:
                lane.send()
