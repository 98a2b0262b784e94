"""The answer that most requests get: an empty 200 whose head is written as it stands.

aiohttp gathers a head in a dictionary and writes that out, anew for each answer; here nearly all
of it is octets that were made once for each token (docs/decisions/0009).
"""

from typing import Final

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http import HttpVersion10, HttpVersion11

_CLOSE: Final = b"Connection: close\r\n\r\n"
_KEEP: Final = b"Connection: keep-alive\r\n\r\n"  # HTTP/1.0 closes where nobody says so
_END: Final = b"\r\n"


def render_line(name: str, value: str) -> bytes:
    """Return one header line; `value` has no control characters.

    Octets that are not UTF-8 stand in it as lone surrogates.
    """
    return f"{name}: {value}\r\n".encode("utf-8", "surrogateescape")


class RenderedAllow(web.StreamResponse):
    """An empty 200 with these header lines, each with its line end.

    `Date`, `Content-Length` and `Connection` are added.
    """

    def __init__(self, lines: bytes) -> None:
        super().__init__()
        self.lines = lines

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter:
        """Write the whole answer, and wait where the peer reads too slowly."""
        if self._keep_alive is None:
            self._keep_alive = request.keep_alive
        version = request.version
        end = _END
        if not self._keep_alive:
            if version == HttpVersion11:
                end = _CLOSE
        elif version == HttpVersion10:
            end = _KEEP
        start = (
            f"HTTP/{version.major}.{version.minor} 200 OK\r\n"
            f"Content-Length: 0\r\nDate: {rfc822_formatted_time()}\r\n"
        )
        writer = request.writer
        await writer.write(start.encode("ascii") + self.lines + end)
        await writer.drain()
        return writer

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing: all has been written."""
