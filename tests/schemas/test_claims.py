"""The schemas of the claims and the table that the gate judges by are one."""

from typing import Any, Final

import pytest
from hypothesis import example, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from sidecar.core.claims import (
    CLAIMS,
    LATEST_DATE,
    Claim,
    Shape,
    TokenKind,
    claims_members,
    parse_claims,
)
from sidecar.core.verdict import Deny, Reason
from sidecar.schemas.claims import CLAIMS_SCHEMAS
from tests.core.forge import make_claims

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
    changes=CHANGES,
    absent=st.sets(st.sampled_from(sorted(BY_NAME)), max_size=1),
)
@example(kind=TokenKind.SESSION, born=TokenKind.ACCESS, changes={}, absent=set())
@example(kind=TokenKind.ASSERTION, born=TokenKind.ACCESS, changes={}, absent=set())
@example(kind=TokenKind.ACCESS, born=TokenKind.ACCESS, changes={"exp": 0}, absent=set())
def test_a_payload_has_the_shape_of_claims_as_both_say(
    kind: TokenKind, born: TokenKind, changes: dict[str, Any], absent: set[str]
) -> None:
    members = claims_members(make_claims(born), born) | changes
    _agree({key: value for key, value in members.items() if key not in absent}, kind)
