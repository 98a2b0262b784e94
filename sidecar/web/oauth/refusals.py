"""How the OAuth endpoints refuse (RFC 6749 section 5.2): a JSON object, and one line in the log."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from aiohttp import web

from sidecar.core.verdict import Deny
from sidecar.web.context import Context
from sidecar.web.requests import describe_request, refuse
from sidecar.web.responses import answer_json

# Also where no header was sent: a 401 says what would do (RFC 9110 section 15.5.2).
CHALLENGE: Final = 'Basic realm="sidecar", charset="UTF-8"'

log = logging.getLogger("sidecar.web")


class OAuthError(StrEnum):
    """What is wrong, in the words of RFC 6749 section 5.2 and RFC 8707 section 2."""

    INVALID_REQUEST = "invalid_request"
    INVALID_CLIENT = "invalid_client"
    INVALID_GRANT = "invalid_grant"
    UNSUPPORTED_GRANT_TYPE = "unsupported_grant_type"
    INVALID_SCOPE = "invalid_scope"
    INVALID_TARGET = "invalid_target"


@dataclass(frozen=True, slots=True)
class OAuthRefusal:
    r"""A refused request: `description` is for whoever asked, `cause` and `more` for the log.

    A description is visible ASCII without `"` and `\`, and repeats nothing that was sent.
    """

    error: OAuthError
    description: str
    cause: str | None = None
    more: Mapping[str, str | None] = field(default_factory=dict)


def refuse_client(cause: str, **more: str | None) -> OAuthRefusal:
    """Return the refusal of a client; that tells nobody which of the two was wrong."""
    return OAuthRefusal(OAuthError.INVALID_CLIENT, "the client is not authenticated", cause, more)


def refuse_oauth(
    request: web.Request, context: Context, refusal: OAuthRefusal | Deny, what: str
) -> web.Response:
    """Say in the log that a `what` was refused, and return the answer; to a person as elsewhere."""
    if isinstance(refusal, Deny):
        return refuse(request, context, refusal, what)
    extra = {
        "reason": refusal.error.value,
        "cause": refusal.cause or refusal.description,
        **describe_request(request, context),
        **refusal.more,
    }
    log.info("%s refused", what, extra=extra)
    members = {"error": refusal.error.value, "error_description": refusal.description}
    if refusal.error is not OAuthError.INVALID_CLIENT:
        return answer_json(members, 400)
    answer = answer_json(members, 401)
    answer.headers["WWW-Authenticate"] = CHALLENGE
    return answer
