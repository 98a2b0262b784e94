"""Says once that writes to the database fail, and once that they work again."""

import asyncio
import logging
from typing import Final, Protocol

PERIOD: Final = 0.2  # seconds between looks

log = logging.getLogger("sidecar.store")


class Written(Protocol):
    """A store that knows how its last write went."""

    @property
    def write_problem(self) -> str | None:
        """Say why the last write failed; None where it did not."""
        ...


class WriteWatch:
    """Looks how writes go: each that fails says so by itself, for whoever wanted it."""

    def __init__(self, store: Written) -> None:
        self._store = store
        self._told: str | None = None

    async def run(self) -> None:
        """Look for ever."""
        while True:
            problem = self._store.write_problem
            if problem is not None and self._told is None:
                log.error("writes to the database fail", extra={"cause": problem})
            elif problem is None and self._told is not None:
                log.info("writes to the database work again")
            self._told = problem
            await asyncio.sleep(PERIOD)
