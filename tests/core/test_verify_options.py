"""The decision where the question narrows the policy, and where the view is too old."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.access import Access, MaxAge, Roles, Scope
from sidecar.core.policy import Policy, Posture, Rule, WhenStale
from sidecar.core.revocation import Level, Revocation, RevocationView
from sidecar.core.token import VerifiedToken
from sidecar.core.verdict import Allow, Deny, Reason, StepUp, Verdict
from sidecar.core.verify import decide
from sidecar.errors import NoVerdict
from tests.core.asking import make_facts
from tests.core.forge import HOST, NOW, Workshop
from tests.core.properties import THOROUGH, view_of

STAFF: Final = Access.of(Roles(frozenset({"staff"})))
ADMIN: Final = Access.of(Roles(frozenset({"admin"})))
POLICY: Final = Policy(
    {
        HOST: [
            Rule("/open", Access(anyone=True)),
            Rule("/preflight", Access(preflight=True)),
            Rule("/home", Access()),
            Rule("/staff", STAFF),
            Rule("/admin", ADMIN),
            Rule("/young", Access.of(MaxAge(900))),
            Rule("/held", Access(), when_stale=WhenStale.DENY),
            Rule("/lent", Access(), when_stale=WhenStale.ALLOW),
            Rule("/lent/admin", ADMIN, when_stale=WhenStale.ALLOW),
        ]
    }
)
REVOKED: Final = view_of(Revocation(Level.SESSION, "s-1", 0, NOW + 600))
EMPTY: Final = view_of()
FRESH, OLD = 30.0, 30.5  # seconds since the view was read, of at most 30


def _decide(
    workshop: Workshop,
    path: str,
    token: VerifiedToken | Deny | None,
    *,
    narrowing: Access | None = None,
    view: RevocationView = EMPTY,
    age: float | None = FRESH,
    when_stale: WhenStale = WhenStale.DENY,
    preflight: bool = False,
) -> Verdict:
    return decide(
        make_facts(path, preflight=preflight, method="OPTIONS" if preflight else "GET"),
        token,
        policy=POLICY,
        ring=workshop.ring,
        view=view,
        age=age,
        posture=Posture(30, when_stale),
        now=NOW,
        clock_skew=10,
        narrowing=narrowing,
    )


def _old(token: VerifiedToken) -> VerifiedToken:
    """Return a token of somebody who logged in long ago."""
    return VerifiedToken(token.kind, token.kid, token.claims._replace(auth_time=NOW - 10_000))


@pytest.mark.parametrize(
    ("path", "narrowing", "reason"),
    [
        ("/home", ADMIN, Reason.ROLE_MISSING),
        ("/home", Access.of(Scope(frozenset({"x"}))), Reason.SCOPE_MISSING),
        ("/open", ADMIN, Reason.ROLE_MISSING),
        ("/admin", STAFF, Reason.ROLE_MISSING),
        ("/admin", Access(), Reason.ROLE_MISSING),
        ("/other", STAFF, Reason.NO_RULE),
    ],
)
def test_narrowing_refuses_whom_the_rule_would_let_in(
    workshop: Workshop, path: str, narrowing: Access, reason: Reason
) -> None:
    token = workshop.verified()  # who is staff
    assert _decide(workshop, path, token, narrowing=narrowing) == Deny(reason)


@pytest.mark.parametrize("path", ["/open", "/preflight", "/home", "/staff"])
def test_narrowing_lets_in_whom_both_let_in(workshop: Workshop, path: str) -> None:
    token = workshop.verified()
    preflight = path == "/preflight"
    assert _decide(workshop, path, token, narrowing=STAFF, preflight=preflight) == Allow(token)


@pytest.mark.parametrize("path", ["/open", "/preflight"])
def test_a_narrowed_open_door_asks_for_somebody(workshop: Workshop, path: str) -> None:
    preflight = path == "/preflight"
    nobody = _decide(workshop, path, None, narrowing=Access(), preflight=preflight)
    assert nobody == Deny(Reason.NO_CREDENTIAL)
    refused = Deny(Reason.BAD_SIGNATURE)
    assert _decide(workshop, path, refused, narrowing=Access(), preflight=preflight) == refused
    with pytest.raises(NoVerdict):
        _decide(
            *(workshop, path, workshop.verified()),
            narrowing=Access(),
            preflight=preflight,
            age=OLD,
        )


def test_a_preflight_passes_as_nobody_and_nothing_else_does(workshop: Workshop) -> None:
    assert _decide(workshop, "/preflight", None, preflight=True) == Allow(None)
    assert _decide(workshop, "/preflight", None) == Deny(Reason.NO_RULE)
    assert _decide(workshop, "/preflight", workshop.verified()) == Deny(Reason.NO_RULE)


def test_an_old_login_is_asked_for_a_younger_one(workshop: Workshop) -> None:
    token = _old(workshop.verified())
    assert _decide(workshop, "/young", token) == Deny(Reason.LOGIN_TOO_OLD, StepUp(900, ()))
    narrowed = _decide(workshop, "/young", token, narrowing=Access.of(MaxAge(60)))
    assert narrowed == Deny(Reason.LOGIN_TOO_OLD, StepUp(60, ()))
    no_role = _decide(workshop, "/young", token, narrowing=ADMIN)
    assert no_role == Deny(Reason.ROLE_MISSING)


LETS_IN: Final = [
    # path, the settings say, let in by the old view
    ("/home", WhenStale.DENY, False),
    ("/home", WhenStale.ALLOW, True),
    ("/held", WhenStale.ALLOW, False),
    ("/lent", WhenStale.DENY, True),
    ("/lent", WhenStale.ALLOW, True),
]


@pytest.mark.parametrize(("path", "when_stale", "let_in"), LETS_IN)
def test_a_rule_says_for_itself_what_an_old_view_is_worth(
    workshop: Workshop, path: str, when_stale: WhenStale, *, let_in: bool
) -> None:
    token = workshop.verified()
    if let_in:
        verdict = _decide(workshop, path, token, age=OLD, when_stale=when_stale)
        assert verdict == Allow(token, stale=True)
    else:
        with pytest.raises(NoVerdict):
            _decide(workshop, path, token, age=OLD, when_stale=when_stale)


@pytest.mark.parametrize("path", ["/home", "/lent"])
def test_who_is_revoked_in_the_old_view_stays_out(workshop: Workshop, path: str) -> None:
    verdict = _decide(
        *(workshop, path, workshop.verified()),
        view=REVOKED,
        age=OLD,
        when_stale=WhenStale.ALLOW,
    )
    assert verdict == Deny(Reason.REVOKED_SESSION)


@pytest.mark.parametrize("path", ["/home", "/lent", "/staff"])
def test_before_any_view_nobody_is_let_in(workshop: Workshop, path: str) -> None:
    with pytest.raises(NoVerdict):
        _decide(
            *(workshop, path, workshop.verified()),
            age=None,
            when_stale=WhenStale.ALLOW,
        )


def test_an_old_view_still_asks_for_the_role(workshop: Workshop) -> None:
    verdict = _decide(workshop, "/lent/admin", workshop.verified(), age=OLD)
    assert verdict == Deny(Reason.ROLE_MISSING)


ROWS: Final = st.sampled_from(["/open", "/home", "/staff", "/admin", "/young", "/other", "/lent"])
ACCESSES: Final = st.sampled_from(
    [None, Access(), STAFF, ADMIN, Access.of(MaxAge(1)), Access.of(Scope(frozenset({"x"})))]
)
VIEWS: Final = st.sampled_from([EMPTY, REVOKED, None])


@THOROUGH
@given(path=ROWS, narrowing=ACCESSES, view=VIEWS, anybody=st.booleans())
def test_narrowing_never_widens(
    workshop: Workshop,
    path: str,
    narrowing: Access | None,
    view: RevocationView | None,
    *,
    anybody: bool,
) -> None:
    token = workshop.verified() if anybody else None
    seen, age = (EMPTY, OLD) if view is None else (view, FRESH)
    try:
        narrowed = _decide(workshop, path, token, narrowing=narrowing, view=seen, age=age)
    except NoVerdict:
        return
    if isinstance(narrowed, Allow):
        wide = _decide(workshop, path, token, view=seen, age=age)
        assert isinstance(wide, Allow)
        assert narrowing is None or narrowed.token is not None
