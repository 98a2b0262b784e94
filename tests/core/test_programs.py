"""Tokens of programs, which are nobody: what they lack, and that nothing between the two passes."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.claims import (
    CLAIMS,
    OF_PROGRAMS,
    PERSONAL,
    REQUIRED_OF_PEOPLE,
    Claims,
    TokenKind,
    claims_members,
    parse_claims,
)
from sidecar.core.grant import assertion_claims
from sidecar.core.principal import Principal
from sidecar.core.token import PURPOSES, VerifiedToken, seal_token
from sidecar.core.verdict import Deny, Reason
from tests.core.forge import ABSENT, HOST, NOW, Workshop, make_claims, make_program_claims
from tests.core.properties import THOROUGH

INVALID = Deny(Reason.CLAIMS_INVALID)
GOOD_VALUES = {
    "sid": "s-1",
    "preferred_username": "alice",
    "email": "alice@example.com",
    "name": "Alice",
    "auth_time": NOW,
    "amr": ["pwd"],
}
SOME = [
    frozenset(some)
    for number in range(1, len(REQUIRED_OF_PEOPLE))
    for some in combinations(sorted(REQUIRED_OF_PEOPLE), number)
]
BOTH = pytest.mark.parametrize("kind", sorted(OF_PROGRAMS), ids=lambda kind: kind.name.lower())
KINDS = pytest.mark.parametrize("kind", list(TokenKind), ids=lambda kind: kind.name.lower())


@BOTH
def test_the_token_of_a_program_opens_and_has_nothing_of_a_person(
    workshop: Workshop, kind: TokenKind
) -> None:
    claims = make_program_claims(kind)
    opened = workshop.open(workshop.draft(kind, claims).text(), kind)
    assert opened == VerifiedToken(kind, workshop.key(PURPOSES[kind]).kid, claims)
    assert opened.claims.of_program
    assert not make_claims(kind).of_program
    assert PERSONAL.isdisjoint(claims_members(claims, kind))
    assert opened.principal == Principal(
        username=None,
        roles=frozenset(),
        scopes=frozenset({"orders:read"}),
        amr=frozenset(),
        auth_time=None,
    )


@BOTH
def test_what_is_sealed_for_a_program_is_what_opens(workshop: Workshop, kind: TokenKind) -> None:
    claims = make_program_claims(kind)
    text = seal_token(claims, kind, workshop.key(PURPOSES[kind]))
    opened = workshop.open(text, kind)
    assert isinstance(opened, VerifiedToken)
    assert opened.claims == claims


@BOTH
@pytest.mark.parametrize("name", sorted(PERSONAL))
@pytest.mark.parametrize("null", [False, True], ids=["good", "null"])
def test_a_program_with_one_claim_of_a_person_is_neither(
    workshop: Workshop, kind: TokenKind, name: str, *, null: bool
) -> None:
    good = workshop.draft(kind, make_program_claims(kind))
    forged = good.with_members(**{name: None if null else GOOD_VALUES[name]})
    assert workshop.open(forged.text(), kind) == INVALID


@KINDS
@pytest.mark.parametrize("lacking", SOME, ids=lambda some: "+".join(sorted(some)))
def test_a_person_who_lacks_some_claims_is_neither(
    workshop: Workshop, kind: TokenKind, lacking: frozenset[str]
) -> None:
    forged = workshop.draft(kind).with_members(**dict.fromkeys(lacking, ABSENT))
    assert workshop.open(forged.text(), kind) == INVALID


@KINDS
@pytest.mark.parametrize("left", ["email", "name"])
def test_a_name_alone_makes_no_person(workshop: Workshop, kind: TokenKind, left: str) -> None:
    lacking = PERSONAL - {left}
    forged = workshop.draft(kind).with_members(**dict.fromkeys(lacking, ABSENT))
    assert workshop.open(forged.text(), kind) == INVALID


@pytest.mark.parametrize("kind", [TokenKind.ACCESS, TokenKind.SESSION])
@pytest.mark.parametrize(
    "ids",
    [("u-1", "sidecar"), ("c-1", "c-2"), ("c-1", "C-1"), ("c-1", "c-1 "), ("c-2", "c-1")],
)
def test_a_program_that_is_not_its_client_is_refused(
    workshop: Workshop, kind: TokenKind, ids: tuple[str, str]
) -> None:
    lacking = dict.fromkeys(PERSONAL, ABSENT)
    forged = workshop.draft(kind).with_members(**lacking, sub=ids[0], client_id=ids[1])
    assert workshop.open(forged.text(), kind) == INVALID


@pytest.mark.parametrize("kind", [TokenKind.ACCESS, TokenKind.SESSION])
@pytest.mark.parametrize("both", ["u-1", "sidecar"])
def test_a_person_who_is_a_client_too_is_refused(
    workshop: Workshop, kind: TokenKind, both: str
) -> None:
    forged = workshop.draft(kind).with_members(sub=both, client_id=both)
    assert workshop.open(forged.text(), kind) == INVALID


def test_a_session_cookie_is_never_a_programs(workshop: Workshop) -> None:
    kind = TokenKind.SESSION
    forged = workshop.draft(kind, make_program_claims(kind))
    assert workshop.open(forged.text(), kind) == INVALID
    # But for that it would be right.
    access = TokenKind.ACCESS
    good = workshop.draft(access, make_program_claims(access))
    assert isinstance(workshop.open(good.text(), access), VerifiedToken)


@pytest.mark.parametrize("kind", [TokenKind.ACCESS, TokenKind.SESSION])
@pytest.mark.parametrize("depth", [1, 100, 300])
def test_ids_that_are_nested_deeply_are_no_bug(
    workshop: Workshop, kind: TokenKind, depth: int
) -> None:
    nested: object = "c-1"
    for _ in range(depth):
        nested = [nested]
    forged = workshop.draft(kind).with_members(sub=nested, client_id=nested)
    assert workshop.open(forged.text(), kind) == INVALID


@THOROUGH
@given(
    kind=st.sampled_from(TokenKind),
    present=st.sets(st.sampled_from(sorted(PERSONAL))),
    same=st.booleans(),
)
def test_a_token_is_whole_as_a_persons_or_as_a_programs(
    kind: TokenKind, present: set[str], *, same: bool
) -> None:
    members = claims_members(make_program_claims(kind), kind)
    members |= {name: GOOD_VALUES[name] for name in present}
    if kind is not TokenKind.ASSERTION:
        members["client_id"] = members["sub"] if same else "sidecar"
    program = not present and kind in OF_PROGRAMS
    person = present >= REQUIRED_OF_PEOPLE
    of_gate = kind is not TokenKind.ASSERTION
    good = (program and (same or not of_gate)) or (person and not (same and of_gate))
    assert isinstance(parse_claims(members, kind), Claims) is good


def test_only_a_persons_claims_may_be_missing_from_a_programs_token() -> None:
    program = make_program_claims()
    members = claims_members(program, TokenKind.ACCESS)
    for claim in CLAIMS:
        lacking = {name: value for name, value in members.items() if name != claim.name}
        parsed = parse_claims(lacking, TokenKind.ACCESS)
        assert parsed == (program if claim.personal else INVALID), claim.name


def test_the_assertion_of_a_program_lacks_the_same_claims() -> None:
    shown = make_program_claims()
    claims = assertion_claims(shown, HOST, jti="j-3", now=NOW + 10, ttl=60)
    members = claims_members(claims, TokenKind.ASSERTION)
    assert members == {
        "iss": shown.iss,
        "sub": "c-1",
        "aud": HOST,
        "exp": NOW + 70,
        "iat": NOW + 10,
        "nbf": NOW + 10,
        "jti": "j-3",
        "scope": "orders:read",
        "roles": [],
    }
    assert isinstance(parse_claims(members, TokenKind.ASSERTION), Claims)
