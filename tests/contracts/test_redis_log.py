"""What lies in Redis is judged before it is believed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.revocation import Level, Revocation
from sidecar.stores.redis.log import (
    LARGEST_EPOCH,
    LATEST_SCORE,
    LONGEST_MEMBER,
    Position,
    decode_member,
    encode_member,
    follow,
    is_filled,
    is_rewind,
    read_head,
    read_position,
)

IDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=64)
REVOCATIONS = st.builds(
    Revocation,
    level=st.sampled_from([level for level in Level if level is not Level.EVERYONE]),
    subject=IDS,
    epoch=st.integers(0, LARGEST_EPOCH),
    forget_at=st.integers(0, LATEST_SCORE),
) | st.builds(
    Revocation,
    level=st.just(Level.EVERYONE),
    subject=st.just(""),
    epoch=st.integers(0, LARGEST_EPOCH),
    forget_at=st.integers(0, LATEST_SCORE),
)
HERE = Position("one", 7, "5-0")


@given(REVOCATIONS)
def test_what_was_written_is_read_again(revocation: Revocation) -> None:
    member = encode_member(revocation)
    assert decode_member(member, float(revocation.forget_at)) == revocation
    assert decode_member(member, str(revocation.forget_at)) == revocation


@given(st.text(max_size=300), st.floats() | st.text(max_size=30))
def test_any_text_is_a_revocation_or_nothing(member: str, forget_at: float | str) -> None:
    revocation = decode_member(member, forget_at)
    assert revocation is None or encode_member(revocation) == member


@pytest.mark.parametrize(
    ("member", "forget_at"),
    [
        ("", 1.0),
        ("token", 1.0),
        ("token 0", 1.0),
        ("token 0 ", 1.0),
        ("device 0 a", 1.0),
        ("key 0 ", 1.0),
        ("TOKEN 0 a", 1.0),
        ("token  a", 1.0),
        ("token -1 a", 1.0),
        ("token +1 a", 1.0),
        ("token 1_0 a", 1.0),
        ("token 01 a", 1.0),
        ("token \u0661 a", 1.0),
        ("token 0.0 a", 1.0),
        (f"user {LARGEST_EPOCH + 1} a", 1.0),
        ("everyone 1 a", 1.0),
        ("everyone 1", 1.0),
        ("token 0 " + "a" * LONGEST_MEMBER, 1.0),
        ("token 0 a", -1.0),
        ("token 0 a", float("inf")),
        ("token 0 a", float("nan")),
        ("token 0 a", 2.0 * LATEST_SCORE),
        ("token 0 a", ""),
        ("token 0 a", "1.5"),
        ("token 0 a", "9" * 5000),
    ],
)
def test_what_we_never_wrote_is_nothing(member: str, forget_at: float | str) -> None:
    assert decode_member(member, forget_at) is None


def test_the_next_sequence_of_the_same_incarnation_follows() -> None:
    assert follow(HERE, "9-1", {"incarnation": "one", "sequence": "8"}) == Position("one", 8, "9-1")


@pytest.mark.parametrize(
    "fields",
    [
        {"incarnation": "one", "sequence": "7"},
        {"incarnation": "one", "sequence": "9"},
        {"incarnation": "two", "sequence": "8"},
        {"incarnation": "one", "sequence": "08"},
        {"incarnation": "one", "sequence": "eight"},
        {"incarnation": "one"},
        {"sequence": "8"},
    ],
)
def test_a_gap_a_rewind_or_another_incarnation_does_not_follow(fields: dict[str, str]) -> None:
    assert follow(HERE, "9-1", fields) is None


def test_what_bears_no_mark_of_ours_is_passed_over() -> None:
    assert follow(HERE, "9-1", {"any": "thing"}) == Position("one", 7, "9-1")


@pytest.mark.parametrize(
    "meta", [(None, None), ("one", None), (None, "7"), ("", "7"), ("one", "-7"), ("one", "x")]
)
def test_a_log_that_nobody_founded_has_no_incarnation(meta: tuple[str | None, str | None]) -> None:
    assert read_position(meta, "5-0") == Position("", 0, "5-0")


@pytest.mark.parametrize(
    ("later", "continues"),
    [
        (Position("one", 7, "5-0"), True),
        (Position("one", 8, "0-0"), True),
        (Position("one", 6, "6-0"), False),
        (Position("two", 7, "5-0"), False),
        (Position("", 0, "0-0"), False),
    ],
)
def test_only_the_same_incarnation_no_earlier_continues(later: Position, continues: bool) -> None:
    assert later.continues(HERE) is continues


@pytest.mark.parametrize(
    ("marks", "sequence"),
    [
        ({"incarnation": "one", "sequence": "9"}, 9),
        ({"incarnation": "one", "sequence": "7"}, 7),
        ({"incarnation": "one", "sequence": "6"}, 7),
        ({"incarnation": "two", "sequence": "9"}, 7),
        ({"any": "thing"}, 7),
    ],
)
def test_an_entry_that_came_behind_the_hash_says_where_the_head_is(
    marks: dict[str, str], sequence: int
) -> None:
    assert read_head(("one", "7"), [("6-0", marks)]) == Position("one", sequence, "6-0")


def test_a_stream_without_entries_is_read_from_its_start() -> None:
    assert read_head(("one", "7"), []) == Position("one", 7, "0-0")


@pytest.mark.parametrize(
    ("fields", "rewind"),
    [
        ({"incarnation": "one", "sequence": "7"}, True),
        ({"incarnation": "one", "sequence": "1"}, True),
        ({"incarnation": "one", "sequence": "8"}, False),
        ({"incarnation": "one", "sequence": "9"}, False),  # a gap: it was trimmed
        ({"incarnation": "two", "sequence": "1"}, False),
        ({"incarnation": "one", "sequence": "x"}, False),
        ({"incarnation": "one"}, False),
        ({"any": "thing"}, False),
    ],
)
def test_an_entry_in_the_place_of_one_that_was_read_proves_that_the_log_went_back(
    fields: dict[str, str], rewind: bool
) -> None:
    assert is_rewind(HERE, fields) is rewind
    assert not is_rewind(Position("", 0, "0-0"), fields)


@pytest.mark.parametrize(
    ("head", "filled"),
    [
        (("one", "7", "one"), True),
        (("one", "7", None), False),
        (("two", "7", "one"), False),  # the mark of the log before
        ((None, None, None), False),
        (("", "7", ""), False),
    ],
)
def test_a_log_is_filled_where_the_mark_is_its_own(
    head: tuple[str | None, ...], filled: bool
) -> None:
    assert is_filled(head) is filled
