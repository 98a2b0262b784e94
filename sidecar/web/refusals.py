"""What the gate refused lately: a memory that `sidecar why` asks.

A stranger can make as many refusals as they like: they reach no store, each is kept in a bounded
form, and only the last ones are.
"""

from collections import deque
from sys import getsizeof
from typing import Final, NamedTuple

from sidecar.core.access import Scope
from sidecar.core.addresses import Address
from sidecar.core.explain import Explanation, Grounds
from sidecar.core.facts import RequestFacts
from sidecar.core.policy import Policy
from sidecar.core.token import VerifiedToken
from sidecar.core.verdict import Reason
from sidecar.schemas.explanation import dump_explanation, list_needs
from sidecar.schemas.fields import format_moment
from sidecar.web.unread import Unread, list_unread_needs

MOST: Final = 10_000  # refusals
LARGEST: Final = 16_777_216  # octets of all of them, by `_weigh`; most have about one thousand
LONGEST_PATH: Final = 256  # characters; what is longer is cut
MOST_TOLD: Final = 16  # refusals of one id: a gateway that repeats its ids repeats them often

# Octets, measured with CPython 3.11.
BARE: Final = 300  # a refusal without its id and texts
EXPLAINED: Final = 250  # an explanation, or the grounds of one, without its parts
PART: Final = 120  # a rule that was passed over, a condition, a scope that is lacking
RULE: Final = 16  # one that is about the path, in the grounds


class Inputs(NamedTuple):
    """What was asked for: no query, which may hold secrets of an upstream, and no credential."""

    method: str
    host: str
    path: str
    address: Address | None
    subject: str | None
    username: str | None


class Refusal(NamedTuple):
    """One refusal at `at` (Unix seconds).

    Where the question could not be read, `inputs` are what it said, and nothing explains it. Where
    it was nobody known, the grounds of the explanation are kept, for whoever asks.
    """

    request_id: str
    at: int
    reason: Reason
    inputs: Inputs | Unread
    why: Explanation | Grounds | None


class Refusals:
    """The last refusals of this process, bounded in number and octets."""

    __slots__ = ("_kept", "_largest", "_most", "_weight", "_weights")

    def __init__(self, most: int = MOST, largest: int = LARGEST) -> None:
        self._most = most
        self._largest = largest
        self._kept: deque[Refusal] = deque()
        self._weights: deque[int] = deque()  # of each
        self._weight = 0

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, refusal: Refusal) -> None:
        """Keep a refusal, and forget the oldest where there are too many."""
        weight = _weigh(refusal)
        self._kept.append(refusal)
        self._weights.append(weight)
        self._weight += weight
        while len(self._kept) > self._most or self._weight > self._largest:
            self._kept.popleft()
            self._weight -= self._weights.popleft()

    def find(self, request_id: str) -> list[Refusal]:
        """Return the refusals of this id, the newest first, at most `MOST_TOLD`.

        Nothing keeps a gateway from giving one id twice; none of them hides the others.
        """
        found = [each for each in reversed(self._kept) if each.request_id == request_id]
        return found[:MOST_TOLD]


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
    inputs, reason, why = refusal.inputs, refusal.reason, refusal.why
    if isinstance(why, Grounds):
        why = why.explain(None)
    asked: dict[str, object]
    if isinstance(inputs, Unread):
        asked = {**dict.fromkeys(Inputs._fields), "unread": inputs._asdict()}
        needs = list_unread_needs(reason, inputs)
    else:
        address = None if inputs.address is None else str(inputs.address)
        asked = {**inputs._asdict(), "address": address, "unread": None}
        needs = list_needs(reason, why)
    return {
        "request_id": refusal.request_id,
        "at": format_moment(refusal.at),
        "verdict": "deny",
        "reason": reason.value,
        **asked,
        **dump_explanation(why),
        "rule_stands": None if why is None else _stands(why, policy),
        "needs": needs,
    }


def _stands(why: Explanation, policy: Policy) -> bool | None:
    """Say whether the rule that decided is in a policy; None where there was none."""
    if why.rule is None or why.entry is None:
        return None
    return why.entry in policy.hosts and why.rule in policy.rules_of(why.entry)


def _weigh(refusal: Refusal) -> int:
    """Return about how many octets a refusal takes; what it shares with the policy is not its."""
    why, inputs = refusal.why, refusal.inputs
    own = BARE + len(refusal.request_id)
    if why is None or isinstance(inputs, Unread):
        return own + sum(getsizeof(text) for text in inputs if text is not None)
    own += getsizeof(inputs.path) + len(inputs.host) + EXPLAINED
    if isinstance(why, Grounds):
        parts = 0 if why.narrowing is None else len(why.narrowing.conditions)
        rules = len(why.found.exact) + len(why.found.folded or ())
        return own + PART * parts + RULE * rules
    lacking = (each.missing.all_of for each in why.conditions if isinstance(each.missing, Scope))
    return own + PART * (len(why.passed_over) + len(why.conditions) + sum(map(len, lacking)))
