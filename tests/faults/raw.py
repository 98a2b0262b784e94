"""Connections held by hand: what a test sends, and when."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.programs.service import Service

TIMEOUT = 12.0  # seconds; a service that ends has closed everything by then


@dataclass(frozen=True, slots=True)
class Connection:
    """One TCP connection to a service."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, octets: bytes) -> None:
        self.writer.write(octets)
        await self.writer.drain()

    async def receive(self) -> tuple[int, dict[str, str], bytes]:
        """Return one answer: status, headers by lower-case name, body."""
        async with asyncio.timeout(TIMEOUT):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            lines = (line.partition(": ") for line in head[1:] if line)
            headers = {name.lower(): value for name, _, value in lines}
            body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return int(head[0].split(" ")[1]), headers, body

    async def is_closed(self) -> bool:
        """Wait until the service closes it."""
        async with asyncio.timeout(TIMEOUT):
            return await self.reader.read(1) == b""


@asynccontextmanager
async def connected(service: Service) -> AsyncIterator[Connection]:
    """Open a connection for the length of the block."""
    host, _, port = service.settings["server"]["listen"].rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield Connection(reader, writer)
    finally:
        writer.close()


def request(
    method: str, path: str, headers: Sequence[tuple[str, str]] = (), body: bytes = b""
) -> bytes:
    """Return a whole request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: auth.example.com"]
    lines.extend(f"{name}: {value}" for name, value in headers)
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
