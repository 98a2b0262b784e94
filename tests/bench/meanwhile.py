"""What a service can have to do while it is asked."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import sqlalchemy as sa
from aiohttp import ClientSession

from tests.bench.filled import MONTH, NOW, RANDOM, SERIES
from tests.bench.flood import flooding
from tests.bench.load import LoadFailed
from tests.bench.measure import Server, cpu_seconds
from tests.bench.revocations import REVOCATIONS
from tests.contracts.sql_stores import outside
from tests.programs.service import Service

IDLE: Final = 0.3  # seconds in which a service at rest does next to nothing
LOOK: Final = 0.05  # seconds between two looks at how far the service is
PATIENCE: Final = 30.0  # seconds for the service to get there


@dataclass(slots=True)
class Meanwhile:
    """A service that runs on a SQLite `database`, with a `policy`, and what can happen to it."""

    service: Service
    server: Server
    database: str
    policy: str
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    async def settle(self) -> None:
        """Wait until the service has nothing to do. Raises LoadFailed."""

        async def is_idle() -> bool:
            before = cpu_seconds(self.server.pid)
            await asyncio.sleep(IDLE)
            return cpu_seconds(self.server.pid) - before < IDLE / 10

        await _until(is_idle, "the service did not come to rest")

    def flooding(self) -> AbstractAsyncContextManager[None]:
        """Let strangers guess. Raises LoadFailed where the queue of hashes was not full."""
        return flooding(self.server.url, self.numbers)

    @asynccontextmanager
    async def reloading(self) -> AsyncIterator[None]:
        """Change the policy, again each time when it has been read. Raises LoadFailed."""
        seen = self._count_readings()
        changing = asyncio.create_task(self._change_policy())
        try:
            yield
            await self._await_reading(seen)
        finally:
            changing.cancel()
            await asyncio.wait([changing])

    async def _change_policy(self) -> None:
        file = self.service.directory / "policy.yaml"
        for number in itertools.count():
            seen = self._count_readings()
            file.write_text(f"# {number}\n{self.policy}")
            await self._await_reading(seen)

    async def _await_reading(self, seen: int) -> None:
        async def is_read() -> bool:
            return self._count_readings() > seen

        await _until(is_read, "the policy was not read")

    def _count_readings(self) -> int:
        assert self.service.program is not None
        return self.service.program.read_output().count('"policy: read"')

    @asynccontextmanager
    async def revoking(self, number: int) -> AsyncIterator[None]:
        """Add so many revocations. Raises LoadFailed where they were not read."""
        expected = await self._count_revocations() + number
        insert = REVOCATIONS.format(random=RANDOM["sqlite"], now=NOW + 1, month=MONTH - 1)
        async with outside(self.database) as connection:
            await connection.execute(sa.text(SERIES["sqlite"] + insert), {"many": number})
            await connection.commit()
        yield

        async def are_read() -> bool:
            return await self._count_revocations() >= expected

        await _until(are_read, f"{number} revocations were not read")

    async def _count_revocations(self) -> int:
        url = f"{self.service.operations}/metrics"
        async with ClientSession() as session, session.get(url) as answer:
            for each in (await answer.text()).splitlines():
                name, _, value = each.partition(" ")
                if name == "sidecar_revocations":
                    return int(float(value))
        raise LoadFailed("sidecar_revocations is missing")


async def _until(is_so: Callable[[], Awaitable[bool]], lacking: str) -> None:
    """Look again and again; raises LoadFailed where it is not so in time."""
    deadline = time.monotonic() + PATIENCE
    while not await is_so():
        if time.monotonic() > deadline:
            raise LoadFailed(lacking)
        await asyncio.sleep(LOOK)
