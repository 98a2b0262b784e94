"""Whoever is asked where our keys are: nothing they say, or fail to, leaves a connection open."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sidecar.settings.types import RedisAccess
from sidecar.stores.redis.client import open_client
from sidecar.stores.redis.places import NotReached
from tests.programs.certificates import make_certificates

pytestmark = pytest.mark.asyncio

BOUND = 5.0  # seconds, for what takes none
ODD_RANGE = b"*1\r\n*3\r\n:0\r\n:16383\r\n*0\r\n"  # all slots, of nobody


class Node:
    """Says that it has our keys, or this, to whoever asks; `open` are the connections to it."""

    def __init__(self, says: bytes | None) -> None:
        self.open = 0
        self._says = says
        self.changed = asyncio.Event()
        self.address = ("", 0)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._count(1)
        try:
            with contextlib.suppress(ConnectionResetError):
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
        if self._says is not None and (b"SLOTS" in octets or b"SENTINEL" in octets):
            return self._says
        if b"SLOTS" in octets:
            return f"*1\r\n*3\r\n:0\r\n:16383\r\n{place}:{port}\r\n".encode()
        if b"SENTINEL" in octets:
            return f"{place}${len(str(port))}\r\n{port}\r\n".encode()
        return b"+OK\r\n" * octets.count(b"*")  # one for each command


@asynccontextmanager
async def serving_node(
    says: bytes | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Node]:
    node = Node(says)
    server = await asyncio.start_server(node.serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        node.address = server.sockets[0].getsockname()
        yield node


FORMS = ("redis+cluster://{}:{}", "redis+sentinel://{}:{}/primary")


@pytest.mark.parametrize("by_tls", [False, True], ids=["plain", "by TLS"])
@pytest.mark.parametrize("form", FORMS)
async def test_whoever_is_cancelled_at_any_moment_leaves_no_connection_open(
    tmp_path: Path, form: str, by_tls: bool
) -> None:
    """A timer that ends while an answer comes, in the middle of what closes the connection."""
    access, tls = RedisAccess(), None
    if by_tls:
        made = make_certificates(tmp_path)
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(*made.server)
        access, form = RedisAccess(ca_file=made.ca), form.replace("redis+", "rediss+")
    async with serving_node(tls=tls) as node:
        turns, was_done = 0, False
        while not was_done:
            url = form.format(*node.address)
            client = open_client(url, access, timeout=BOUND, connections=1)
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


@pytest.mark.parametrize(
    "says",
    [b"+OK\r\n", b":1\r\n", b"*1\r\n$1\r\nx\r\n", b"*2\r\n$1\r\nx\r\n$1\r\nx\r\n", ODD_RANGE],
)
@pytest.mark.parametrize("form", FORMS)
async def test_whoever_says_something_odd_is_named(form: str, says: bytes) -> None:
    async with serving_node(says) as node:
        client = open_client(
            form.format(*node.address), RedisAccess(), timeout=BOUND, connections=1
        )
        try:
            with pytest.raises(NotReached, match=r"what redis\.url names is no"):
                await client.ping()
        finally:
            await client.aclose()
        await node.until_left()
