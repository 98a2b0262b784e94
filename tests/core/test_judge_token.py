"""An opened token at one moment: the state of its key, and its dates to the second."""

from dataclasses import replace

import pytest

from sidecar.core.claims import TokenKind
from sidecar.core.keyring import KeyRing
from sidecar.core.revocation import Level, Revocation
from sidecar.core.token import VerifiedToken
from sidecar.core.verdict import Deny, Reason
from sidecar.core.verify import judge_token
from tests.core.forge import NOW, Workshop
from tests.core.properties import view_of

SKEW = 10


@pytest.mark.parametrize(
    ("dates", "now", "reason"),
    [
        ({}, NOW, None),
        ({}, NOW + 599, None),
        ({}, NOW + 600, Reason.EXPIRED),
        ({}, NOW + 601, Reason.EXPIRED),
        ({}, NOW - 10, None),
        ({}, NOW - 11, Reason.NOT_YET_VALID),
        ({"nbf": NOW + 10}, NOW, None),
        ({"nbf": NOW + 11}, NOW, Reason.NOT_YET_VALID),
        ({"iat": NOW + 11}, NOW, Reason.NOT_YET_VALID),
        ({"auth_time": NOW + 10}, NOW, None),
        ({"auth_time": NOW + 11}, NOW, Reason.NOT_YET_VALID),
        ({"exp": NOW}, NOW, Reason.EXPIRED),
        ({"exp": NOW + 1}, NOW, None),
    ],
)
def test_the_dates_hold_to_the_second(
    workshop: Workshop, dates: dict[str, int], now: int, reason: Reason | None
) -> None:
    token = workshop.verified(**dates)
    judged = judge_token(token, workshop.ring, view_of(), now, SKEW)
    assert judged == (token if reason is None else Deny(reason))


@pytest.mark.parametrize(
    ("begin", "reason"),
    [
        (NOW + 11, Reason.KEY_NOT_YET),
        (NOW + 10, None),
        (NOW, None),
        (NOW - 2000, None),
        (NOW - 2999, None),
        (NOW - 3000, Reason.KEY_RETIRED),
        (NOW - 9999, Reason.KEY_RETIRED),
    ],
)
def test_the_key_is_judged_as_it_stands_now(
    workshop: Workshop, begin: int, reason: Reason | None
) -> None:
    key = replace(
        workshop.token_key,
        not_before=begin,
        sign_until=begin + 2000,
        publish_until=begin + 3000,
    )
    token = workshop.verified()
    judged = judge_token(token, KeyRing.of([key]), view_of(), NOW, SKEW)
    assert judged == (token if reason is None else Deny(reason))


def test_a_key_that_left_the_ring_takes_its_tokens_along(workshop: Workshop) -> None:
    ring = KeyRing.of([workshop.cookie_key])
    assert judge_token(workshop.verified(), ring, view_of(), NOW, SKEW) == Deny(Reason.UNKNOWN_KEY)


@pytest.mark.parametrize("begin", [NOW - 9999, NOW - 2500, NOW, NOW + 99])
def test_a_key_that_the_ring_says_is_revoked_takes_its_tokens_along(
    workshop: Workshop, begin: int
) -> None:
    """Whatever its dates say."""
    revoked = replace(
        workshop.token_key,
        not_before=begin,
        sign_until=begin + 2000,
        publish_until=begin + 3000,
        revoked=True,
    )
    token = workshop.verified()
    judged = judge_token(token, KeyRing.of([revoked]), view_of(), NOW, SKEW)
    assert judged == Deny(Reason.KEY_REVOKED)


def test_a_key_that_a_feed_has_revoked_takes_its_tokens_along(workshop: Workshop) -> None:
    """Before the ring is read again, and once its files are gone."""
    token = workshop.verified()
    assert token.kid is not None
    view = view_of(Revocation(Level.KEY, token.kid, 0, NOW + 1))
    for ring in (workshop.ring, KeyRing.of([])):
        assert judge_token(token, ring, view, NOW, SKEW) == Deny(Reason.KEY_REVOKED)
    cookie = workshop.verified(TokenKind.SESSION)
    assert judge_token(cookie, workshop.ring, view, NOW, SKEW) == cookie


@pytest.mark.parametrize("level", [level for level in Level if level is not Level.KEY])
def test_no_other_revocation_of_the_same_name_is_one_of_the_key(
    workshop: Workshop, level: Level
) -> None:
    token = workshop.verified()
    assert token.kid is not None
    view = view_of(Revocation(level, token.kid, 0, NOW + 1))
    assert judge_token(token, workshop.ring, view, NOW, SKEW) == token


LEVELS = (
    Revocation(Level.TOKEN, "jti", 0, NOW + 600),
    Revocation(Level.SESSION, "sid", 0, NOW + 600),
    Revocation(Level.USER, "sub", 9, NOW + 600),
    Revocation(Level.KEY, "kid", 0, NOW + 600),
    Revocation(Level.EVERYONE, "", 9, NOW + 600),
)


def of(token: VerifiedToken, revocation: Revocation) -> Revocation:
    """Return the revocation of this token, by the name of what it bears."""
    claims = token.claims
    names = {"jti": claims.jti, "sid": claims.sid, "sub": claims.sub, "kid": token.kid, "": ""}
    subject = names[revocation.subject]
    assert subject is not None
    return replace(revocation, subject=subject)


@pytest.mark.parametrize("revocation", LEVELS, ids=lambda each: each.level.value)
def test_a_token_that_has_just_passed_is_refused_once_it_is_revoked(
    workshop: Workshop, revocation: Revocation
) -> None:
    token, view = workshop.verified(), view_of()
    for _ in range(2):
        assert judge_token(token, workshop.ring, view, NOW, SKEW) is token
    view.apply([of(token, revocation)])
    for _ in range(2):
        assert isinstance(judge_token(token, workshop.ring, view, NOW, SKEW), Deny)


def test_what_one_view_lets_in_another_may_refuse(workshop: Workshop) -> None:
    token = workshop.verified()
    assert judge_token(token, workshop.ring, view_of(), NOW, SKEW) is token
    other = view_of(of(token, LEVELS[0]))
    assert judge_token(token, workshop.ring, other, NOW, SKEW) == Deny(Reason.REVOKED_TOKEN)


@pytest.mark.parametrize("revocation", LEVELS, ids=lambda each: each.level.value)
def test_what_is_told_again_changes_no_state_of_the_view(revocation: Revocation) -> None:
    view = view_of(revocation)
    state = view.state
    view.apply([revocation, replace(revocation, forget_at=NOW + 599)])
    assert view.state is state
    view.forget(NOW)
    assert view.state is state


def test_what_no_key_sealed_is_judged_without_one(workshop: Workshop) -> None:
    token = replace(workshop.verified(), kid=None)
    assert judge_token(token, KeyRing.of([]), view_of(), NOW, SKEW) == token
