"""The table of claims: exact bounds, and what a token is given."""

from dataclasses import replace

import pytest

from sidecar.core.claims import (
    CLAIMS,
    LATEST_DATE,
    LONGEST_ROLES,
    MOST_ROLES,
    Claims,
    Shape,
    TokenKind,
    claims_members,
    parse_claims,
)
from sidecar.core.grant import Issuer, assertion_claims, find_scopes, person_claims
from sidecar.core.session import Session, SessionKind
from sidecar.core.user import User
from sidecar.core.verdict import Allow, Deny, Reason
from tests.core.forge import HOST, ISSUER, NOW, make_claims

ISSUED_BY = Issuer(ISSUER, ("api", "files"))
ALICE = User("u-1", "alice", None, "Alice", ("staff",), disabled=False, created_at=1, updated_at=1)
SESSION = Session(
    sid="s-1",
    user_id="u-1",
    kind=SessionKind.BEARER,
    generation=0,
    created_at=NOW - 50,
    rotated_at=NOW,
    tokens_until=NOW,
    expires_at=NOW + 300,
    amr=("pwd",),
    used_at=NOW,
)


def _parse(kind: TokenKind = TokenKind.ACCESS, /, **changes: object) -> Claims | Deny:
    return parse_claims(claims_members(make_claims(kind), kind) | changes, kind)


def test_every_claim_stands_in_the_table_once_and_in_the_type() -> None:
    assert tuple(claim.name for claim in CLAIMS) == Claims._fields


TEXT_BOUNDS = [
    (claim.name, claim.bound) for claim in CLAIMS if claim.shape in {Shape.TEXT, Shape.AUDIENCE}
]


@pytest.mark.parametrize(("name", "bound"), TEXT_BOUNDS)
def test_a_text_may_be_as_long_as_its_bound_and_no_longer(name: str, bound: int) -> None:
    assert isinstance(_parse(**{name: "a" * bound}), Claims)
    assert _parse(**{name: "a" * (bound + 1)}) == Deny(Reason.CLAIMS_INVALID)


@pytest.mark.parametrize("name", ["exp", "iat", "nbf", "auth_time"])
def test_a_date_lies_between_1970_and_9999(name: str) -> None:
    assert _parse(**{name: LATEST_DATE + 1}) == Deny(Reason.CLAIMS_INVALID)
    assert _parse(**{name: -1}) == Deny(Reason.CLAIMS_INVALID)
    assert _parse(**{name: 0}) != Deny(Reason.CLAIMS_INVALID)
    assert _parse(**{name: LATEST_DATE}) != Deny(Reason.CLAIMS_INVALID)


@pytest.mark.parametrize("epoch", [[0, 0], [2**53 - 1, 2**53 - 1]])
def test_epochs_are_integers_that_every_reader_keeps_exact(epoch: list[int]) -> None:
    parsed = _parse(epoch=epoch)
    assert isinstance(parsed, Claims)
    assert parsed.epoch == tuple(epoch)


@pytest.mark.parametrize(
    ("roles", "fits"),
    [
        ([], True),
        (["a" * 64], True),
        (["a" * 65], False),
        (["a" * 64] * (LONGEST_ROLES // 64), True),
        (["a" * 64] * (LONGEST_ROLES // 64) + ["a"], False),
        (["a"] * MOST_ROLES, True),
        (["a"] * (MOST_ROLES + 1), False),
    ],
)
def test_roles_are_bounded_each_in_number_and_in_sum(roles: list[str], *, fits: bool) -> None:
    assert isinstance(_parse(roles=roles), Claims) is fits


@pytest.mark.parametrize("kind", list(TokenKind))
def test_members_of_claims_parse_to_the_same_claims(kind: TokenKind) -> None:
    assert _parse(kind) == make_claims(kind)


def test_nbf_may_lie_before_iat_and_at_the_last_second_of_a_life() -> None:
    assert isinstance(_parse(nbf=0), Claims)
    assert isinstance(_parse(nbf=NOW + 599), Claims)
    assert _parse(nbf=NOW + 600) == Deny(Reason.LIFETIME)


@pytest.mark.parametrize(
    ("kind", "audience"),
    [(TokenKind.ACCESS, ("api", "files")), (TokenKind.SESSION, (ISSUER,))],
)
def test_a_person_gets_the_claims_of_user_session_and_issuer(
    kind: TokenKind, audience: tuple[str, ...]
) -> None:
    claims = person_claims(ISSUED_BY, kind, ALICE, SESSION, (3, 5), jti="j-1", now=NOW, ttl=120)
    assert claims == make_claims(kind)._replace(
        aud=audience,
        exp=NOW + 120,
        auth_time=NOW - 50,
        client_id="sidecar",
        email=None,
    )


@pytest.mark.parametrize(
    ("roles", "scopes"),
    [
        ((), ()),
        (("nobody",), ()),
        (("idle",), ()),
        (("staff",), ("a", "c")),
        (("ops", "staff"), ("a", "b", "c")),
        (("staff", "ops", "nobody"), ("a", "b", "c")),
        (("STAFF",), ()),
    ],
)
def test_a_person_has_the_scopes_of_all_their_roles(
    roles: tuple[str, ...], scopes: tuple[str, ...]
) -> None:
    given = {"staff": ("c", "a"), "ops": ("b", "a"), "idle": ()}
    assert find_scopes(roles, given) == scopes
    for kind in (TokenKind.ACCESS, TokenKind.SESSION):
        issuer, somebody = Issuer(ISSUER, ("api",), given), replace(ALICE, roles=roles)
        claims = person_claims(issuer, kind, somebody, SESSION, (0, 0), jti="j", now=NOW, ttl=9)
        assert claims.scope == " ".join(scopes)


def test_a_token_ends_no_later_than_its_session() -> None:
    claims = person_claims(
        ISSUED_BY, TokenKind.ACCESS, ALICE, SESSION, (0, 0), jti="j-1", now=NOW, ttl=301
    )
    assert claims.exp == SESSION.expires_at


@pytest.mark.parametrize(
    ("ahead", "auth_time"),
    [(-1, NOW - 1), (0, NOW), (1, NOW), (300, NOW), (301, 0), (3600, 0)],
)
def test_a_login_by_a_clock_that_was_set_back_since_is_older_than_any_max_age(
    ahead: int, auth_time: int
) -> None:
    """Else every token of that session would be from the future, however often it is refreshed."""
    session = replace(SESSION, created_at=NOW + ahead)
    claims = person_claims(
        ISSUED_BY, TokenKind.ACCESS, ALICE, session, (0, 0), jti="j-1", now=NOW, ttl=60
    )
    assert (claims.iat, claims.auth_time) == (NOW, auth_time)


@pytest.mark.parametrize(("ttl", "end"), [(60, NOW + 70), (590, NOW + 600), (591, NOW + 600)])
def test_an_assertion_is_for_one_host_and_ends_no_later_than_the_token(ttl: int, end: int) -> None:
    shown = make_claims()._replace(roles=("a", "b"))
    claims = assertion_claims(shown, HOST, jti="j-2", now=NOW + 10, ttl=ttl)
    assert claims == shown._replace(aud=(HOST,), iat=NOW + 10, nbf=NOW + 10, exp=end, jti="j-2")


def test_a_verdict_is_true_only_when_it_allows() -> None:
    assert bool(Allow(None)) is True
    assert bool(Deny(Reason.NO_RULE)) is False
