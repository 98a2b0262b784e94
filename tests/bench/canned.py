"""A server that says the same whatever it is asked, by as little work as uvloop lets it.

A program of its own: `canned.py PORT FILE`. FILE holds the octets of a whole answer. It takes
requests without a body, until SIGTERM.
"""

import asyncio
import sys
from pathlib import Path
from typing import Final, cast

import uvloop

HOST: Final = "127.0.0.1"
END: Final = b"\r\n\r\n"  # of a request without a body


class Canned(asyncio.Protocol):
    """One connection; a gateway sends a head in several parts where it is long."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._left = b""  # the last octets of a head that has not ended

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        came = self._left + data
        self._left = b"" if came.endswith(END) else came[1 - len(END) :]
        if END in came:
            self._transport.write(self._answer * came.count(END))


async def main(port: int, answer: bytes) -> None:
    """Serve until a signal ends this process."""
    loop = asyncio.get_running_loop()
    await loop.create_server(lambda: Canned(answer), HOST, port)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), Path(sys.argv[2]).read_bytes()))
