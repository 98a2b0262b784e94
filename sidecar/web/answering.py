"""How a connection of the lane gets rid of a message: written, left to aiohttp, or to its turn.

What has to wait for its turn lies in aiohttp's own queue, where a handler that is woken finds it
(docs/decisions/0024).
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from aiohttp import web
from aiohttp.http import HttpProcessingError, HttpRequestParser, RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD

from sidecar.clock import Now, read_clock
from sidecar.web.pace import Later
from sidecar.web.problems import PlainRefusal
from sidecar.web.protocol import Protocol, ProtocolServer
from sidecar.web.rendered import AllowHead, is_whole, render_whole
from sidecar.web.verify import Answer

if TYPE_CHECKING:
    from asyncio import Future

    from sidecar.web.asking import Message

HEAD: Final = "HEAD"  # whose answers have no body


class Parsed:
    """Hands aiohttp what its parser has made of some octets already."""

    def __init__(self, result: Any, error: HttpProcessingError | None = None) -> None:
        self._result = result
        self._error = error

    def feed_data(self, _data: bytes) -> Any:
        """Return or raise what the parser did."""
        if self._error is not None:
            raise self._error
        return self._result


class Answering(Protocol):
    """One connection, and what becomes of its messages."""

    __slots__ = ("_asking", "_has_answered", "_is_last", "_server", "_written")

    def __init__(self, server: ProtocolServer, **options: Any) -> None:
        super().__init__(server, **options)
        self._server = server
        self._asking: Message | None = None
        self._has_answered = True  # all that came, though the handler does not wait yet
        self._written = b""  # and not sent yet
        self._is_last = False

    def _write(self, message: Any, found: Answer, now: Now) -> bool:
        """Write an answer that is whole for `send`, and say whether it was; raises before that."""
        server, version = self._server, message.version
        stays = not (message.should_close or server.last)
        if type(found) is AllowHead:
            octets = found.render(version, keep_alive=stays)
        elif message.method == HEAD:
            return False
        elif type(found) is PlainRefusal:
            octets = found.render(version, now.unix, keep_alive=stays)
        elif isinstance(found, web.Response) and is_whole(found):
            octets = render_whole(found, version, now.unix, keep_alive=stays)
        else:
            return False
        if stays:
            loop = self._loop
            close_time = loop.time() + self._keepalive_timeout
            self._next_keepalive_close_time = close_time
            if self._keepalive_handle is None:
                self._keepalive_handle = loop.call_at(close_time, self._process_keepalive)
        self._parser.message_consumed()  # type: ignore[union-attr]  # there is one while connected
        server.requests_count += 1
        self._written, self._is_last = octets, not stays
        return True

    def send(self) -> None:
        """Send the answer that there is, and end a connection whose last one that was."""
        octets, self._written = self._written, b""
        if not octets:
            return
        try:
            self.transport.write(octets)  # type: ignore[union-attr]  # there is one while connected
            if self._is_last:
                self.force_close()  # once what was written is sent
        except Exception as error:  # noqa: BLE001 - told to the loop, as it does itself
            self.fail(error)

    def fail(self, error: Exception) -> None:
        """End the connection behind a bug of the protocol's, as an event loop does."""
        self._written = b""
        told = {"message": "a connection failed", "exception": error, "protocol": self}
        self._loop.call_exception_handler(told)
        if self.transport is not None:
            self.transport.abort()

    def _leave(self, result: Any, found: Answer | Exception) -> None:
        """Leave a message, and what was found about it, to the ordinary way."""
        self._asking = None  # what has to wait goes on with this one
        self.found = found
        self._hand_over(Parsed(result))

    def _hand_over(self, parsed: Parsed) -> None:
        """Let aiohttp go on as if it had just parsed some octets itself."""
        self._has_answered = False
        parser, self._parser = self._parser, cast("HttpRequestParser", parsed)
        try:
            super().data_received(b"")
        finally:
            self._parser = parser

    def _park(self, message: RawRequestMessage, later: Later[Answer]) -> None:
        """Leave a message where the handler will find it, and answer it in its turn.

        If the handler is woken until then, that is by what comes behind it, and it has both.
        """
        self._asking = None  # as above
        self.found = later
        self._messages.append((message, EMPTY_PAYLOAD))
        self._request_count += 1
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        later.pace.put(partial(self._take_turn, message))

    def _take_turn(self, message: Any) -> Callable[[], None] | None:
        """Do what is dear of a message that was parked, if it still is and somebody is there.

        Returns what answers it.
        """
        later, waiter = self.found, self._waiter
        if type(later) is not Later or waiter is None or not self._is_parked(message, waiter):
            return None
        try:
            return partial(self._answer_parked, message, waiter, later.work())
        except Exception as error:  # noqa: BLE001 - raised again where aiohttp makes a 500 of it
            self.found = error
            self._wake(waiter)
            return None

    def _is_parked(self, message: Any, waiter: "Future[None]") -> bool:
        """Say whether a message still waits for its turn, and who asked for the answer."""
        return (
            not waiter.done()
            and bool(self._messages)
            and message is self._messages[0][0]
            and self.transport is not None
            and not self.transport.is_closing()
        )

    def _answer_parked(
        self, message: Any, waiter: "Future[None]", make: Callable[[], Answer]
    ) -> None:
        if not self._is_parked(message, waiter):
            return
        found: Answer | Exception
        try:
            found = make()
            is_written = self._write(message, found, read_clock())
        except Exception as error:  # noqa: BLE001 - as above
            found, is_written = error, False
        if is_written:
            self.found = None
            self._messages.popleft()
            self.send()
        else:
            self.found = found
            self._wake(waiter)

    def _wake(self, waiter: "Future[None]") -> None:
        """Let the handler have what was parked; what comes behind that it has too."""
        self._has_answered = False
        waiter.set_result(None)
