"""The answer that most requests get: an empty 200 whose head is written as it stands.

aiohttp gathers a head in a dictionary and writes that out, anew for each answer; here nearly all
of it is octets that were made once for each token (docs/decisions/0009).
"""

from functools import lru_cache
from typing import Final

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http import HttpVersion, HttpVersion10, HttpVersion11

_CLOSE: Final = b"Connection: close\r\n\r\n"
_KEEP: Final = b"Connection: keep-alive\r\n\r\n"  # HTTP/1.0 closes where nobody says so
LINE_END: Final = b"\r\n"
STARTS: Final = 4  # of this second and the one before, in both versions


def render_line(name: str, value: str) -> bytes:
    """Return one header line; `value` has no control characters.

    Octets that are not UTF-8 stand in it as lone surrogates.
    """
    return f"{name}: {value}\r\n".encode("utf-8", "surrogateescape")


@lru_cache(maxsize=STARTS)
def _render_start(version: HttpVersion, date: str) -> bytes:
    """Return the lines that are the same for all answers of a second."""
    start = f"HTTP/{version.major}.{version.minor} 200 OK\r\nContent-Length: 0\r\nDate: {date}\r\n"
    return start.encode("ascii")


class AllowHead:
    """An empty 200 with these header lines, each with its line end.

    `Date`, `Content-Length` and `Connection` are added.
    """

    __slots__ = ("lines",)

    def __init__(self, lines: bytes) -> None:
        self.lines = lines

    def render(self, version: HttpVersion, *, keep_alive: bool) -> bytes:
        """Return all octets of the answer to a request of this version."""
        end = LINE_END
        if not keep_alive:
            if version == HttpVersion11:
                end = _CLOSE
        elif version == HttpVersion10:
            end = _KEEP
        return _render_start(version, rfc822_formatted_time()) + self.lines + end


class RenderedAllow(web.StreamResponse):
    """What aiohttp is handed as the answer, where it is the one that writes it."""

    def __init__(self, head: AllowHead) -> None:
        super().__init__()
        self._head = head

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter:
        """Write the whole answer, and wait where the peer reads too slowly."""
        if self._keep_alive is None:
            self._keep_alive = request.keep_alive
        writer = request.writer
        await writer.write(self._head.render(request.version, keep_alive=self._keep_alive))
        await writer.drain()
        return writer

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing: all has been written."""
