"""The answer that most requests get: an empty 200 whose head is written as it stands.

aiohttp gathers a head in a dictionary and writes that out, anew for each answer; here nearly all
of it is octets that were made once for each token (docs/decisions/0009). What else is whole is
gathered, and written at once all the same where the lane found it.
"""

from email.utils import formatdate
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from aiohttp import http_writer, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import HttpVersion

from sidecar.web.headers import REQUEST_ID_HEADER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_CLOSE: Final = b"Connection: close\r\n\r\n"
_KEEP: Final = b"Connection: keep-alive\r\n\r\n"  # HTTP/1.0 closes where nobody says so
LINE_END: Final = b"\r\n"
STARTS: Final = 4  # of this second and the one before, in both versions
SERIALIZER: Final = "_serialize_headers"  # aiohttp's own, which refuses line ends in a value
_serialize: "Final[Callable[[str, Mapping[str, str]], bytes]]" = getattr(
    http_writer, SERIALIZER, None
)  # type: ignore[assignment]  # where it is missing there is no lane


def render_line(name: str, value: str) -> bytes:
    """Return one header line; `value` has no control characters.

    Octets that are not UTF-8 stand in it as lone surrogates.
    """
    return f"{name}: {value}\r\n".encode("utf-8", "surrogateescape")


@lru_cache(maxsize=STARTS)
def _render_date(at: int) -> str:
    return formatdate(at, usegmt=True)


@lru_cache(maxsize=STARTS)
def _render_start(minor: int, at: int) -> bytes:
    """Return the lines that are the same for all answers of a second."""
    date = _render_date(at)
    start = f"HTTP/1.{minor} 200 OK\r\nContent-Length: 0\r\nDate: {date}\r\n{REQUEST_ID_HEADER}: "
    return start.encode("ascii")


def is_whole(answer: web.Response) -> bool:
    """Say whether `render_whole` can write this answer."""
    return isinstance(answer.body, bytes) and answer.body != b"" and not answer.cookies


def render_whole(answer: web.Response, version: HttpVersion, at: int, *, keep_alive: bool) -> bytes:
    """Return all octets of an answer with a body, as aiohttp writes them where HEAD was not asked.

    `at` is now, in Unix seconds.
    """
    body, headers = cast("bytes", answer.body), answer.headers
    headers["Content-Length"] = str(len(body))
    headers["Date"] = _render_date(at)
    if not keep_alive:
        if version.minor == 1:
            headers["Connection"] = "close"
    elif version.minor == 0:
        headers["Connection"] = "keep-alive"
    start = f"HTTP/1.{version.minor} {answer.status} {answer.reason}"
    return _serialize(start, headers) + body


class AllowHead(NamedTuple):
    """An empty 200 with these header lines, each with its line end.

    `X-Request-Id`, `Date` (of `at`, in Unix seconds), `Content-Length` and `Connection` are added.
    """

    lines: bytes
    request_id: str
    at: int

    def render(self, version: HttpVersion, *, keep_alive: bool) -> bytes:
        """Return all octets of the answer to a request of this version, HTTP/1.0 or 1.1."""
        minor = version.minor
        end = LINE_END
        if not keep_alive:
            if minor == 1:
                end = _CLOSE
        elif minor == 0:
            end = _KEEP
        start = _render_start(minor, self.at)
        return b"".join((start, self.request_id.encode("ascii"), LINE_END, self.lines, end))


# A third of what naming the three takes.
make_head = cast("Callable[[tuple[bytes, str, int]], AllowHead]", partial(tuple.__new__, AllowHead))


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
