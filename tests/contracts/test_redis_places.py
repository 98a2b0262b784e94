"""Whoever is asked where our keys are, and is given up: no connection to them stays open."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sidecar.settings.types import RedisAccess
from sidecar.stores.redis.client import open_client

pytestmark = pytest.mark.asyncio

BOUND = 5.0  # seconds, for what takes none


class Node:
    """Says that it has our keys, to whoever asks; `open` are the connections to it."""

    def __init__(self) -> None:
        self.open = 0
        self.changed = asyncio.Event()
        self.address = ("", 0)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._count(1)
        try:
            while octets := await reader.read(1024):
                writer.write(self._answer(octets.upper()))
        finally:
            writer.close()
            self._count(-1)

    async def until_left(self) -> None:
        """Wait until nobody is connected."""
        async with asyncio.timeout(BOUND):
            while self.open:
                self.changed.clear()
                await self.changed.wait()

    def _count(self, more: int) -> None:
        self.open += more
        self.changed.set()

    def _answer(self, octets: bytes) -> bytes:
        host, port = self.address
        place = f"*2\r\n${len(host)}\r\n{host}\r\n"
        if b"SLOTS" in octets:
            return f"*1\r\n*3\r\n:0\r\n:16383\r\n{place}:{port}\r\n".encode()
        if b"SENTINEL" in octets:
            return f"{place}${len(str(port))}\r\n{port}\r\n".encode()
        return b"+OK\r\n" * octets.count(b"*")  # one for each command


@asynccontextmanager
async def serving_node() -> AsyncIterator[Node]:
    node = Node()
    server = await asyncio.start_server(node.serve, "127.0.0.1", 0)
    async with server:
        node.address = server.sockets[0].getsockname()
        yield node


@pytest.mark.parametrize("form", ["redis+cluster://{}:{}", "redis+sentinel://{}:{}/primary"])
async def test_whoever_is_cancelled_at_any_moment_leaves_no_connection_open(form: str) -> None:
    """A timer that ends while an answer comes, in the middle of what closes the connection."""
    async with serving_node() as node:
        turns, was_done = 0, False
        while not was_done:
            url = form.format(*node.address)
            client = open_client(url, RedisAccess(), timeout=BOUND, connections=1)
            asking = asyncio.ensure_future(client.ping())
            for _ in range(turns):
                await asyncio.sleep(0)
            was_done = asking.done()
            asking.cancel()
            await asyncio.wait([asking], timeout=BOUND)
            assert asking.done()
            await client.aclose()
            await node.until_left()
            turns += 1
        assert turns > 2  # it was cancelled under way too
