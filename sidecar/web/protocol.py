"""What is answered ahead of router and middlewares: questions, and what is no request.

It leans on insides of aiohttp, whose range is pinned for that (docs/decisions/0009).
"""

from typing import Final

from aiohttp import web
from multidict import CIMultiDict

from sidecar.web.headers import EXPECT
from sidecar.web.requests import make_request_id
from sidecar.web.responses import problem
from sidecar.web.verify import Cold, Questions, find_question

CONTINUE: Final = "100-continue"  # the only expectation that there is (RFC 9110 section 10.1.1)
BUG: Final = 500


class Protocol(web.RequestHandler):
    """One connection; what its parser refuses is a problem like every other."""

    __slots__ = ()

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

    The application that `made` serves is asked what is no question. `last` says that every answer
    is the last one on its connection.
    """

    def __init__(self, made: web.Server, questions: Questions) -> None:
        super().__init__(
            self._handle,
            request_factory=made.request_factory,
            loop=made._loop,  # noqa: SLF001 - a server has no other way to be made anew
            **made._kwargs,  # noqa: SLF001 - as above
        )
        self.last = False
        self._ask_application = made.request_handler
        self._questions = questions

    def __call__(self) -> web.RequestHandler:
        """Return the protocol of a new connection."""
        return Protocol(self, loop=self._loop, **self._kwargs)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        questions = self._questions
        # As it stands, which is nearly always right.
        question = questions.get(request.raw_path) or find_question(questions, request)
        if question is None:
            answer = await self._ask_application(_without_unknown_expectation(request))
        else:
            found = question(request)
            answer = await found.answer if isinstance(found, Cold) else found
        if self.last:
            answer.force_close()
        return answer


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
