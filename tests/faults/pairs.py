"""Two processes of one deployment: they share a directory, a database and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.programs.service import Service, end_quietly, make_service


@dataclass(frozen=True, slots=True)
class Pair:
    """Two services that run."""

    one: Service
    other: Service

    def ways(self) -> tuple[tuple[Service, Service], ...]:
        """Return both directions: where something is done, and where it must hold."""
        return (self.one, self.other), (self.other, self.one)


@asynccontextmanager
async def serving_pair(
    directory: Path,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    upgrade: bool = False,
    user: str | None = "alice",
    environ: Mapping[str, str] | None = None,
) -> AsyncIterator[Pair]:
    """Run two services, started at once, for the length of the block; there is a user."""
    one, other = (make_service(directory, settings, environ=environ) for _ in range(2))
    if upgrade:
        upgraded = await one.run("db", "upgrade")
        assert upgraded.status == 0, upgraded.err
    if user is not None:
        await one.add_user(user)
    try:
        await asyncio.gather(one.start(), other.start())
        yield Pair(one, other)
    finally:
        await asyncio.gather(end_quietly(one), end_quietly(other))
