"""The turn of the keys: when the next is made, and until when others sign and are shown."""

from dataclasses import replace

import pytest

from sidecar.core.keyring import Algorithm, KeyDates, Purpose
from sidecar.core.turn import (
    FILES_KEPT,
    MOST_OF_PURPOSE,
    SETTLED,
    SIGNS_FOR,
    Haste,
    RingTurn,
    is_crowded,
    is_overdue,
    plan_turn,
)
from tests.core.forge import generate
from tests.core.rings import AFTER, AHEAD, EVERY, SCHEDULE, TOKEN, Ring, begins, plan

ED25519 = generate(Algorithm.EDDSA)


@pytest.mark.parametrize(
    ("now", "begin"),
    [
        (0, None),
        (EVERY - AHEAD - 2, None),
        (EVERY - AHEAD - 1, EVERY),  # `now` was rounded down: a second more is a whole AHEAD
        (EVERY - AHEAD, EVERY + 1),
        (EVERY, EVERY + AHEAD + 1),
        (50 * EVERY, 50 * EVERY + AHEAD + 1),
    ],
)
def test_the_next_key_is_published_ahead_and_signs_when_the_newest_is_old_enough(
    ring: Ring, now: int, begin: int | None
) -> None:
    turn = plan([ring.key("a", 0)], now)
    assert begins(turn) == ([] if begin is None else [begin])


def test_who_had_a_turn_signs_until_the_next_begins_and_is_shown_until_its_last_token_is_over(
    ring: Ring,
) -> None:
    turn = plan([ring.key("a", 0)], EVERY - AHEAD - 1)
    assert turn.redate == {"a": KeyDates(TOKEN, 0, EVERY, EVERY + AFTER)}
    (new,) = turn.make
    assert new.dates == KeyDates(TOKEN, EVERY, EVERY + SIGNS_FOR, EVERY + SIGNS_FOR + AFTER)
    assert turn.remove == frozenset()


def test_while_a_next_key_waits_no_other_is_made(ring: Ring) -> None:
    keys = [ring.key("a", 0, EVERY), ring.key("b", EVERY)]
    for now in range(EVERY - AHEAD - 1, EVERY + 3):
        assert not plan(keys, now)


def test_a_turn_that_was_cut_off_behind_the_new_key_is_completed(ring: Ring) -> None:
    for now in (EVERY - 50, EVERY, EVERY + 300):
        turn = plan([ring.key("a", 0), ring.key("b", EVERY)], now)
        assert turn.redate == {"a": KeyDates(TOKEN, 0, EVERY, EVERY + AFTER)}
        assert turn.make == ()


def test_of_two_keys_that_begin_in_one_second_the_last_by_name_stays(ring: Ring) -> None:
    turn = plan([ring.key("b", 0), ring.key("a", 0)], 5)
    assert turn.redate == {"a": KeyDates(TOKEN, 0, 1, 1 + AFTER)}


def test_the_keys_of_the_other_purpose_do_not_count(ring: Ring) -> None:
    cookie = ring.key("c", 500, purpose=Purpose.COOKIE)
    turn = plan([ring.key("a", 0), cookie], EVERY)
    assert begins(turn) == [EVERY + AHEAD + 1]
    assert turn.redate.keys() == {"a"}
    assert plan_turn([ring.key("a", 0)], Purpose.COOKIE, 0, SCHEDULE).make[0].dates.purpose is (
        Purpose.COOKIE
    )


@pytest.mark.parametrize("end", [700, 800])
def test_a_key_that_ends_by_itself_has_a_successor_in_time(ring: Ring, end: int) -> None:
    """One that an operator put there, with dates of its own: no moment is without a key."""
    keys = [ring.key("a", 0, end)]
    assert not plan(keys, end - AHEAD - 2)
    turn = plan(keys, end - AHEAD - 1)
    assert begins(turn) == [end]
    late = plan(keys, end - AHEAD + 10)
    assert begins(late) == [end + 11]
    assert late.redate["a"].sign_until == end + 11


@pytest.mark.parametrize(("now", "gone"), [(FILES_KEPT - 1, False), (FILES_KEPT, True)])
def test_the_files_of_a_retired_key_stay_for_a_day(ring: Ring, now: int, gone: bool) -> None:
    keys = [ring.key("a", -AFTER - 9, -AFTER), ring.key("b", now)]
    assert plan(keys, now, removing=True).remove == ({"a"} if gone else set())


@pytest.mark.parametrize("haste", Haste)
def test_no_files_go_by_a_clock_that_nobody_vouches_for(ring: Ring, haste: Haste) -> None:
    """All else that it has done wrong can be undone."""
    keys = [ring.key("a", -AFTER - 9, -AFTER), ring.key("b", 0)]
    assert plan(keys, 9 * FILES_KEPT, haste).remove == frozenset()


def test_a_new_key_is_of_the_type_of_the_newest(ring: Ring) -> None:
    old = ring.key("z", -500, 0)
    new = replace(ring.key("a", 0), public=ED25519.public_key(), private=ED25519)
    for keys in ([old, new], [old, replace(new, revoked=True)]):
        turn = plan_turn(keys, TOKEN, EVERY, SCHEDULE)
        assert [each.alg for each in turn.make] == [Algorithm.EDDSA]
    assert plan_turn([], TOKEN, 0, SCHEDULE).make[0].alg is Algorithm.RS256
    asked = plan_turn([new], TOKEN, 5, SCHEDULE, haste=Haste.ASKED, alg=Algorithm.ES256)
    assert asked.make[0].alg is Algorithm.ES256


def test_a_schedule_that_is_too_quick_fills_no_directory(ring: Ring) -> None:
    """Keys that still have to be shown; what a person asks for, and an emergency, is made."""
    last = MOST_OF_PURPOSE - 1
    keys = [ring.key(str(number), number, number + 1) for number in range(last)]
    keys.append(ring.key("last", last))
    assert len(keys) == MOST_OF_PURPOSE
    assert not plan(keys, last + EVERY)
    assert is_crowded(keys, TOKEN, last + EVERY, SCHEDULE)
    assert not is_crowded(keys, TOKEN, last + EVERY - 1, SCHEDULE)
    assert not is_crowded(keys[1:], TOKEN, last + EVERY, SCHEDULE)
    assert not is_crowded(keys, Purpose.COOKIE, last + EVERY, SCHEDULE)
    assert begins(plan(keys[1:], last + EVERY)) != []
    assert begins(plan(keys, last + EVERY, Haste.ASKED)) != []
    lost = [*keys[:-1], replace(keys[-1], revoked=True)]
    assert begins(plan(lost, last + EVERY)) == [last + EVERY + SETTLED + 1]


@pytest.mark.parametrize(
    ("now", "overdue"), [(0, False), (EVERY - 1, False), (EVERY, True), (9 * EVERY, True)]
)
def test_a_turn_is_overdue_once_the_next_key_should_sign(
    ring: Ring, now: int, overdue: bool
) -> None:
    keys = [ring.key("a", 0), ring.key("c", 400, purpose=Purpose.COOKIE)]
    assert is_overdue(keys, TOKEN, now, SCHEDULE) is overdue
    assert is_overdue([replace(keys[0], revoked=True)], TOKEN, now, SCHEDULE)
    assert not is_overdue([*keys, ring.key("b", now + 1)], TOKEN, now, SCHEDULE)


def test_turns_of_two_purposes_are_one(ring: Ring) -> None:
    keys = [ring.key("a", 0), ring.key("c", 0, purpose=Purpose.COOKIE)]
    both = plan(keys, EVERY) | plan_turn(keys, Purpose.COOKIE, EVERY, SCHEDULE)
    assert [new.dates.purpose for new in both.make] == [TOKEN, Purpose.COOKIE]
    assert both.redate.keys() == {"a", "c"}
    assert not RingTurn()
    assert RingTurn() | both == both
