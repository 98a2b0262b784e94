"""The fast lane: a question that is whole when it comes is answered before anything waits.

aiohttp's protocol takes the octets, and its own C parser reads them. Where just one message without
a body came of them, on a connection whose handler waits for one, and its path is a question's, the
200 is written right away: no request, no task, no future. All else is left where aiohttp put it,
and takes the ordinary way; a question that has been judged by then is not judged again
(docs/decisions/0024).
"""

import inspect
from collections import deque
from typing import Any, Final

from aiohttp import web
from aiohttp.http import HttpRequestParser, HttpVersion10, HttpVersion11, RawRequestMessage
from aiohttp.http_parser import HttpRequestParserPy
from aiohttp.streams import EMPTY_PAYLOAD

from sidecar.web.asking import Message
from sidecar.web.protocol import Protocol, ProtocolServer
from sidecar.web.rendered import AllowHead
from sidecar.web.verify import find_question

# What this module leans on, by who has it; the range of aiohttp is pinned, and this is looked at
# too.
_LEANED_ON: Final[tuple[tuple[type, tuple[str, ...]], ...]] = (
    (
        web.RequestHandler,
        (
            *("_keepalive_handle", "_keepalive_timeout", "_messages", "_next_keepalive_close_time"),
            *("_loop", "_parser", "_paused", "_process_keepalive", "_upgraded", "_waiter"),
            *("connection_made", "data_received", "force_close", "peername", "transport"),
        ),
    ),
    (HttpRequestParser, ("feed_data", "message_consumed")),
    (RawRequestMessage, ("headers", "method", "path", "should_close", "upgrade", "version")),
)
_CALLED_WITH: Final = (
    (web.RequestHandler.data_received, ["self", "data"]),
    (web.RequestHandler._process_keepalive, ["self"]),  # noqa: SLF001 - as the lane calls it
    (web.RequestHandler.force_close, ["self"]),
)


def find_fault() -> str | None:
    """Return what of aiohttp is not as the lane needs it, None where all of it is."""
    if HttpRequestParser is HttpRequestParserPy:
        return "aiohttp has no C parser"
    for owner, names in _LEANED_ON:
        for name in names:
            if not hasattr(owner, name):
                return f"aiohttp's {owner.__name__} has no {name}"
    for function, parameters in _CALLED_WITH:
        if list(inspect.signature(function).parameters) != parameters:
            return f"aiohttp's {function.__qualname__} takes other arguments"
    return None


FAULT: Final = find_fault()


class Lane(Protocol):
    """One connection; answers what it can as soon as it has come."""

    __slots__ = ("_questions", "_remote", "_server")

    def __init__(self, server: ProtocolServer, **options: Any) -> None:
        super().__init__(server, **options)
        self._questions = server.questions
        self._remote: str | None = None
        self._server = server

    def connection_made(self, transport: Any) -> None:
        """Take a connection; whose it is does not change while it lasts."""
        super().connection_made(transport)
        peer = self.peername
        self._remote = str(peer[0]) if isinstance(peer, list | tuple) else peer

    def data_received(self, data: bytes) -> None:
        """Take octets: all of one message, part of it, or several."""
        waiter = self._waiter
        # The handler must wait for a message and nothing else be ahead of it, else the order is
        # lost; and where the peer does not read, it is the ordinary way that waits for it.
        if waiter is None or self._messages or self._paused or waiter.done():
            super().data_received(data)
            return
        # Hidden: aiohttp wakes the handler as soon as there is a message.
        self._waiter = None
        try:
            super().data_received(data)
        finally:
            self._waiter = waiter
        messages = self._messages
        if messages and not (len(messages) == 1 and self._answer(messages)):
            waiter.set_result(None)

    def _answer(self, messages: deque[Any]) -> bool:
        """Say whether the message that waits was answered; if not, it waits as it did."""
        message, payload = messages[0]
        transport = self.transport
        if (
            payload is not EMPTY_PAYLOAD
            or type(message) is not RawRequestMessage  # it could not be parsed
            or message.upgrade
            or self._upgraded
            or transport is None
            or transport.is_closing()
        ):
            return False
        version = message.version
        if version is not HttpVersion11 and version is not HttpVersion10:
            return False
        path = message.path
        question = self._questions.get(path) or find_question(self._questions, path)
        if question is None:
            return False
        asking = Message(message.method, path, message.headers, self._remote, transport)
        try:
            found = question(asking)
        except Exception as error:  # noqa: BLE001 - raised again where aiohttp makes a 500 of it
            self.found = error
            return False
        if not isinstance(found, AllowHead):
            self.found = found  # the ordinary way writes it, and waits for the store
            return False
        messages.clear()
        self._parser.message_consumed()  # type: ignore[union-attr]  # there is one while connected
        server = self._server
        server.requests_count += 1
        stays = not (message.should_close or server.last)
        transport.write(found.render(version, keep_alive=stays))
        if stays:
            loop = self._loop
            close_time = loop.time() + self._keepalive_timeout
            self._next_keepalive_close_time = close_time
            if self._keepalive_handle is None:
                self._keepalive_handle = loop.call_at(close_time, self._process_keepalive)
        else:
            self.force_close()  # once what was written is sent
        return True
