"""The least that a server in Python can cost: a protocol that writes the same octets each time.

A program of its own: `constant.py PORT OCTETS`, where OCTETS is how long the answer is at least.
"""

import asyncio
import sys
from typing import Final, cast

import uvloop

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


async def serve(port: int, answer: bytes) -> None:
    """Answer until SIGTERM."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Constant(answer), "127.0.0.1", port)
    await server.serve_forever()


def main() -> None:
    """Serve on uvloop."""
    port, octets = map(int, sys.argv[1:])
    uvloop.run(serve(port, make_answer(octets)))


if __name__ == "__main__":
    main()
