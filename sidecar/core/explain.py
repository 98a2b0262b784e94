"""Why a request is let in or not, by the policy: asked of the same matchers that decide.

What a token is worth at this moment is not asked here: the explanation is about somebody who is
signed in, or about nobody. About nobody, what it is made of takes less time and memory than the
explanation, and hardly any is asked for.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from sidecar.core.access import Access, Asker, Condition, Scope, judge_access
from sidecar.core.addresses import Address
from sidecar.core.facts import RequestFacts
from sidecar.core.policy import Candidates, Circumstances, Policy, Rule, first_about
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


class Grounds(NamedTuple):
    """What an explanation is made of; of the policy it has no more than the rules about a path.

    `entry` is as in the explanation, `found` what its rules say of the path. Somebody asks at `now`
    (Unix seconds); `narrowing` is as for `decide`.
    """

    entry: str | None
    found: Candidates
    method: str
    address: Address | None
    preflight: bool
    now: int
    narrowing: Access | None

    @property
    def rule(self) -> Rule | None:
        """The rule that decides, None where none is about the request."""
        return first_about(self.found.exact, self)

    def explain(self, principal: Principal | None) -> Explanation:
        """Return why `principal` (None: nobody) may make this request or not."""
        found, narrowing = self.found, self.narrowing
        passed_over = tuple(_pass_over(found.exact, self))
        rule = self.rule
        matched = found.settle(rule, self)
        if isinstance(matched, Deny):
            folded = None if found.folded is None else first_about(found.folded, self)
            return Explanation(matched, self.entry, passed_over, rule, folded, False, ())
        accesses = (matched.access,) if narrowing is None else (matched.access, narrowing)
        asker = Asker(principal or NO_PERSON, self.address, self.now)
        conditions = tuple(
            Judged(condition, _find_missing(condition, asker), access is narrowing)
            for access in accesses
            for condition in access.conditions
        )
        is_open = matched.access.open and narrowing is None
        refusal = None
        if not is_open:
            nobody = Deny(Reason.NO_CREDENTIAL)
            refusal = nobody if principal is None else judge_access(accesses, asker)
        return Explanation(refusal, self.entry, passed_over, matched, None, is_open, conditions)


def find_grounds(
    facts: RequestFacts, *, policy: Policy, now: int, narrowing: Access | None = None
) -> Grounds:
    """Return what explains why somebody may make this request or not; as for `Grounds`."""
    host = facts.host.name
    return Grounds(
        policy.find_entry(host),
        policy.find(host, facts.path),
        facts.method,
        facts.address,
        facts.preflight,
        now,
        narrowing,
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
    grounds = find_grounds(facts, policy=policy, now=now, narrowing=narrowing)
    return grounds.explain(principal)


def _pass_over(rules: tuple[Rule, ...], facts: Circumstances) -> Iterator[PassedOver]:
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
