"""What is answered ahead of router and middlewares: questions, and what is no request.

It leans on insides of aiohttp, whose range is pinned for that (docs/decisions/0009).
"""

from typing import Any, Final

from aiohttp import web
from multidict import CIMultiDict

from sidecar.clock import read_clock
from sidecar.web.cohort import Cohort
from sidecar.web.headers import EXPECT
from sidecar.web.problems import PlainRefusal, problem
from sidecar.web.rendered import AllowHead, RenderedAllow
from sidecar.web.requests import make_request_id
from sidecar.web.verify import Answer, Questions, Ready, find_question, wait_for

CONTINUE: Final = "100-continue"  # the only expectation that there is (RFC 9110 section 10.1.1)
BUG: Final = 500


class Protocol(web.RequestHandler):
    """One connection; what its parser refuses is a problem like every other.

    `found` is what has been found about the message that is handled next, None where nobody asked
    about it yet. An exception is what asking raised.
    """

    __slots__ = ("found",)

    def __init__(self, server: "ProtocolServer", **options: Any) -> None:
        super().__init__(server, **options)
        self.found: Answer | Exception | None = None

    @property
    def peername(self) -> Any:
        """Where the peer is; None for a Unix socket, whatever name its client is bound to."""
        peer = super().peername
        return peer if isinstance(peer, list | tuple) else None

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = BUG,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the answer to what is no request, or to a bug.

        Raises ConnectionError where another answer has begun.
        """
        super().handle_error(request, status, exc, message)  # it logs, and raises
        reason = "internal" if status == BUG else "malformed"
        answer = problem(status, reason, request_id=make_request_id())
        answer.force_close()
        return answer


class ProtocolServer(web.Server):
    """Makes a protocol of ours for each connection, and asks `questions` ahead of the application.

    The application that `made` serves is asked what is no question. `protocol` is the class of the
    connections. `last` says that every answer is the last one on its connection.
    """

    def __init__(
        self, made: web.Server, questions: Questions, protocol: type[Protocol] = Protocol
    ) -> None:
        super().__init__(
            self._handle,
            request_factory=made.request_factory,
            loop=made._loop,  # noqa: SLF001 - a server has no other way to be made anew
            **made._kwargs,  # noqa: SLF001 - as above
        )
        self.last = False
        self._ask_application = made.request_handler
        self.questions = questions
        self.cohort = Cohort()
        self._protocol = protocol

    def __call__(self) -> web.RequestHandler:
        """Return the protocol of a new connection."""
        return self._protocol(self, loop=self._loop, **self._kwargs)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        found = self._find_answer(request)
        if found is None:
            answer = await self._ask_application(_without_unknown_expectation(request))
        else:
            said = await wait_for(found, lambda: request.transport is None)
            answer = _respond(said)
        if self.last:
            answer.force_close()
        return answer

    def _find_answer(self, request: web.BaseRequest) -> Answer | None:
        """Return the answer to a question, None for what is none."""
        protocol = request.protocol
        if isinstance(protocol, Protocol) and protocol.found is not None:
            found, protocol.found = protocol.found, None
            if isinstance(found, Exception):
                raise found
            return found
        questions, path = self.questions, request.raw_path
        # As it stands, which is nearly always right; then in any spelling.
        question = (
            questions.get(path) or find_question(questions, path) or questions.get(request.path)
        )
        return None if question is None else question(request, read_clock())


def _respond(said: Ready) -> web.StreamResponse:
    """Return what aiohttp writes as this answer."""
    if isinstance(said, AllowHead):
        return RenderedAllow(said)
    return said.respond() if isinstance(said, PlainRefusal) else said


def _without_unknown_expectation(request: web.BaseRequest) -> web.BaseRequest:
    """Return the request as it is, or without an `Expect` that nobody knows.

    aiohttp answers those by itself with their own octets, and fails where they are not UTF-8.
    """
    expected = request.headers.get(EXPECT)
    if expected is None or expected.lower() == CONTINUE:
        return request
    headers = CIMultiDict(request.headers)
    del headers[EXPECT]
    return request.clone(headers=headers)
