"""The schemas of the claims and the table that the gate judges by are one."""

from typing import Any, Final

import pytest
from hypothesis import example, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from sidecar.core.claims import (
    CLAIMS,
    LATEST_DATE,
    OF_PROGRAMS,
    PERSONAL,
    Claim,
    Shape,
    TokenKind,
    claims_members,
    parse_claims,
)
from sidecar.core.verdict import Deny, Reason
from sidecar.schemas.claims import CLAIMS_SCHEMAS
from tests.core.forge import make_claims, make_program_claims

KINDS: Final = list(TokenKind)
BY_NAME: Final = {claim.name: claim for claim in CLAIMS}


def _agree(members: dict[str, Any], kind: TokenKind) -> bool:
    """Return whether the members have the shape of this kind's claims, as both say."""
    judged = parse_claims(members, kind) != Deny(Reason.CLAIMS_INVALID)
    assert (CLAIMS_SCHEMAS[kind].validate(members) == {}) is judged
    return judged


@pytest.mark.parametrize("kind", KINDS)
def test_the_claims_of_a_good_token_pass(kind: TokenKind) -> None:
    assert _agree(claims_members(make_claims(kind), kind), kind)


@pytest.mark.parametrize("kind", KINDS)
def test_the_claims_of_a_program_pass_where_a_program_may_have_such_a_token(
    kind: TokenKind,
) -> None:
    members = claims_members(make_program_claims(kind), kind)
    assert _agree(members, kind) is (kind in OF_PROGRAMS)
    for name in PERSONAL:
        value = getattr(make_claims(kind), name)
        mixed = {**members, name: list(value) if type(value) is tuple else value}
        assert not _agree(mixed, kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", BY_NAME)
def test_a_claim_is_asked_for_by_its_kinds_and_refused_by_the_others(
    name: str, kind: TokenKind
) -> None:
    members = claims_members(make_claims(kind), kind)
    absent = {key: value for key, value in members.items() if key != name}
    claim = BY_NAME[name]
    assert _agree(absent, kind) is (kind not in claim.kinds or not claim.required)
    access = claims_members(make_claims(TokenKind.ACCESS), TokenKind.ACCESS)
    present = {**members, name: access.get(name, "text")}
    assert _agree(present, kind) is (kind in claim.kinds)


def _edges(claim: Claim) -> list[object]:
    bound = claim.bound
    match claim.shape:
        case Shape.TEXT:
            return ["", "a", "a" * bound, "a" * (bound + 1), "\u200b", "a\nb", "\ud800"]
        case Shape.DATE:
            return [-1, 0, bound, bound + 1, 1.0, True, "1", 2**63]
        case Shape.EPOCH:
            return [[], [0], [0, 0], [0, 0, 0], [bound, bound], [0, bound + 1], [0, -1], [0, True]]
        case Shape.TEXTS | Shape.AUDIENCE:
            return [
                *([], [""], ["a"], "a", "", ["a" * bound], ["a" * (bound + 1)], ["a", 1]),
                *(["a"] * 256, ["a"] * 257, ["a" * 32] * 128, [*["a" * 32] * 128, "a"]),
                *([["a"]], {"a": 1}, ["\x7f"], [None]),
            ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_both_have_the_same_bounds(claim: Claim, kind: TokenKind) -> None:
    members = claims_members(make_claims(kind), kind)
    answers = {
        _agree({**members, claim.name: value}, kind)
        for value in [*_edges(claim), None, {}, False, 1.5]
    }
    assert answers == ({True, False} if kind in claim.kinds else {False})


def test_what_the_table_does_not_name_is_ignored() -> None:
    members = claims_members(make_claims(), TokenKind.ACCESS)
    assert _agree({**members, "azp": None, "": [], "ISS": 1}, TokenKind.ACCESS)


TEXTS: Final = st.text(max_size=4) | st.sampled_from(["a" * 64, "a" * 65, "\u202e", "\ud800", "\0"])
NUMBERS: Final = st.sampled_from([-1, 0, 1, 1.0, 2**53 - 1, 2**53, LATEST_DATE, LATEST_DATE + 1])
VALUES: Final = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)
CHANGES: Final = st.dictionaries(st.sampled_from([*BY_NAME, "azp"]), VALUES, max_size=3)


@effort(deadline=None, max_examples=500)
@given(
    kind=st.sampled_from(KINDS),
    born=st.sampled_from(KINDS),
    program=st.booleans(),
    changes=CHANGES,
    absent=st.sets(st.sampled_from(sorted(BY_NAME)), max_size=1),
    personal=st.sets(st.sampled_from(sorted(PERSONAL))),
    same=st.booleans(),
)
@example(TokenKind.SESSION, TokenKind.ACCESS, False, {}, set(), set(), False)
@example(TokenKind.ASSERTION, TokenKind.ACCESS, False, {}, set(), set(), False)
@example(TokenKind.ACCESS, TokenKind.ACCESS, False, {"exp": 0}, set(), set(), False)
@example(TokenKind.ACCESS, TokenKind.ACCESS, False, {}, set(), set(PERSONAL), True)
@example(TokenKind.SESSION, TokenKind.SESSION, False, {}, set(), set(PERSONAL), True)
@example(TokenKind.ACCESS, TokenKind.ACCESS, False, {}, set(), set(), True)
@example(TokenKind.ACCESS, TokenKind.ACCESS, True, {"sub": "c-2"}, set(), set(), False)
def test_a_payload_has_the_shape_of_claims_as_both_say(
    kind: TokenKind,
    born: TokenKind,
    program: bool,
    changes: dict[str, Any],
    absent: set[str],
    personal: set[str],
    same: bool,
) -> None:
    members = claims_members((make_program_claims if program else make_claims)(born), born)
    members |= changes
    if same and "client_id" in members and "sub" in members:
        members["client_id"] = members["sub"]
    lacking = absent | personal
    _agree({key: value for key, value in members.items() if key not in lacking}, kind)
