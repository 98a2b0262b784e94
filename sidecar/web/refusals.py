"""What the gate refused lately: one line in the log, and a memory that `sidecar why` asks.

A stranger can make as many refusals as they like: they reach no store, each is kept in a bounded
form, and only the last ones are.
"""

import logging
from collections import deque
from sys import getsizeof
from typing import Final, NamedTuple

from sidecar.core.access import Access, Scope
from sidecar.core.addresses import Address
from sidecar.core.explain import Explanation, explain
from sidecar.core.facts import RequestFacts
from sidecar.core.policy import Policy
from sidecar.core.token import VerifiedToken
from sidecar.core.verdict import Deny, Reason
from sidecar.gate import Credential, Gate
from sidecar.schemas.explanation import dump_explanation, list_needs
from sidecar.schemas.keys import format_moment

MOST: Final = 10_000  # refusals
LARGEST: Final = 16_777_216  # octets of all of them, by `_weigh`; most have about one thousand
LONGEST_PATH: Final = 256  # characters; what is longer is cut
MOST_TOLD: Final = 16  # refusals of one id: a gateway that repeats its ids repeats them often

# Octets, measured with CPython 3.11.
BARE: Final = 300  # a refusal without its id
EXPLAINED: Final = 250  # an explanation without its parts
PART: Final = 120  # a rule that was passed over, a condition, a scope that is lacking

# Reasons that only a token has that was opened, and so is remembered: to look at it costs nothing.
OPENED: Final = frozenset(
    {
        Reason.KEY_NOT_YET,
        Reason.KEY_RETIRED,
        Reason.EXPIRED,
        Reason.NOT_YET_VALID,
        Reason.REVOKED_TOKEN,
        Reason.REVOKED_SESSION,
        Reason.REVOKED_USER,
        Reason.REVOKED_EVERYONE,
        Reason.AMR_MISSING,
        Reason.LOGIN_TOO_OLD,
        Reason.USER_NOT_LISTED,
        Reason.ROLE_MISSING,
        Reason.NETWORK_NOT_ALLOWED,
        Reason.SCOPE_MISSING,
        Reason.CROSS_SITE,
    }
)

log = logging.getLogger("sidecar.gate")


class Inputs(NamedTuple):
    """What was asked for: no query, which may hold secrets of an upstream, and no credential."""

    method: str
    host: str
    path: str
    address: Address | None
    subject: str | None
    username: str | None


class Refusal(NamedTuple):
    """One refusal at `at` (Unix seconds); where the question was malformed, nothing is known."""

    request_id: str
    at: int
    reason: Reason
    inputs: Inputs | None
    explanation: Explanation | None


class Refusals:
    """The last refusals of this process, bounded in number and octets."""

    __slots__ = ("_kept", "_largest", "_most", "_weight")

    def __init__(self, most: int = MOST, largest: int = LARGEST) -> None:
        self._most = most
        self._largest = largest
        self._kept: deque[Refusal] = deque()
        self._weight = 0

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, refusal: Refusal) -> None:
        """Keep a refusal, and forget the oldest where there are too many."""
        self._kept.append(refusal)
        self._weight += _weigh(refusal)
        while len(self._kept) > self._most or self._weight > self._largest:
            self._weight -= _weigh(self._kept.popleft())

    def find(self, request_id: str) -> list[Refusal]:
        """Return the refusals of this id, the newest first, at most `MOST_TOLD`.

        Nothing keeps a gateway from giving one id twice; none of them hides the others.
        """
        found = [each for each in reversed(self._kept) if each.request_id == request_id]
        return found[:MOST_TOLD]


def note_refusal(
    refusals: Refusals,
    gate: Gate,
    request_id: str,
    refusal: Deny,
    now: int,
    facts: RequestFacts | None = None,
    credential: Credential | Deny | None = None,
    narrowing: Access | None = None,
) -> None:
    """Keep a refusal of the gate, and say in one line of the log what was refused, and why.

    `facts` is None where the question could not be read; the rest is as it was handed to
    `Gate.decide` at `now` (Unix seconds).
    """
    if facts is None:
        refusals.add(Refusal(request_id, now, refusal.reason, None, None))
        log.info("refused", extra={"request_id": request_id, "reason": refusal.reason.value})
        return
    token = _find_token(gate, credential, refusal.reason)
    principal = None if token is None else token.principal
    why = explain(facts, principal, policy=gate.policy, now=now, narrowing=narrowing)
    inputs = keep_inputs(facts, token)
    refusals.add(Refusal(request_id, now, refusal.reason, inputs, why))
    log.info(
        "refused",
        extra={
            "request_id": request_id,
            "reason": refusal.reason.value,
            "entry": why.entry,
            "rule": None if why.rule is None else why.rule.line,
            "method": inputs.method,
            "host": inputs.host,
            "path": facts.path,
            "address": None if inputs.address is None else str(inputs.address),
            "sub": inputs.subject,
        },
    )


def keep_inputs(facts: RequestFacts, token: VerifiedToken | None) -> Inputs:
    """Return what is kept of a request and of who made it."""
    claims = None if token is None else token.claims
    path = facts.path
    return Inputs(
        method=facts.method,
        host=str(facts.host),
        path=path if len(path) <= LONGEST_PATH else f"{path[:LONGEST_PATH]}...",
        address=facts.address,
        subject=None if claims is None else claims.sub,
        username=None if claims is None else claims.preferred_username,
    )


def dump_refusal(refusal: Refusal, policy: Policy) -> dict[str, object]:
    """Return a refusal as JSON; `rule_stands` says whether its rule is in today's `policy`."""
    inputs, why = refusal.inputs, refusal.explanation
    said = ("method", "host", "path", "subject", "username")
    address = None if inputs is None else inputs.address
    return {
        "request_id": refusal.request_id,
        "at": format_moment(refusal.at),
        "verdict": "deny",
        "reason": refusal.reason.value,
        **{name: None if inputs is None else getattr(inputs, name) for name in said},
        "address": None if address is None else str(address),
        **dump_explanation(why),
        "rule_stands": None if why is None else _stands(why, policy),
        "needs": list_needs(refusal.reason, why),
    }


def _stands(why: Explanation, policy: Policy) -> bool | None:
    """Say whether the rule that decided is in a policy; None where there was none."""
    if why.rule is None or why.entry is None:
        return None
    return why.entry in policy.hosts and why.rule in policy.rules_of(why.entry)


def _find_token(
    gate: Gate, credential: Credential | Deny | None, reason: Reason
) -> VerifiedToken | None:
    if reason not in OPENED or not isinstance(credential, Credential):
        return None
    opened = gate.open_credential(credential)
    return opened if isinstance(opened, VerifiedToken) else None


def _weigh(refusal: Refusal) -> int:
    """Return about how many octets a refusal takes; what it shares with the policy is not its."""
    why, inputs = refusal.explanation, refusal.inputs
    own = BARE + len(refusal.request_id)
    if why is None or inputs is None:
        return own
    lacking = (each.missing.all_of for each in why.conditions if isinstance(each.missing, Scope))
    parts = len(why.passed_over) + len(why.conditions) + sum(map(len, lacking))
    return own + getsizeof(inputs.path) + len(inputs.host) + EXPLAINED + PART * parts
