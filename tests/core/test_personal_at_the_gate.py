"""A personal token at the gate: what takes it away, and under which rules its owner passes."""

import pytest

from sidecar.core.access import Access, Amr, MaxAge, Roles, Scope, Users
from sidecar.core.claims import LONGEST_LIFE, TokenKind
from sidecar.core.keyring import KeyRing
from sidecar.core.policy import Policy, Posture, Rule, WhenStale
from sidecar.core.revocation import Level, Revocation
from sidecar.core.token import VerifiedToken
from sidecar.core.verdict import Allow, Deny, Reason, Verdict
from sidecar.core.verify import Unknown, decide, judge_token
from sidecar.errors import NoVerdict
from tests.core.asking import make_facts
from tests.core.forge import HOST, NOW
from tests.core.properties import view_of
from tests.core.test_personal import STAND_IN, TOKEN


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (Revocation(Level.SESSION, TOKEN.id, 0, 10), Reason.REVOKED_SESSION),
        (Revocation(Level.USER, "u-1", 3, 10), Reason.REVOKED_USER),
        (Revocation(Level.EVERYONE, "", 2, 10), Reason.REVOKED_EVERYONE),
        (Revocation(Level.USER, "u-1", 2, 10), None),
        (Revocation(Level.SESSION, "s-1", 0, 10), None),
        (Revocation(Level.KEY, "", 0, 10), None),
        (Revocation(Level.KEY, "None", 0, 10), None),
    ],
)
def test_it_is_taken_away_by_its_id_and_with_its_owners_rights(
    entry: Revocation, reason: Reason | None
) -> None:
    judged = judge_token(STAND_IN, KeyRing({}), view_of(entry), NOW, 10)
    assert judged == (STAND_IN if reason is None else Deny(reason))


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (NOW + 299, None),
        (NOW + 300, Reason.EXPIRED),
        (NOW - 10, None),
        (NOW - 11, Reason.NOT_YET_VALID),
    ],
)
def test_its_dates_hold_to_the_second_whatever_keys_there_are(
    now: int, reason: Reason | None
) -> None:
    judged = judge_token(STAND_IN, KeyRing({}), view_of(), now, 10)
    assert judged == (STAND_IN if reason is None else Deny(reason))


POLICY = Policy(
    {
        HOST: [
            Rule("/open/**", Access(anyone=True)),
            Rule("/users/**", Access.of(Users(frozenset({"alice"})))),
            Rule("/staff/**", Access.of(Roles(frozenset({"staff"})))),
            Rule("/read/**", Access.of(Scope(frozenset({"orders:read"})))),
            Rule("/write/**", Access.of(Scope(frozenset({"orders:write"})))),
            Rule("/otp/**", Access.of(Amr(frozenset({"otp", "pwd"})))),
            Rule("/recent/**", Access.of(MaxAge(LONGEST_LIFE[TokenKind.SESSION]))),
            Rule("/home/**", Access()),
        ]
    }
)


def _decide(opened: VerifiedToken | Unknown, path: str, *, view: bool = True) -> Verdict:
    return decide(
        make_facts(path),
        opened,
        policy=POLICY,
        ring=KeyRing({}),
        view=view_of(),
        age=30.0 if view else 31.0,
        posture=Posture(30, WhenStale.DENY),
        now=NOW,
        clock_skew=10,
    )


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/open/", None),
        ("/users/", None),
        ("/staff/", None),
        ("/read/", None),
        ("/home/", None),
        ("/write/", Reason.SCOPE_MISSING),
        ("/otp/", Reason.AMR_MISSING),
        ("/recent/", Reason.LOGIN_TOO_OLD),
        ("/elsewhere", Reason.NO_RULE),
    ],
)
def test_rules_look_at_it_as_at_its_owner_who_is_not_there(
    path: str, reason: Reason | None
) -> None:
    verdict = _decide(STAND_IN, path)
    if reason is None:
        assert verdict == Allow(STAND_IN)
    else:
        assert isinstance(verdict, Deny)
        assert verdict.reason is reason


def test_where_nothing_can_be_told_an_open_door_is_open_to_nobody_in_particular() -> None:
    assert _decide(Unknown("away"), "/open/") == Allow(None)
    assert _decide(Unknown("away"), "/elsewhere") == Deny(Reason.NO_RULE)
    for view in (True, False):
        with pytest.raises(NoVerdict, match="away"):
            _decide(Unknown("away"), "/home/", view=view)
