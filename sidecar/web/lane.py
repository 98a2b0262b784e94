"""The fast lane: a question that is whole when it comes is answered before anything waits.

aiohttp's protocol takes the octets, and its own C parser reads them. Where just one message without
a body came of them, on a connection whose handler has no other, and its path is a question's, the
answer is written right away: no request, no task, no future. Where that takes dear work, which has
to wait for its turn, the handler is woken only if more comes on the connection meanwhile. All else
is left where aiohttp put it, and takes the ordinary way; a question that has been judged by then is
not judged again (docs/decisions/0024).
"""

from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from aiohttp import web
from aiohttp.http import (
    HttpProcessingError,
    HttpRequestParser,
    HttpVersion10,
    HttpVersion11,
    RawRequestMessage,
)
from aiohttp.streams import EMPTY_PAYLOAD

from sidecar.clock import Now, read_clock
from sidecar.web.asking import Message
from sidecar.web.pace import Later
from sidecar.web.problems import PlainRefusal
from sidecar.web.protocol import Protocol, ProtocolServer
from sidecar.web.rendered import AllowHead, is_whole, render_whole
from sidecar.web.verify import Answer, find_question

if TYPE_CHECKING:
    from asyncio import BaseTransport, Future

HEAD: Final = "HEAD"  # whose answers have no body


class _Parsed:
    """Hands aiohttp what its parser has made of some octets already."""

    def __init__(self, result: Any, error: HttpProcessingError | None = None) -> None:
        self._result = result
        self._error = error

    def feed_data(self, _data: bytes) -> Any:
        """Return or raise what the parser did."""
        if self._error is not None:
            raise self._error
        return self._result


class Lane(Protocol):
    """One connection; answers what it can as soon as it has come."""

    __slots__ = (
        "_asking",
        "_has_answered",
        "_held",
        "_is_last",
        "_questions",
        "_server",
        "_written",
    )

    def __init__(self, server: ProtocolServer, **options: Any) -> None:
        super().__init__(server, **options)
        self._questions = server.questions
        self._held: bytes | None = None  # for the cohort of this turn
        self._written = b""  # and not sent yet
        self._is_last = False
        self._asking: Message | None = None
        self._has_answered = True  # all that came, though the handler does not wait yet
        self._server = server

    def data_received(self, data: bytes) -> None:
        """Take octets: all of one message, part of it, or several."""
        if self._held is not None:
            self.catch_up()
        if not data:  # aiohttp has its parser go on, and looks at once what came of that
            self._has_answered = False
            super().data_received(data)
            return
        self._held = data
        cohort = self._server.cohort
        if cohort.came:
            cohort.came.append(self)
        elif not cohort.begin(self, self._loop):
            self.catch_up()

    def parse_held(self) -> Any:
        """Return what the parser makes of what was taken; None where that has been dealt with."""
        data, self._held = self._held, None
        if data is None:
            return None
        waiter = self._waiter
        # The handler must wait for a message, or have nothing left to do before it does, and
        # nothing else be ahead of it, else the order is lost; and where the peer does not read, it
        # is the ordinary way that waits for it.
        if (
            (not self._has_answered if waiter is None else waiter.done())
            or self._messages
            or self._paused
            or self._upgraded
            or self._payload_parser is not None
            or self._force_close
            or self._close
        ):
            self._has_answered = False
            super().data_received(data)
            return None
        try:
            return self._parser.feed_data(data)  # type: ignore[union-attr]  # there is one
        except HttpProcessingError as error:
            self._hand_over(_Parsed(None, error))
            return None

    def deal_with(self, result: Any, now: Now) -> None:
        """Answer what the parser made of some octets, for `send`, or hand it over."""
        messages, upgraded, _ = result
        if not messages:
            return
        message, payload = messages[0]
        version, path, transport = message.version, message.path, self.transport
        ask = self._questions.get(path) or find_question(self._questions, path)
        if (
            ask is None
            or len(messages) > 1
            or upgraded
            or payload is not EMPTY_PAYLOAD
            or type(message) is not RawRequestMessage
            or message.upgrade
            or (version is not HttpVersion11 and version is not HttpVersion10)
            or transport is None
            or transport.is_closing()
        ):
            self._hand_over(_Parsed(result))
            return
        asking = self._asking or self._make_asking(transport)
        asking.method = message.method
        asking.raw_path = path
        asking.headers = message.headers
        found: Answer | Exception
        try:
            found = ask(asking, now)
            if self._write(message, found, now):
                self._request_count += 1
                return
        except Exception as error:  # noqa: BLE001 - raised again where aiohttp makes a 500 of it
            found = error
        self._asking = None  # what has to wait goes on with this one
        self.found = found
        if type(found) is Later and self._waiter is not None:
            self._park(message, found)
        else:
            self._hand_over(_Parsed(result))

    def _make_asking(self, transport: "BaseTransport") -> Message:
        """Return what the questions of this connection are read from, one after the other."""
        peer = self.peername
        self._asking = Message(None if peer is None else str(peer[0]), transport)
        return self._asking

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

    def catch_up(self) -> None:
        """Deal with what was taken now: something is about to happen that comes behind it."""
        try:
            result = self.parse_held()
            if result is not None:
                self.deal_with(result, read_clock())
        except Exception as error:  # noqa: BLE001 - as above
            self.fail(error)
        self.send()

    def fail(self, error: Exception) -> None:
        """End the connection behind a bug of the protocol's, as an event loop does."""
        self._written = b""
        told = {"message": "a connection failed", "exception": error, "protocol": self}
        self._loop.call_exception_handler(told)
        if self.transport is not None:
            self.transport.abort()

    def eof_received(self) -> None:
        """Take the end of what the peer sends, behind which the connection is closed."""
        self.catch_up()
        super().eof_received()

    def _process_keepalive(self) -> None:
        """Close the connection if nothing has come on it for too long."""
        self.catch_up()
        super()._process_keepalive()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Write an answer of the ordinary way.

        A gateway may ask on before the handler waits again, which takes a turn of the loop or two.
        Else one answer that took the ordinary way would keep a busy connection there.
        """
        finished, reset = await super().finish_response(request, resp, start_time)
        stays = bool(finished.keep_alive) and not reset
        self._has_answered = stays and not self._messages and request.content.is_eof()
        return finished, reset

    def _hand_over(self, parsed: _Parsed) -> None:
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
        self._messages.append((message, EMPTY_PAYLOAD))
        self._request_count += 1
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        later.pace.put(partial(self._take_turn, message))

    def _take_turn(self, message: Any) -> None:
        """Answer a message that was parked, if it still is and somebody is there."""
        later, waiter = self.found, self._waiter
        if (
            type(later) is not Later
            or waiter is None
            or waiter.done()
            or message is not self._messages[0][0]
            or self.transport is None
            or self.transport.is_closing()
        ):
            return
        try:
            found = later.work()
            is_written = self._write(message, found, read_clock())
        except Exception as error:  # noqa: BLE001 - raised again where aiohttp makes a 500 of it
            found, is_written = error, False
        if is_written:
            self.found = None
            self._messages.popleft()
            self.send()
        else:
            self.found = found
            self._wake(waiter)

    def close(self) -> None:
        """End the connection behind the answers that are under way."""
        self.catch_up()
        waiter = self._waiter
        if self._messages and waiter is not None and not waiter.done():  # one is parked
            self._wake(waiter)
        super().close()

    def _wake(self, waiter: "Future[None]") -> None:
        """Let the handler have what was parked; what comes behind that it has too."""
        self._has_answered = False
        waiter.set_result(None)

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
