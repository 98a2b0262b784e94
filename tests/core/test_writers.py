"""As of when Redis is fresh: as the most silent of all who write revocations has it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core import writers as module
from sidecar.core.unannounced import Tick
from sidecar.core.writers import (
    KEEP_WORD,
    LONGEST_GAP,
    MARK,
    SILENCE,
    TOLD_AFTER,
    Silent,
    Word,
    Writers,
)
from tests.core.properties import THOROUGH

LIFE, NEXT = "a" * 16, "b" * 16
OWN, OTHER, THIRD = (f"{MARK}{number:012x}" for number in range(3))
ENDED = Word(None, 0, "", ended=True)


def word(vouched: int | None, number: int = 0, life: str = LIFE) -> Word:
    tick = None if vouched is None else Tick(life, vouched)
    return Word(tick, number or (vouched or 0), "host/1")


def hear(writers: Writers, began: float, tick: int, life: str = LIFE, **words: Word) -> None:
    """Read at this second; `own`, `other` and `third` are the words."""
    names = {"own": OWN, "other": OTHER, "third": THIRD}
    named = {names[name]: each for name, each in words.items()}
    writers.hear_words(began, Tick(life, tick), named)


def made() -> Writers:
    """Return writers of whom both vouched for tick 11, which came between second 10 and 11."""
    writers = Writers(OWN, "here/7")
    hear(writers, 10, 10, own=word(None, 1), other=word(None, 1))
    hear(writers, 11, 12, own=word(11), other=word(11))
    return writers


def read_sql(writers: Writers, since: float, until: float) -> None:
    """Have SQL be read well from one second to the other."""
    at = since
    while at < until:
        writers.hear_sql(at)
        at += 1
    writers.hear_sql(until)


def test_redis_is_fresh_as_of_the_read_that_lacked_the_tick_that_all_vouch_for() -> None:
    assert made().fresh_as_of(12) == 10


def test_a_read_that_began_before_that_is_as_fresh_as_it_began() -> None:
    assert made().fresh_as_of(9) == 9


def test_redis_says_nothing_before_this_process_has_vouched_itself() -> None:
    writers = Writers(OWN)
    assert writers.fresh_as_of(10) is None
    hear(writers, 10, 10, other=word(None, 1))
    hear(writers, 11, 12, other=word(11))
    assert writers.fresh_as_of(11) is None


def test_one_that_falls_silent_stops_it_and_the_others_do_not_help() -> None:
    writers = made()
    for second in range(12, 20):
        hear(writers, second, second + 2, own=word(second + 1), other=word(11))
    assert writers.fresh_as_of(20) == 10


def test_a_word_that_vouches_for_the_same_tick_again_and_again_proves_nothing_new() -> None:
    """Whoever could not announce something says so: alive, and stuck."""
    writers = made()
    for second in range(12, 20):
        hear(writers, second, second + 2, own=word(second + 1), other=word(11, second))
    assert writers.fresh_as_of(20) == 10


def test_one_that_goes_on_makes_it_fresh_again() -> None:
    writers = made()
    hear(writers, 30, 50, own=word(49), other=word(11))
    hear(writers, 31, 52, own=word(51), other=word(51))
    assert writers.fresh_as_of(31) == 30


@pytest.mark.parametrize(
    "vouched",
    [
        word(99),  # beyond what Redis has counted
        word(20, life=NEXT),
        word(None, 7),
        word(2),  # before every read that is remembered
    ],
    ids=["of the future", "of another life", "for nothing", "too long ago"],
)
def test_such_a_word_proves_nothing(vouched: Word) -> None:
    writers = made()
    hear(writers, 30, 50, own=word(49), other=vouched)
    assert writers.fresh_as_of(30) == 10


@pytest.mark.parametrize(
    ("life", "tick"), [(NEXT, 900), (LIFE, 3)], ids=["emptied", "failed over to an older one"]
)
def test_reads_of_another_redis_are_compared_with_nothing(life: str, tick: int) -> None:
    writers = made()
    hear(writers, 20, tick, life, own=word(tick - 1, life=life), other=word(tick - 1, life=life))
    assert writers.fresh_as_of(20) == 10
    new = word(tick + 1, life=life)
    hear(writers, 21, tick + 2, life, own=new, other=new)
    assert writers.fresh_as_of(21) == 20


def test_a_redis_without_words_is_no_proof_for_those_who_are_known() -> None:
    writers = made()
    writers.hear_words(20, None, {})
    hear(writers, 21, 1, NEXT, own=word(None, 9))
    assert writers.fresh_as_of(21) == 10


def test_one_that_ended_in_good_order_holds_nothing_up() -> None:
    writers = made()
    hear(writers, 12, 14, own=word(13), other=ENDED)
    assert writers.fresh_as_of(12) == 11
    writers.hear_canary(OTHER, 5, 13)  # which SQL brings later
    hear(writers, 13, 15, own=word(13), other=word(None, 99))  # which was held up on its way
    hear(writers, 14, 16, own=word(15), other=ENDED)
    assert (writers.fresh_as_of(14), len(writers)) == (12, 1)


def test_one_that_never_reached_redis_is_known_by_its_canaries() -> None:
    writers = made()
    writers.hear_canary(THIRD, 5, 11)
    assert writers.fresh_as_of(12) is None
    read_sql(writers, 12, 12 + SILENCE - 1)
    writers.hear_canary(THIRD, 6, 12 + SILENCE - 1)
    read_sql(writers, 12 + SILENCE, 12 + SILENCE)
    assert writers.fresh_as_of(100) is None


def test_canaries_of_versions_that_do_not_vouch_hold_nothing_up() -> None:
    writers = made()
    writers.hear_canary("0123456789abcdef", 5, 11)
    assert writers.fresh_as_of(12) == 10


def test_one_that_is_silent_while_sql_is_read_is_forgotten() -> None:
    writers = made()
    writers.hear_canary(OTHER, 5, 12)
    read_sql(writers, 11, 12 + SILENCE - 0.1)
    assert len(writers) == 2
    writers.hear_sql(12 + SILENCE)
    assert len(writers) == 1
    # What it said and released before does not bring it back, what it says now does.
    hear(writers, 90, 200, own=word(199), other=word(11))
    writers.hear_canary(OTHER, 5, 91)
    assert (writers.fresh_as_of(91), len(writers)) == (11, 1)
    writers.hear_canary(OTHER, 6, 92)
    assert len(writers) == 2


def test_one_that_was_forgotten_and_speaks_again_counts_again() -> None:
    writers = made()
    read_sql(writers, 11, 11 + SILENCE)
    assert len(writers) == 1
    hear(writers, 90, 200, own=word(199), other=word(11, 99))
    assert len(writers) == 2


def test_one_that_was_forgotten_may_have_ended_after_all() -> None:
    writers = made()
    read_sql(writers, 11, 11 + SILENCE)
    hear(writers, 90, 200, own=word(199), other=ENDED)
    writers.hear_canary(OTHER, 6, 92)
    assert len(writers) == 1


def test_one_that_was_forgotten_is_known_by_its_name_all_the_same() -> None:
    writers = made()
    assert writers.knows(OWN)
    assert writers.knows(OTHER)
    assert not writers.knows(THIRD)
    read_sql(writers, 12, 12 + 2 * SILENCE)
    assert len(writers) == 1
    assert writers.knows(OTHER)


def test_while_sql_is_away_nobody_is_forgotten() -> None:
    writers = made()
    read_sql(writers, 11, 40)
    writers.hear_sql(40 + LONGEST_GAP + 0.1)
    read_sql(writers, 42.1, 42 + SILENCE)
    assert len(writers) == 2
    read_sql(writers, 42 + SILENCE, 43 + SILENCE)
    assert len(writers) == 1


def test_this_process_is_never_forgotten() -> None:
    writers = made()
    hear(writers, 12, 14, own=ENDED)
    read_sql(writers, 11, 20 + SILENCE)
    assert writers.fresh_as_of(99) == 10


def test_more_than_can_be_told_apart_make_redis_alone_not_fresh(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST_WRITERS", 2)
    writers = made()
    hear(writers, 12, 14, own=word(13), other=word(13), third=word(13))
    assert writers.fresh_as_of(12) is None
    read_sql(writers, 12, 12 + SILENCE)
    hear(writers, 80, 90, own=word(89), other=word(89, 1))
    assert writers.fresh_as_of(80) == 12


def test_more_words_than_are_read_make_redis_alone_not_fresh() -> None:
    writers = made()
    writers.hear_too_many(12)
    assert writers.fresh_as_of(12) is None


def test_the_words_of_who_is_gone_are_dropped_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    writers = made()
    hear(writers, 12, 14, own=word(13), other=ENDED, third=ENDED)
    assert writers.list_over(12 + KEEP_WORD) == []
    assert writers.list_over(12.1 + KEEP_WORD) == [OTHER, THIRD]
    hear(writers, 13, 15, own=word(14), other=ENDED)
    assert writers.list_over(12.1 + KEEP_WORD) == [OTHER]
    monkeypatch.setattr(module, "MOST_GONE", 1)
    hear(writers, 14, 16, own=word(15), other=ENDED)
    fourth = f"{MARK}{9:012x}"
    writers.hear_words(15, Tick(LIFE, 17), {fourth: ENDED})
    assert writers.list_over(20 + KEEP_WORD) == [fourth]


def test_who_is_silent_is_told_by_host_and_process() -> None:
    writers = made()
    writers.hear_canary(THIRD, 5, 11)
    assert writers.list_silent(10 + TOLD_AFTER) == [Silent(THIRD, "", None)]
    assert writers.list_silent(20) == [
        Silent(THIRD, "", None),
        Silent(OWN, "here/7", 10),
        Silent(OTHER, "host/1", 10),
    ]


STEPS = st.lists(
    st.tuples(st.integers(1, 3), st.integers(0, 4), st.integers(0, 4), st.booleans()), max_size=20
)


@THOROUGH
@given(STEPS, st.integers(0, 30))
def test_more_silent_writers_never_make_it_fresher(
    steps: list[tuple[int, int, int, bool]], silent: int
) -> None:
    """Each step: how much time goes by, how far back each vouches, and whether SQL is read.

    Redis counts one tick a second, from 5 on: nothing is fresher than what was vouched for.
    """
    few, many = Writers(OWN), Writers(OWN)
    for number in range(silent):
        many.hear_canary(f"{MARK}{number + 10:012x}", 1, 0)
    second, tick, vouched = 0.0, 5, 0
    for passed, own, other, sql in steps:
        second, tick = second + passed, tick + passed
        words = {OWN: word(max(1, tick - own), tick), OTHER: word(max(1, tick - other), tick)}
        for writers in (few, many):
            writers.hear_words(second, Tick(LIFE, tick), words)
            if sql:
                writers.hear_sql(second)
        with_few, with_many = few.fresh_as_of(second), many.fresh_as_of(second)
        assert with_many is None or (with_few is not None and with_many <= with_few)
        vouched = max(vouched, tick - other)
        assert with_few is None or with_few <= vouched - 5
