"""What a run did, and how long refusals took."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.chaos.model import Outcome


@dataclass(frozen=True, slots=True)
class Refused:
    """Seconds from an acknowledgement to the last question behind it that a place let in.

    `calm` says that nothing was disturbed meanwhile, and nothing was recovering.
    """

    seconds: float
    place: str
    calm: bool


@dataclass(slots=True)
class Report:
    """Counts of a run of so many seconds with this seed."""

    seed: int
    seconds: float
    asked: int = 0
    answers: Counter[tuple[str, Outcome]] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    refused: list[Refused] = field(default_factory=list)
    credentials: int = 0
    slow_ends: int = 0

    @property
    def acknowledged(self) -> int:
        """How many requests that take something away were acknowledged."""
        return sum(count for what, count in self.done.items() if what.startswith("ended: "))

    def find_longest(self, *, calm: bool) -> tuple[float, float]:
        """Return the 99th percentile and the longest of the seconds until refusal."""
        seconds = sorted(each.seconds for each in self.refused if each.calm or not calm)
        if not seconds:
            return 0.0, 0.0
        return seconds[max(0, len(seconds) * 99 // 100 - 1)], seconds[-1]

    def lines(self) -> Iterator[str]:
        """Yield what a reader wants to know."""
        yield f"seed {self.seed}, {self.seconds:.0f} s"
        yield f"questions asked: {self.asked}, about {self.credentials} tokens and cookies"
        yield f"revocations acknowledged: {self.acknowledged}"
        for what, count in sorted(self.done.items()):
            yield f"  {what}: {count}"
        yield f"faults: {self.faults.total()}"
        for fault, count in sorted(self.faults.items()):
            yield f"  {fault}: {count}"
        yield f"replicas that SIGTERM did not end in time: {self.slow_ends}"
        for name, calm in (("with no fault about", True), ("at any time", False)):
            p99, longest = self.find_longest(calm=calm)
            yield (
                f"from acknowledgement to refusal {name}: 99 of 100 within {p99 * 1000:.0f} ms,"
                f" the longest {longest * 1000:.0f} ms"
            )
        yield "wrong answers: 0"
