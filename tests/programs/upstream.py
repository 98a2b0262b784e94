"""An application behind a gateway: it answers with what it received."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from tests.programs.process import free_port


@dataclass(slots=True)
class Upstream:
    """What arrived: method, target, header lines in their order, body."""

    port: int
    received: list[dict[str, Any]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)  # what it answers with beside its own

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Keep and return what came."""
        told = {
            "method": request.method,
            "target": request.raw_path,
            "headers": [
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in request.raw_headers
            ],
        }
        if request.headers.get("Upgrade", "").lower() == "websocket":
            self.received.append(told)
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    await socket.send_str(message.data)
            return socket
        told["body"] = (await request.read()).decode("latin-1")
        self.received.append(told)
        return web.json_response(told, headers=self.headers)


def header_values(received: dict[str, Any], name: str) -> list[str]:
    """Return the values of all lines of a header; `_` and `-` count as one, as CGI sees them."""
    wanted = name.lower().replace("_", "-")
    return [value for key, value in received["headers"] if key.lower().replace("_", "-") == wanted]


@asynccontextmanager
async def serving_upstream() -> AsyncIterator[Upstream]:
    """Run an upstream for the length of the block."""
    upstream = Upstream(free_port())
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", upstream.answer)
    runner = web.AppRunner(app, access_log=None, max_field_size=65_536, max_line_size=65_536)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", upstream.port).start()
        yield upstream
    finally:
        await runner.cleanup()


async def _read_chunks(reader: asyncio.StreamReader) -> list[str]:
    """Read over a chunked body; return the lines of its trailer (RFC 9112 section 7.1)."""
    while size := int((await reader.readline()).split(b";")[0], 16):
        await reader.readexactly(size + len(b"\r\n"))
    trailers = []
    while line := (await reader.readline()).decode("latin-1").strip():
        trailers.append(line)
    return trailers


@asynccontextmanager
async def serving_lenient_upstream() -> AsyncIterator[Upstream]:
    """Run an upstream that takes any request line and any header, as old servers do."""
    upstream = Upstream(free_port())

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                request, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
                method, _, rest = request.partition(" ")
                target, _, _ = rest.rpartition(" ")
                pairs = [line.partition(":") for line in lines]
                headers = [(name, value.strip()) for name, _, value in pairs]
                told = {"method": method, "target": target, "headers": headers}
                if ("transfer-encoding", "chunked") in [(n.lower(), v) for n, v in headers]:
                    told["trailers"] = await _read_chunks(reader)
                upstream.received.append(told)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", upstream.port)
    try:
        yield upstream
    finally:
        server.close()
