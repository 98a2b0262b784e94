"""A throttle on a store in memory, and attempts at it."""

from collections.abc import Sequence

from sidecar.core.audit import Device
from sidecar.core.throttle import Blocked, Bucket
from sidecar.credentials.buckets import BucketNames
from sidecar.credentials.throttle import Admission, Throttle
from sidecar.errors import StoreUnavailable
from sidecar.ports.throttle import Counted
from tests.contracts.sql_stores import NOW
from tests.contracts.throttles import MemoryMarks, MemoryThrottle

KEY = b"k" * 32
HOME = Device("203.0.113.7", "browser")
CAFE = Device("198.51.100.9", "browser")


def make_throttle(
    store: MemoryThrottle | None = None,
    shared: MemoryThrottle | None = None,
    *,
    logins_per_hour: int = 600,
) -> Throttle:
    names = BucketNames(KEY, logins_per_hour=logins_per_hour)
    return Throttle(names, MemoryMarks(), store or MemoryThrottle(), shared)


async def admitted(
    throttle: Throttle,
    times: int,
    name: str = "alice",
    device: Device = HOME,
    known: str | None = None,
    now: int = NOW,
) -> int:
    """Try so often, always wrongly; return how often that was let."""
    answers = [await throttle.admit(name, device, known, now) for _ in range(times)]
    return sum(isinstance(answer, Admission) for answer in answers)


async def log_in(throttle: Throttle, name: str, device: Device, now: int = NOW) -> str:
    """Log in with a browser; return what it shows from then on."""
    admission = await throttle.admit(name, device, None, now)
    assert isinstance(admission, Admission)
    await throttle.welcome(admission, name, (0, 0), remembers=True)
    return throttle.names.seal_device(name, admission.device)


class Watched(MemoryThrottle):
    """Counts how often it is asked; does not answer while it is away."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.away = False

    async def admit(self, buckets: Sequence[Bucket], now: int) -> Counted | Blocked:
        self.asked += 1
        self._fail()
        return await super().admit(buckets, now)

    async def forgive(self, counted: Counted) -> None:
        self._fail()
        await super().forgive(counted)

    def _fail(self) -> None:
        if self.away:
            raise StoreUnavailable("does not answer")
