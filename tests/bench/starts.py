"""How soon the service is ready after its start, beside what importing its libraries takes.

How many seconds that is `make bench` says, and judges. Here it is held against importing on the
same core at the same time: all that the service is built of, most of which it imports too.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from tests.bench.load import LoadFailed
from tests.bench.servers import ENVIRON, PYTHON, make_measured_service, running, serving_measured
from tests.programs.redis import serving_redis
from tests.programs.service import Service

MOST: Final = 1.25  # times as long as importing them
STARTS: Final = 5
TRIES: Final = 3  # so many times that at most: noise alone does not last
LIBRARIES: Final = (
    *("aiohttp.web", "aiosqlite", "alembic.command", "click", "jinja2", "jwt", "marshmallow"),
    *("prometheus_client", "pythonjsonlogger.json", "redis.asyncio", "sqlalchemy.ext.asyncio"),
    *("uvloop", "yaml"),
)
IMPORT: Final = f"import time, {', '.join(LIBRARIES)}; print(time.process_time())"


class Starts(NamedTuple):
    """Seconds of each start: until it was `ready`, and of CPU for the `imports` right after it."""

    ready: Sequence[float]
    imports: Sequence[float]

    @property
    def ratio(self) -> float:
        """How long a start takes, divided by how long importing does."""
        return min(self.ready) / min(self.imports)

    @property
    def holds(self) -> bool:
        """Say whether that is within the limit."""
        return self.ratio <= MOST


async def measure_starts(folder: Path, core: int) -> Starts:
    """Return the starts of a service on SQLite, the slower of alone and with Redis.

    Raises LoadFailed.
    """
    (folder / "redis").mkdir(parents=True)
    async with serving_redis(folder / "redis") as redis:
        services = [
            make_measured_service(folder / "alone"),
            make_measured_service(folder / "with-redis", {"redis": {"url": redis.url}}),
        ]
        for service in services:  # they make ring and schema, and compile
            await _start(service, core)
        await _import_libraries(folder, core)
        ready, imports = list[float](), list[float]()
        while True:
            for _ in range(STARTS):
                ready.append(max([await _start(service, core) for service in services]))
                imports.append(await _import_libraries(folder, core))
            starts = Starts(ready, imports)
            if starts.holds or len(ready) == TRIES * STARTS:
                return starts


async def _start(service: Service, core: int) -> float:
    """Return the seconds until a service was ready, and end it."""
    async with serving_measured(service, core) as (_, ready_after):
        return ready_after


async def _import_libraries(folder: Path, core: int) -> float:
    """Return the seconds that a core had to work for it."""
    async with running([*PYTHON, "-c", IMPORT], folder, core, ENVIRON) as program:
        if await program.process.wait() != 0:
            raise LoadFailed(program.read_output())
    return float(program.read_output())
