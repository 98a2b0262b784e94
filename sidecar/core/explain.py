"""Why a request is let in or not, by the policy: asked of the same matchers that decide.

What a token is worth at this moment is not asked here: the explanation is about somebody who is
signed in, or about nobody.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from sidecar.core.access import Access, Asker, Condition, Scope, judge_access
from sidecar.core.facts import RequestFacts
from sidecar.core.policy import Policy, Rule, first_about
from sidecar.core.principal import Principal
from sidecar.core.verdict import Deny, Reason


class PassedOver(NamedTuple):
    """A rule about the path, and the key by which it is not about the request."""

    rule: Rule
    key: str


class Judged(NamedTuple):
    """A condition, and what is missing of it; None says that it holds.

    `narrows` says that the gateway asks for it, beside the rule.
    """

    condition: Condition
    missing: Condition | None
    narrows: bool


class Explanation(NamedTuple):
    """Why; `refusal` is None where the policy lets the request in.

    `entry` is the one of the policy's hosts that holds the host. The rules in `passed_over` stand
    before `rule`, which decides. `folded` is another rule that holds the path as a server reads it
    that ignores case, where that makes it ambiguous. `open` says that nobody has to be signed in.
    """

    refusal: Deny | None
    entry: str | None
    passed_over: tuple[PassedOver, ...]
    rule: Rule | None
    folded: Rule | None
    open: bool
    conditions: tuple[Judged, ...]

    @property
    def missing(self) -> tuple[Condition, ...]:
        """What would have to be otherwise about who asks: for the rule, then for the gateway."""
        return tuple(each.missing for each in self.conditions if each.missing is not None)


# Nobody as a condition sees them: none about a person holds.
NO_PERSON: Final = Principal(
    username=None, roles=frozenset(), scopes=frozenset(), amr=frozenset(), auth_time=None
)


def explain(
    facts: RequestFacts,
    principal: Principal | None,
    *,
    policy: Policy,
    now: int,
    narrowing: Access | None = None,
) -> Explanation:
    """Return why `principal` (None: nobody) may make this request at `now` (Unix seconds) or not.

    `narrowing` is as for `decide`.
    """
    entry = policy.find_entry(facts.host.name)
    found = policy.find(facts.host.name, facts.path)
    passed_over = tuple(_pass_over(found.exact, facts))
    about = found.exact[len(passed_over) :]
    rule = about[0] if about else None
    matched = found.settle(rule, facts)
    if isinstance(matched, Deny):
        folded = None if found.folded is None else first_about(found.folded, facts)
        return Explanation(matched, entry, passed_over, rule, folded, open=False, conditions=())
    accesses = (matched.access,) if narrowing is None else (matched.access, narrowing)
    asker = Asker(principal or NO_PERSON, facts.address, now)
    conditions = tuple(
        Judged(condition, _find_missing(condition, asker), access is narrowing)
        for access in accesses
        for condition in access.conditions
    )
    is_open = matched.access.open and narrowing is None
    refusal = None
    if not is_open:
        refusal = Deny(Reason.NO_CREDENTIAL) if principal is None else judge_access(accesses, asker)
    return Explanation(refusal, entry, passed_over, matched, None, is_open, conditions)


def _pass_over(rules: tuple[Rule, ...], facts: RequestFacts) -> Iterator[PassedOver]:
    for rule in rules:
        key = rule.find_mismatch(facts)
        if key is None:
            return
        yield PassedOver(rule, key)


def _find_missing(condition: Condition, asker: Asker) -> Condition | None:
    """Return the part of a condition that the asker does not meet: of scopes, those they lack."""
    if condition.holds(asker):
        return None
    if isinstance(condition, Scope):
        return Scope(condition.all_of - asker.principal.scopes)
    return condition
