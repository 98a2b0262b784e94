"""What the gate said: one line in the log about it, and of a refusal what `sidecar why` asks for.

No line has a query, which may hold secrets of an upstream, nor a credential.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from sidecar.core.access import Access
from sidecar.core.explain import find_grounds
from sidecar.core.facts import RequestFacts
from sidecar.core.personal import ShownToken
from sidecar.core.token import VerifiedToken
from sidecar.core.verdict import Deny
from sidecar.credentials.opening import Credential
from sidecar.gate import Gate
from sidecar.web.refusals import Refusal, Refusals, keep_inputs
from sidecar.web.unread import Unread

Members = dict[str, object]  # of a line in the log
Say = Callable[[str, int, Mapping[str, object]], None]  # writes one: message, Unix seconds, members


class Question(NamedTuple):
    """What was handed to `Gate.decide`, and the id of its answer."""

    request_id: str
    facts: RequestFacts
    credential: Credential | ShownToken | Deny | None
    narrowing: Access | None


def describe(request_id: str, facts: RequestFacts, token: VerifiedToken | None) -> Members:
    """Return what is said of an answer: what was asked, and by whom; None: by nobody known."""
    return {
        "request_id": request_id,
        "method": facts.method,
        "host": str(facts.host),
        "path": facts.path,
        "address": None if facts.address is None else str(facts.address),
        "sub": None if token is None else token.claims.sub,
    }


def keep_refusal(
    refusals: Refusals, gate: Gate, question: Question, refusal: Deny, now: int
) -> Members:
    """Keep a refusal of the gate at `now` (Unix seconds), and return what is said of it."""
    request_id, facts, credential, narrowing = question
    token = None if isinstance(credential, Deny | None) else gate.find_opened(credential)
    grounds = find_grounds(facts, policy=gate.policy, now=now, narrowing=narrowing)
    # Of who is known it is found out at once what they lack: all that they are may be long.
    why = grounds if token is None else grounds.explain(token.principal)
    refusals.add(Refusal(request_id, now, refusal.reason, keep_inputs(facts, token), why))
    said = describe(request_id, facts, token)
    said["reason"] = refusal.reason.value
    said["entry"] = grounds.entry
    rule = grounds.rule
    said["rule"] = None if rule is None else rule.line
    return said


def keep_unread_refusal(
    refusals: Refusals, request_id: str, unread: Unread, refusal: Deny, now: int
) -> Members:
    """Keep that a question could not be read at `now` (Unix seconds), and return what is said."""
    refusals.add(Refusal(request_id, now, refusal.reason, unread, None))
    return {
        "request_id": request_id,
        "reason": refusal.reason.value,
        **unread._asdict(),
        "dialect": unread.dialect.value,
    }
