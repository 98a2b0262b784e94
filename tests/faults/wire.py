"""A wire between the services and a store: it can be slow, or break in the middle of a reply."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from tests.programs.process import free_port

PIECE: Final = 65_536  # octets


@dataclass(slots=True)
class Wire:
    """Listens at `port`, and hands everything on to the store at `target`.

    `delay` is in seconds, for each piece in either direction. Of a reply `cut_after` octets come
    through, then the connection is closed; None: all of it.
    """

    port: int
    target: int
    delay: float = 0.0
    cut_after: int | None = None
    _connections: set[asyncio.Task[None]] = field(default_factory=set, init=False)

    async def carry(self, here: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        """Carry one connection until either side closes it."""
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        writers = [back]
        try:
            with suppress(OSError):
                there, onwards = await asyncio.open_connection("127.0.0.1", self.target)
                writers.append(onwards)
                await self._carry_both(here, onwards, there, back)
        finally:
            for writer in writers:
                writer.close()
            self._connections.discard(task)

    async def _carry_both(
        self,
        here: asyncio.StreamReader,
        onwards: asyncio.StreamWriter,
        there: asyncio.StreamReader,
        back: asyncio.StreamWriter,
    ) -> None:
        directions = [
            asyncio.create_task(self._pump(here, onwards, reply=False)),
            asyncio.create_task(self._pump(there, back, reply=True)),
        ]
        try:
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in directions:
                each.cancel()
            await asyncio.gather(*directions, return_exceptions=True)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, reply: bool
    ) -> None:
        while piece := await reader.read(PIECE):
            await asyncio.sleep(self.delay)
            cut = self.cut_after if reply else None
            writer.write(piece[:cut])
            await writer.drain()
            if cut is not None:
                return

    async def close(self) -> None:
        """End every connection."""
        tasks = list(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def wiring(target: int) -> AsyncIterator[Wire]:
    """Run a wire to the store at this port for the length of the block."""
    wire = Wire(free_port(), target)
    server = await asyncio.start_server(wire.carry, "127.0.0.1", wire.port)
    try:
        yield wire
    finally:
        server.close()
        await wire.close()
