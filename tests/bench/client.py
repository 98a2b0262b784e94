"""A client that speaks to Unix sockets too, which wrk does not.

A program of its own: `client.py URL FILE SECONDS CONNECTIONS MOST`. FILE holds whole requests with
a NUL behind each, which are sent in turn, at most MOST of them (0: for all of the time). Where an
answer says `Connection: close`, the next request has a new connection. It says in JSON how many
were answered, and how.
"""

import asyncio
import itertools
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, cast
from urllib.parse import urlsplit

import uvloop

END: Final = b"\r\n\r\n"
LENGTH: Final = b"\r\ncontent-length:"
CLOSE: Final = b"\r\nconnection: close\r\n"
REFUSED: Final = 400


class Connection(asyncio.Protocol):
    """One connection, on which one request is under way at a time."""

    def __init__(self) -> None:
        self.last = False  # it takes no further request
        self._answer: asyncio.Future[int] | None = None
        self._came = b""
        self._lost = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    async def ask(self, request: bytes) -> int:
        """Return the status; raises ConnectionError."""
        if self._lost.done():
            raise ConnectionResetError("the server has ended it")
        self._answer = answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        status: int = await answer
        if self.last:  # the server ends it, as it has said
            await self._lost
        return status

    def data_received(self, data: bytes) -> None:
        self._came += data
        head, end, body = self._came.partition(END)
        if not end:
            return
        lower = head.lower()
        if len(body) < int(lower.partition(LENGTH)[2].partition(b"\r\n")[0]):
            return
        self._came = b""
        self.last = CLOSE in lower + b"\r\n"
        if self._answer is not None:
            self._answer.set_result(int(head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost.set_result(None)
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionResetError(str(exc)))

    def close(self) -> None:
        self._transport.close()


async def connect(url: str) -> Connection:
    """Return a new connection; raises OSError."""
    loop = asyncio.get_running_loop()
    if url.startswith("unix:"):
        _, made = await loop.create_unix_connection(Connection, url.removeprefix("unix:"))
    else:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 80
        _, made = await loop.create_connection(Connection, host, port)
    return made


async def work(url: str, requests: Iterator[bytes], until: float, counted: Counter[str]) -> None:
    """Ask on one connection after the other."""
    connection: Connection | None = None
    for request in requests:
        if time.monotonic() >= until:
            break
        try:
            if connection is None or connection.last:
                connection = await connect(url)
            status = await connection.ask(request)
        except OSError:
            connection = None
            counted["failed"] += 1
            continue
        counted["answered"] += 1
        counted["refused"] += status >= REFUSED
    if connection is not None:
        connection.close()


async def run(
    url: str, ready: Sequence[bytes], seconds: int, connections: int, most: int
) -> Counter[str]:
    """Ask on so many connections at once; return what came back."""
    requests = itertools.cycle(ready)
    counted: Counter[str] = Counter(answered=0, refused=0, failed=0)
    until = time.monotonic() + seconds
    async with asyncio.TaskGroup() as group:
        shared = itertools.islice(requests, most) if most else requests
        for _ in range(connections):
            group.create_task(work(url, shared, until, counted))
    return counted


def main() -> None:
    """Print what came back."""
    url, file, *numbers = sys.argv[1:]
    requests = Path(file).read_bytes().split(b"\0")[:-1]
    counted = uvloop.run(run(url, requests, *map(int, numbers)))
    print(json.dumps(counted))  # noqa: T201 - for whoever started it


if __name__ == "__main__":
    main()
