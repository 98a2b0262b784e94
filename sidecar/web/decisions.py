"""What the gate said: one line in the log about it, and of a refusal what `sidecar why` asks for.

No line has a query, which may hold secrets of an upstream, nor a credential.
"""

import logging
from typing import NamedTuple

from sidecar.core.access import Access
from sidecar.core.explain import explain
from sidecar.core.facts import RequestFacts
from sidecar.core.personal import ShownToken
from sidecar.core.token import VerifiedToken
from sidecar.core.verdict import Deny
from sidecar.credentials.opening import Credential
from sidecar.gate import Gate
from sidecar.web.refusals import Refusal, Refusals, keep_inputs
from sidecar.web.unread import Unread

log = logging.getLogger("sidecar.gate")


class Question(NamedTuple):
    """What was handed to `Gate.decide`, and the id of its answer."""

    request_id: str
    facts: RequestFacts
    credential: Credential | ShownToken | Deny | None
    narrowing: Access | None


def log_allow(request_id: str, facts: RequestFacts, token: VerifiedToken | None) -> None:
    """Say who was let in; None: nobody who is known."""
    log.info("allowed", extra=_describe(request_id, facts, token))


def note_refusal(
    refusals: Refusals, gate: Gate, question: Question, refusal: Deny, now: int
) -> None:
    """Keep a refusal of the gate at `now` (Unix seconds), and say what was refused, and why."""
    request_id, facts, credential, narrowing = question
    token = None if isinstance(credential, Deny | None) else gate.find_opened(credential)
    principal = None if token is None else token.principal
    why = explain(facts, principal, policy=gate.policy, now=now, narrowing=narrowing)
    refusals.add(Refusal(request_id, now, refusal.reason, keep_inputs(facts, token), why))
    log.info(
        "refused",
        extra={
            **_describe(request_id, facts, token),
            "reason": refusal.reason.value,
            "entry": why.entry,
            "rule": None if why.rule is None else why.rule.line,
        },
    )


def note_unread(
    refusals: Refusals, request_id: str, unread: Unread, refusal: Deny, now: int
) -> None:
    """Keep that a question could not be read at `now` (Unix seconds), and say what it was like."""
    refusals.add(Refusal(request_id, now, refusal.reason, unread, None))
    log.info(
        "refused",
        extra={
            "request_id": request_id,
            "reason": refusal.reason.value,
            **unread._asdict(),
            "dialect": unread.dialect.value,
        },
    )


def _describe(
    request_id: str, facts: RequestFacts, token: VerifiedToken | None
) -> dict[str, object]:
    return {
        "request_id": request_id,
        "method": facts.method,
        "host": str(facts.host),
        "path": facts.path,
        "address": None if facts.address is None else str(facts.address),
        "sub": None if token is None else token.claims.sub,
    }
