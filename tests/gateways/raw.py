"""Requests octet for octet, as no well-behaved client sends them, over a kept connection."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

ANSWER_TIMEOUT = 20.0  # seconds
_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})")
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


@dataclass(slots=True)
class RawClient:
    """One connection to a port, opened again where the other side has closed it."""

    port: int
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None

    async def ask(self, request: bytes) -> int:
        """Send a whole request without a body; return the status, 0 where there is no answer."""
        kept = self.writer is not None
        status = await self._try(request)
        # A kept connection may have been closed just now; a new one that is closed is an answer.
        return await self._try(request) if kept and status == 0 else status

    async def _try(self, request: bytes) -> int:
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        assert self.reader is not None
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                self.writer.write(request)
                head = await self.reader.readuntil(b"\r\n\r\n")
                if not await self._read_body(self.reader, head):
                    await self.close()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            await self.close()
            return 0
        match = _STATUS.match(head)
        return int(match[1]) if match else 0

    async def _read_body(self, reader: asyncio.StreamReader, head: bytes) -> bool:
        """Read over a body; say whether the connection can be used again."""
        if _CHUNKED.search(head):
            while size := int((await reader.readline()).split(b";")[0], 16):
                await reader.readexactly(size + 2)
            await reader.readline()
        elif length := _LENGTH.search(head):
            await reader.readexactly(int(length[1]))
        else:
            return False
        return _CLOSE.search(head) is None

    async def close(self) -> None:
        """Close the connection, whatever has become of it."""
        if self.writer is not None:
            self.writer.close()
            self.reader = self.writer = None


@asynccontextmanager
async def connecting(port: int) -> AsyncIterator[RawClient]:
    """Lend a client for the length of the block."""
    client = RawClient(port)
    try:
        yield client
    finally:
        await client.close()


def compose(target: str, *lines: str, method: str = "GET") -> bytes:
    """Return a request without a body; texts are Latin-1, so any octet can be said."""
    head = "\r\n".join((f"{method} {target} HTTP/1.1", *lines, "", ""))
    return head.encode("latin-1")
