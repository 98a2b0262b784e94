"""A sharded map holds what one dictionary would, and no shard of it gets large."""

from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.shards import SHARDS, Marks, ShardedMap
from tests.core.properties import ANY_TEXT, THOROUGH

NUMBERS = st.integers(0, 9) | st.integers(-3, 2**130)
ENTRIES = st.lists(st.tuples(ANY_TEXT, NUMBERS), max_size=30)


def _map_of(entries: list[tuple[str, int]]) -> ShardedMap:
    made = ShardedMap()
    for subject, number in entries:
        made.raise_to(subject, number)
    return made


def _plain(entries: list[tuple[str, int]]) -> dict[str, int]:
    plain: dict[str, int] = {}
    for subject, number in entries:
        plain[subject] = max(number, plain.get(subject, number))
    return plain


@THOROUGH
@given(entries=ENTRIES, asked=ANY_TEXT)
def test_it_holds_what_a_dictionary_would(entries: list[tuple[str, int]], asked: str) -> None:
    plain, sharded = _plain(entries), _map_of(entries)
    assert sharded == plain
    assert len(sharded) == len(plain)
    assert sorted(sharded) == sorted(plain)
    assert (asked in sharded) is (asked in plain)
    assert sharded.get(asked) == plain.get(asked)
    assert all(subject in sharded and sharded[subject] == plain[subject] for subject in plain)


@THOROUGH
@given(entries=ENTRIES, last=NUMBERS)
def test_what_is_put_in_place_of_another_stands(entries: list[tuple[str, int]], last: int) -> None:
    plain, sharded = _plain(entries), _map_of(entries)
    for subject, _ in entries:
        plain[subject] = sharded[subject] = last
    assert sharded == plain


@THOROUGH
@given(entries=ENTRIES, most=NUMBERS)
def test_what_is_above_a_number_stays(entries: list[tuple[str, int]], most: int) -> None:
    sharded = _map_of(entries)
    for place in range(SHARDS):
        sharded.drop(place, most)
    left = {subject: number for subject, number in _plain(entries).items() if number > most}
    assert sharded == left
    assert len(sharded) == len(left)


def test_no_shard_gets_large() -> None:
    sharded = _map_of([(f"s-{number}", number) for number in range(SHARDS * 200)])
    assert len(sharded) == SHARDS * 200
    sizes = sorted(map(len, sharded.shards))
    assert 100 < sizes[0] <= sizes[-1] < 300  # seven deviations of chance


def test_what_is_looked_up_may_be_nothing() -> None:
    sharded = _map_of([("None", 1)])
    assert None not in sharded
    assert "None" in sharded


@THOROUGH
@given(
    size=st.sampled_from([13, 15, 23]),
    entries=ENTRIES,
    most=NUMBERS,
    asked=ANY_TEXT,
)
def test_no_mark_is_missing(
    size: int, entries: list[tuple[str, int]], most: int, asked: str
) -> None:
    """Nor is one that stands for another place touched where one is made anew."""
    sharded, marks = _map_of(entries), Marks(size)
    assert asked not in marks
    for subject, _ in entries:
        marks.add(subject)
    for place in range(SHARDS):
        if sharded.drop(place, most):
            marks.renew(place, sharded.shards[place])
            assert all(subject in marks for subject in sharded)
    alone = Marks(size)
    for subject in sharded:
        alone.add(subject)
    assert alone.bits == marks.bits


def test_few_marks_are_shared() -> None:
    marks = Marks(15)
    for number in range(4096):
        marks.add(f"in-{number}")
    others = sum(f"out-{number}" in marks for number in range(10_000))
    assert 900 < others < 1450  # of 2**15 bits an eighth is set
