"""What a server costs, by the kernel's account of its process."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.bench.load import LoadFailed, send, send_slowly

CONNECTIONS = 32
FIRST = 10  # seconds at most, for what does not count


@dataclass(frozen=True, slots=True)
class Server:
    """A server under measurement."""

    pid: int
    url: str


@dataclass(frozen=True, slots=True)
class Row:
    """What is measured: `requests` makes the file for one round.

    `first` requests are sent before anything is counted. Of those that count `most` are sent; where
    `refused` is set each must be. `slowly` says which client sends them.
    """

    name: str
    server: Server
    requests: Callable[[], Path]
    connections: int = CONNECTIONS
    first: int = 0
    most: int | None = None
    refused: bool = False
    slowly: bool = False


@dataclass(frozen=True, slots=True)
class Spread:
    """The figures of all rounds."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, figures: Sequence[float]) -> "Spread":
        """Return the spread of these."""
        return cls(statistics.median(figures), min(figures), max(figures))


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used, user and system, all its threads.

    This is the clock that clock_getcpuclockid(3) names, in nanoseconds where /proc/PID/stat counts
    hundredths of a second.
    """
    return time.clock_gettime(~pid << 3 | 2)


def waited_seconds(pid: int) -> float:
    """Return how long a process was ready to run while its core did something else."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9


def resident_mb(pid: int) -> float:
    """Return the memory of a process that is in RAM, in MB of 2**20 octets."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise LoadFailed(f"process {pid} has ended")


async def measure(row: Row, seconds: int, most: int | None = None) -> float:
    """Return the CPU time of one request in microseconds; `most` where the row has no number.

    Raises LoadFailed.
    """
    url, connections = row.server.url, row.connections
    requests = row.requests()
    by = send_slowly if row.slowly else partial(send, awake=True)
    if row.first:
        await by(url, requests, seconds=FIRST, connections=connections, most=row.first)
    most = row.most or most
    before = cpu_seconds(row.server.pid)
    answers = await by(url, requests, seconds=seconds, connections=connections, most=most)
    spent = cpu_seconds(row.server.pid) - before
    refused = answers.answered if row.refused else 0
    if answers.failed or answers.refused != refused or not answers.answered:
        raise LoadFailed(f"{row.name}: {answers}")
    return spent * 1e6 / answers.answered
