"""What is read at a glance is what reading it as JSON and judging each claim finds."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sidecar.core.claims import (
    CLAIMS,
    GATE,
    LATEST_DATE,
    Claims,
    TokenKind,
    claims_members,
    judge_life,
    parse_claims,
)
from sidecar.core.spelled import read_spelled
from sidecar.core.token import _parse_object
from sidecar.core.verdict import Deny
from tests.core.forge import make_claims, make_program_claims
from tests.core.properties import THOROUGH

NAMES = [claim.name for claim in CLAIMS]
ODD = st.sampled_from(
    [
        *('"', "\\", '\\"', "\\u0041", ",", '","', "[", "]", "}", "\x7f", "\x00", "\n", " ", ""),
        *("é", "\u202e", "a" * 64, "a" * 65, "a" * 4096),
    ]
)
TEXTS = st.text(max_size=12) | ODD | st.builds("{}{}".format, st.text(max_size=3), ODD)
NUMBERS = st.sampled_from([0, -1, 1, 2**53 - 1, 2**53, LATEST_DATE, LATEST_DATE + 1, 10**11, 1.5])
VALUES = (
    TEXTS | NUMBERS | st.integers() | st.none() | st.booleans() | st.lists(TEXTS, max_size=4)
    | st.lists(NUMBERS, max_size=3) | st.just(["r"] * 257) | st.just(["r" * 64] * 65)
)  # fmt: skip


def _spell(members: object) -> bytes:
    text = json.dumps(members, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


def _judge(payload: bytes, kind: TokenKind) -> Claims | Deny | None:
    members = _parse_object(payload)
    return None if members is None else parse_claims(members, kind)


def _agrees(payload: bytes) -> bool:
    """Say whether it is read; what is read must be what JSON says."""
    read = read_spelled(payload)
    if read is not None:
        for kind in GATE:
            judged = _judge(payload, kind)
            assert judge_life(read, kind) == judged
            assert not isinstance(judged, Claims) or list(map(type, judged)) == list(
                map(type, read)
            )
    return read is not None


@pytest.mark.parametrize("kind", sorted(GATE))
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"email": None},
        {"name": None},
        {"email": None, "name": None},
        {"roles": ()},
        {"scope": "a b", "roles": ("a", "b c"), "aud": ("one", "two"), "amr": ("pwd", "otp")},
        {"epoch": (0, 0), "auth_time": 0},
    ],
)  # fmt: skip
def test_what_a_person_usually_has_is_read(kind: TokenKind, changes: dict[str, Any]) -> None:
    payload = _spell(claims_members(make_claims(kind)._replace(**changes), kind))
    assert _agrees(payload)
    assert isinstance(_judge(payload, kind), Claims)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        b"\xff",
        _spell(claims_members(make_program_claims(), TokenKind.ACCESS)),
        _spell(claims_members(make_claims()._replace(name="Zoë"), TokenKind.ACCESS)),
        _spell(claims_members(make_claims()._replace(sub="sidecar"), TokenKind.ACCESS)),
        _spell(claims_members(make_claims()._replace(roles=("r" * 64,) * 16), TokenKind.ACCESS)),
        _spell({**claims_members(make_claims(), TokenKind.ACCESS), "more": 1}),
        json.dumps(claims_members(make_claims(), TokenKind.ACCESS)).encode(),
    ],
)
def test_of_all_else_nothing_is_said(payload: bytes) -> None:
    assert read_spelled(payload) is None


@THOROUGH
@given(kind=st.sampled_from(sorted(GATE)), name=st.sampled_from(NAMES), value=VALUES)
@example(kind=TokenKind.ACCESS, name="roles", value=["r"] * 257)
@example(kind=TokenKind.ACCESS, name="roles", value=["r" * 64] * 65)
@example(kind=TokenKind.ACCESS, name="roles", value=["r" * 64] * 64)
@example(kind=TokenKind.ACCESS, name="exp", value=LATEST_DATE)
@example(kind=TokenKind.ACCESS, name="auth_time", value=LATEST_DATE + 1)
@example(kind=TokenKind.ACCESS, name="epoch", value=[2**53, 0])
@example(kind=TokenKind.ACCESS, name="aud", value="api")
@example(kind=TokenKind.SESSION, name="sub", value="sidecar")
def test_it_agrees_whatever_one_claim_is(kind: TokenKind, name: str, value: object) -> None:
    _agrees(_spell(claims_members(make_claims(kind), kind) | {name: value}))


GOOD = _spell(claims_members(make_claims(), TokenKind.ACCESS))


@THOROUGH
@given(
    place=st.integers(0, len(GOOD)),
    length=st.integers(0, 3),
    put=st.binary(max_size=3) | st.sampled_from([b'"', b"0", b"\\", b",", b'","', b'"exp":1,']),
)
def test_it_agrees_wherever_its_octets_are_spoiled(place: int, length: int, put: bytes) -> None:
    _agrees(GOOD[:place] + put + GOOD[place + length :])


@THOROUGH
@given(order=st.permutations(NAMES), twice=st.sampled_from(["", *NAMES]))
def test_members_that_stand_twice_or_elsewhere_are_not_read(order: list[str], twice: str) -> None:
    members = claims_members(make_claims(), TokenKind.ACCESS)
    spelled = [(name, members[name]) for name in order]
    spelled += [(twice, members[twice])] if twice else []
    text = ",".join(_spell({name: value}).decode()[1:-1] for name, value in spelled)
    assert _agrees(f"{{{text}}}".encode()) is (not twice and order == NAMES)
