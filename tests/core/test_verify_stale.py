"""How old the view of the revocations may be: what the settings say, and each rule for itself."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.access import Access, Roles
from sidecar.core.policy import Policy, Posture, Rule, WhenStale
from sidecar.core.revocation import Level, Revocation
from sidecar.core.token import VerifiedToken
from sidecar.core.verdict import Allow, Deny, Reason, Verdict
from sidecar.core.verify import decide
from sidecar.errors import NoVerdict
from tests.core.asking import make_facts
from tests.core.forge import HOST, NOW, Workshop
from tests.core.properties import THOROUGH, view_of

MOST: Final = 30  # seconds, what the settings say
STRICT, LAX = 5, 3600  # seconds, what rules say
ADMIN: Final = Access.of(Roles(frozenset({"admin"})))
POLICY: Final = Policy(
    {
        HOST: [
            Rule("/open", Access(anyone=True)),
            Rule("/home", Access()),
            Rule("/strict", Access(), max_staleness=STRICT),
            Rule("/strict/lent", Access(), max_staleness=STRICT, when_stale=WhenStale.ALLOW),
            Rule("/lax", Access(), max_staleness=LAX),
            Rule("/lax/held", Access(), max_staleness=LAX, when_stale=WhenStale.DENY),
            Rule("/lax/admin", ADMIN, max_staleness=LAX),
        ]
    }
)
EMPTY: Final = view_of()
REVOKED: Final = view_of(Revocation(Level.SESSION, "s-1", 0, NOW + 600))
DENY, ALLOW = WhenStale.DENY, WhenStale.ALLOW


def _decide(
    path: str,
    token: VerifiedToken | None,
    workshop: Workshop,
    age: float | None,
    when_stale: WhenStale = DENY,
    *,
    revoked: bool = False,
    narrowing: Access | None = None,
) -> Verdict | None:
    """Return the verdict, None where there is none."""
    try:
        return decide(
            make_facts(path),
            token,
            policy=POLICY,
            ring=workshop.ring,
            view=REVOKED if revoked else EMPTY,
            age=age,
            posture=Posture(MOST, when_stale),
            now=NOW,
            clock_skew=10,
            narrowing=narrowing,
        )
    except NoVerdict:
        return None


NOTHING: Final = None  # no verdict
FRESH: Final = "by a view that is young enough"
STALE: Final = "by an old view, which is counted"
ROWS: Final = [
    # path, the settings say, age, let in
    ("/home", DENY, 30.0, FRESH),
    ("/home", DENY, 30.01, NOTHING),
    ("/home", ALLOW, 30.01, STALE),
    # A strict rule wants a younger view than the settings do.
    ("/strict", DENY, 5.0, FRESH),
    ("/strict", DENY, 5.01, NOTHING),
    ("/strict", ALLOW, 5.01, STALE),
    ("/strict/lent", DENY, 5.0, FRESH),
    ("/strict/lent", DENY, 5.01, STALE),
    ("/strict/lent", DENY, 1e9, STALE),
    # A lax one takes an older one; what no other rule would have taken is counted.
    ("/lax", DENY, 30.0, FRESH),
    ("/lax", DENY, 30.01, STALE),
    ("/lax", DENY, 3600.0, STALE),
    ("/lax", DENY, 3600.01, NOTHING),
    ("/lax", ALLOW, 3600.01, STALE),
    ("/lax/held", ALLOW, 3600.0, STALE),
    ("/lax/held", ALLOW, 3600.01, NOTHING),
]


@pytest.mark.parametrize(("path", "when_stale", "age", "let_in"), ROWS)
def test_a_rule_says_for_itself_how_old_a_view_may_be(
    workshop: Workshop, path: str, when_stale: WhenStale, age: float, let_in: str | None
) -> None:
    token = workshop.verified()
    expected = None if let_in is NOTHING else Allow(token, stale=let_in is STALE)
    assert _decide(path, token, workshop, age, when_stale) == expected


@pytest.mark.parametrize(("path", "when_stale", "age", "let_in"), ROWS)
def test_whoever_is_revoked_in_that_view_stays_out(
    workshop: Workshop, path: str, when_stale: WhenStale, age: float, let_in: str | None
) -> None:
    verdict = _decide(path, workshop.verified(), workshop, age, when_stale, revoked=True)
    assert verdict == (None if let_in is NOTHING else Deny(Reason.REVOKED_SESSION))


@pytest.mark.parametrize("path", ["/home", "/strict/lent", "/lax", "/lax/held"])
@pytest.mark.parametrize("when_stale", WhenStale)
def test_before_any_reading_no_rule_lets_anybody_in(
    workshop: Workshop, path: str, when_stale: WhenStale
) -> None:
    assert _decide(path, workshop.verified(), workshop, None, when_stale) is None
    assert _decide(path, None, workshop, None, when_stale) == Deny(Reason.NO_CREDENTIAL)


def test_a_lax_rule_still_asks_for_the_role(workshop: Workshop) -> None:
    verdict = _decide("/lax/admin", workshop.verified(), workshop, 100.0)
    assert verdict == Deny(Reason.ROLE_MISSING)


def test_an_open_door_that_is_narrowed_goes_by_the_settings(workshop: Workshop) -> None:
    token = workshop.verified()
    for age, when_stale, expected in (
        (30.0, DENY, Allow(token)),
        (30.01, DENY, None),
        (30.01, ALLOW, Allow(token, stale=True)),
    ):
        verdict = _decide("/open", token, workshop, age, when_stale, narrowing=Access())
        assert verdict == expected
    assert _decide("/open", token, workshop, 30.01, ALLOW) == Allow(None)


def test_rules_that_differ_in_how_old_a_view_may_be_are_two_readings() -> None:
    beside = Rule("/**", Access())
    for strict, expected in (
        (Rule("/A", Access(), max_staleness=STRICT), Deny(Reason.PATH_AMBIGUOUS)),
        (Rule("/A", Access()), beside),
    ):
        assert Policy({HOST: [strict, beside]}).match(make_facts("/a")) == expected


AGES: Final = st.none() | st.floats(0, 10_000)
PATHS: Final = st.sampled_from([rule.path for rule in POLICY.rules_of(HOST)])


def _rank(verdict: Verdict | None) -> int:
    """Return how much is let through: nothing, nobody in particular, or somebody."""
    if not isinstance(verdict, Allow):
        return 0
    return 1 if verdict.token is None else 2


@THOROUGH
@given(path=PATHS, younger=AGES, older=AGES, when_stale=st.sampled_from(WhenStale))
def test_an_older_view_never_lets_in_more(
    workshop: Workshop,
    path: str,
    younger: float | None,
    older: float | None,
    when_stale: WhenStale,
) -> None:
    younger, older = sorted((younger, older), key=lambda age: float("inf") if age is None else age)
    token = workshop.verified()
    then, now = (_decide(path, token, workshop, age, when_stale) for age in (younger, older))
    assert _rank(now) <= _rank(then)
    revoked = _decide(path, token, workshop, younger, when_stale, revoked=True)
    assert _rank(revoked) <= (path == "/open")
