"""The fast lane: a question that is whole when it comes is answered before anything waits.

aiohttp's protocol takes the octets, and its own C parser reads them. Where just one message without
a body came of them, on a connection whose handler has no other, and its path is a question's, the
answer is written right away: no request, no task, no future. Where that takes dear work that has to
wait for its turn, the handler is woken only if more comes on the connection meanwhile. All else
is left where aiohttp put it, and takes the ordinary way; a question that has been judged by then is
not judged again (docs/decisions/0024).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.http import (
    HttpProcessingError,
    HttpVersion10,
    HttpVersion11,
    RawRequestMessage,
)
from aiohttp.streams import EMPTY_PAYLOAD

from sidecar.clock import Now, read_clock
from sidecar.web.answering import Answering, Parsed
from sidecar.web.asking import Message
from sidecar.web.pace import Later
from sidecar.web.protocol import ProtocolServer
from sidecar.web.verify import Answer, find_question

if TYPE_CHECKING:
    from asyncio import BaseTransport


class Lane(Answering):
    """One connection; answers what it can as soon as it has come."""

    __slots__ = ("_held", "_questions")

    def __init__(self, server: ProtocolServer, **options: Any) -> None:
        super().__init__(server, **options)
        self._questions = server.questions
        self._held: bytes | None = None  # for the cohort of this turn

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
            self._hand_over(Parsed(None, error))
            return None

    def deal_with(self, result: Any, now: Now) -> Later[Answer] | None:
        """Answer what the parser made of some octets, for `send`, or hand it over.

        Where the answer takes dear work, that is returned, for `work`.
        """
        messages, upgraded, _ = result
        if not messages:
            return None
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
            self._hand_over(Parsed(result))
            return None
        asking = self._asking or self._make_asking(transport)
        asking.method = message.method
        asking.raw_path = path
        asking.headers = message.headers
        found: Answer | Exception
        try:
            found = ask(asking, now)
            if self._write(message, found, now):
                self._request_count += 1
                return None
        except Exception as error:  # noqa: BLE001 - raised again where aiohttp makes a 500 of it
            found = error
        if type(found) is Later:
            return found
        self._leave(result, found)
        return None

    def work(self, result: Any, later: Later[Answer]) -> Callable[[], Answer] | None:
        """Do what is dear of an answer, and return what makes it, for `finish`.

        None where that has been seen to: this turn has had its share, or it raises.
        """
        if later.pace.may_work():
            try:
                return later.work()
            except Exception as error:  # noqa: BLE001 - as above
                self._leave(result, error)
        elif self._waiter is None:
            self._leave(result, later)
        else:
            self._park(result[0][0][0], later)
        return None

    def finish(self, result: Any, make: Callable[[], Answer], now: Now) -> None:
        """Answer behind the dear work, for `send`, or hand it over."""
        found: Answer | Exception
        try:
            found = make()
            if self._write(result[0][0][0], found, now):
                self._request_count += 1
                return
        except Exception as error:  # noqa: BLE001 - as above
            found = error
        self._leave(result, found)

    def _make_asking(self, transport: "BaseTransport") -> Message:
        """Return what the questions of this connection are read from, one after the other."""
        peer = self.peername
        self._asking = Message(None if peer is None else str(peer[0]), transport)
        return self._asking

    def catch_up(self) -> None:
        """Deal with what was taken now: something is about to happen that comes behind it."""
        try:
            result = self.parse_held()
            if result is not None:
                now = read_clock()
                later = self.deal_with(result, now)
                if later is not None:
                    self._server.cohort.work_on([(self, result, later)], now)
        except Exception as error:  # noqa: BLE001 - told to the loop, as it does itself
            self.fail(error)
        self.send()

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

    def close(self) -> None:
        """End the connection behind the answers that are under way."""
        self.catch_up()
        waiter = self._waiter
        if self._messages and waiter is not None and not waiter.done():  # one is parked
            self._wake(waiter)
        super().close()
