"""Errors as RFC 9457 has them: made for aiohttp, or written at once where they are all alike."""

import json
from collections.abc import Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import Final, NamedTuple

from aiohttp import web
from aiohttp.http import HttpVersion

from sidecar.core.verdict import Reason
from sidecar.web.headers import NO_STORE, REQUEST_ID_HEADER, SERVER
from sidecar.web.rendered import render_whole

PROBLEM: Final = "application/problem+json"
# Stands for the request id; nothing else in what is cut there has this sign, and no id has it.
MARK: Final = "~"
REMEMBERED: Final = 64  # refusals, each for its second: reasons, versions, lengths of the id


class Problem(web.Response):
    """An error as RFC 9457 has it; `word` is its reason."""

    def __init__(self, status: int, word: str, members: Mapping[str, object]) -> None:
        body = json.dumps(members).encode("ascii")
        super().__init__(status=status, body=body, content_type=PROBLEM)
        self.word = word


def problem(
    status: int,
    reason: str,
    *,
    request_id: str,
    detail: str | None = None,
    errors: tuple[tuple[str, str], ...] = (),
    headers: Mapping[str, str] | None = None,
) -> Problem:
    """Return an error as RFC 9457 has it.

    `errors` are (JSON pointer, what is wrong with that field).
    """
    members: dict[str, object] = {
        "title": HTTPStatus(status).phrase,
        "status": status,
        "reason": str(reason),
        "request_id": request_id,
    }
    if detail is not None:
        members["detail"] = detail
    if errors:
        members["errors"] = [{"pointer": pointer, "detail": text} for pointer, text in errors]
    answer = Problem(status, str(reason), members)
    answer.headers.update(headers or {})
    answer.headers["Cache-Control"] = NO_STORE
    answer.headers[REQUEST_ID_HEADER] = request_id
    answer.headers["Server"] = SERVER
    return answer


def challenging(challenge: str | None) -> dict[str, str]:
    """Return the header that tells a program what to do, none where nothing helps."""
    return {} if challenge is None else {"WWW-Authenticate": challenge}


class PlainRefusal(NamedTuple):
    """A refusal without a page: but for its id the same octets for everybody in a second.

    `request_id` is as `is_request_id` says: nobody looks at it again.
    """

    status: int
    reason: Reason
    challenge: str | None
    request_id: str

    def render(self, version: HttpVersion, at: int, *, keep_alive: bool) -> bytes:
        """Return all octets of the answer to a request of this version; `at` as `render_whole`."""
        length = len(self.request_id)
        parts = _cut(self.status, self.reason, self.challenge, length, version, at, keep_alive)
        return self.request_id.encode("ascii").join(parts)

    def respond(self) -> Problem:
        """Return what aiohttp writes, where it does."""
        headers = challenging(self.challenge)
        return problem(self.status, self.reason, request_id=self.request_id, headers=headers)


@lru_cache(maxsize=REMEMBERED)
def _cut(
    status: int,
    reason: Reason,
    challenge: str | None,
    length: int,
    version: HttpVersion,
    at: int,
    keep_alive: bool,
) -> tuple[bytes, ...]:
    """Return the octets of a refusal around its id, which has this length."""
    mark = MARK * length
    answer = PlainRefusal(status, reason, challenge, mark).respond()
    octets = render_whole(answer, version, at, keep_alive=keep_alive)
    head, middle, body = octets.split(mark.encode())  # the id stands in both
    return head, middle, body
