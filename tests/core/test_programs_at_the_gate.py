"""What a program may: its token at one moment, and under each kind of rule."""

import pytest

from sidecar.core.access import Access, Amr, MaxAge, Roles, Scope, Users
from sidecar.core.claims import Claims, TokenKind
from sidecar.core.policy import Policy, Posture, Rule, WhenStale
from sidecar.core.revocation import Level, Revocation
from sidecar.core.token import VerifiedToken
from sidecar.core.verdict import Allow, Deny, Reason
from sidecar.core.verify import decide, judge_token
from tests.core.asking import make_facts
from tests.core.forge import HOST, NOW, Workshop, make_program_claims
from tests.core.properties import view_of


def _verified(workshop: Workshop, claims: Claims) -> VerifiedToken:
    return VerifiedToken(TokenKind.ACCESS, workshop.token_key.kid, claims)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (Revocation(Level.TOKEN, "j-2", 0, 10), Reason.REVOKED_TOKEN),
        (Revocation(Level.USER, "c-1", 6, 10), Reason.REVOKED_USER),
        (Revocation(Level.EVERYONE, "", 4, 10), Reason.REVOKED_EVERYONE),
        (Revocation(Level.USER, "c-1", 5, 10), None),
        (Revocation(Level.USER, "u-1", 6, 10), None),
        (Revocation(Level.TOKEN, "c-1", 0, 10), None),
        (Revocation(Level.SESSION, "", 0, 10), None),
        (Revocation(Level.SESSION, "None", 0, 10), None),
        (Revocation(Level.SESSION, "c-1", 0, 10), None),
    ],
)
def test_a_programs_token_is_revoked_by_id_by_program_and_with_everyones(
    workshop: Workshop, entry: Revocation, reason: Reason | None
) -> None:
    token = _verified(workshop, make_program_claims())
    judged = judge_token(token, workshop.ring, view_of(entry), NOW, 10)
    assert judged == (token if reason is None else Deny(reason))


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (NOW - 10, None),
        (NOW - 11, Reason.NOT_YET_VALID),
        (NOW + 599, None),
        (NOW + 600, Reason.EXPIRED),
    ],
)
def test_the_dates_of_a_programs_token_hold_to_the_second(
    workshop: Workshop, now: int, reason: Reason | None
) -> None:
    token = _verified(workshop, make_program_claims())
    judged = judge_token(token, workshop.ring, view_of(), now, 10)
    assert judged == (token if reason is None else Deny(reason))


@pytest.mark.parametrize(
    ("access", "reason"),
    [
        (Access(), None),
        (Access.of(Scope(frozenset({"orders:read"}))), None),
        (Access.of(Scope(frozenset({"orders:write"}))), Reason.SCOPE_MISSING),
        (Access.of(Roles(frozenset({"staff"}))), Reason.ROLE_MISSING),
        (Access.of(Users(frozenset({"c-1", "", "none"}))), Reason.USER_NOT_LISTED),
        (Access.of(Amr(frozenset({"pwd"}))), Reason.AMR_MISSING),
        (Access.of(MaxAge(10**9)), Reason.LOGIN_TOO_OLD),
    ],
)
def test_a_program_has_scopes_but_no_name_and_never_logged_in(
    workshop: Workshop, access: Access, reason: Reason | None
) -> None:
    token = _verified(workshop, make_program_claims())
    verdict = decide(
        make_facts(),
        token,
        policy=Policy({HOST: [Rule("/**", access)]}),
        ring=workshop.ring,
        view=view_of(),
        age=0.0,
        posture=Posture(30, WhenStale.DENY),
        now=NOW,
        clock_skew=10,
    )
    if reason is None:
        assert verdict == Allow(token)
    else:
        assert isinstance(verdict, Deny)
        assert verdict.reason is reason
