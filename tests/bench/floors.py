"""What the service is compared with: servers that decide nothing.

A program of its own: `floors.py KIND LOOP PORT OCTETS`. It answers with an empty 200 until SIGTERM;
OCTETS is how long the answer of `constant` is at least.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, cast

from aiohttp import web

PATHS: Final = ("/", "/verify/traefik")
HOST: Final = "127.0.0.1"
END: Final = b"\r\n\r\n"  # of a request without a body


class Constant(asyncio.Protocol):
    """Answers whatever ends like a request, and looks no further."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if data.endswith(END):
            self._transport.write(self._answer)


def make_answer(octets: int) -> bytes:
    """Return an empty 200 whose head has so many octets, if it is not longer by itself."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Filled: "
    return head + b"x" * (octets - len(head) - len(END)) + END


async def answer(_: web.BaseRequest) -> web.Response:
    return web.Response()


async def serve_constant(port: int, octets: int) -> None:
    """Write so many octets for each request: the least that a server in Python can cost."""
    made = make_answer(octets)
    await asyncio.get_running_loop().create_server(lambda: Constant(made), HOST, port)


async def serve_low_level(port: int, _: int) -> None:
    """Answer by aiohttp's server, without its router and middlewares."""
    await _serve(web.ServerRunner(web.Server(answer, access_log=None)), port)


async def serve_application(port: int, _: int) -> None:
    """Answer by a handler of an aiohttp application."""
    app = web.Application()
    for path in PATHS:
        app.router.add_get(path, answer)
    await _serve(web.AppRunner(app, access_log=None), port)


async def _serve(runner: web.BaseRunner, port: int) -> None:
    await runner.setup()
    await web.TCPSite(runner, HOST, port).start()


KINDS: Final[Mapping[str, Callable[[int, int], Awaitable[None]]]] = {
    "constant": serve_constant,
    "low-level": serve_low_level,
    "application": serve_application,
}


async def main(kind: str, port: int, octets: int) -> None:
    """Serve until a signal ends this process."""
    await KINDS[kind](port, octets)
    await asyncio.Event().wait()


def find_loop(name: str) -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes the event loop of that name; only then uvloop is loaded."""
    if name != "uvloop":
        return None
    import uvloop

    return uvloop.new_event_loop


if __name__ == "__main__":
    KIND, LOOP, PORT, OCTETS = sys.argv[1:]
    with asyncio.Runner(loop_factory=find_loop(LOOP)) as made:
        made.run(main(KIND, int(PORT), int(OCTETS)))
