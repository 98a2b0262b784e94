"""What a process vouches for: never more than it has announced."""

from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.unannounced import Tick, Unannounced
from tests.core.properties import THOROUGH

LIFE, NEXT = "a" * 16, "b" * 16


def at(number: int, life: str = LIFE) -> Tick:
    return Tick(life, number)


def make(tick: int = 1, most: int = 3) -> Unannounced[str]:
    made = Unannounced[str](most)
    made.learn(at(tick))
    return made


def test_who_was_never_told_a_tick_vouches_for_nothing() -> None:
    made = Unannounced[str]()
    assert made.vouch() is None
    made.begin(["a"])
    made.learn(at(1))
    assert made.vouch() is None


def test_who_misses_nothing_vouches_for_the_last_tick() -> None:
    made = make(1)
    assert made.vouch() == at(1)
    made.learn(at(7))
    assert made.vouch() == at(7)


def test_what_is_under_way_or_failed_holds_the_tick_at_which_it_began() -> None:
    made = make(1)
    one = made.begin(["a"])
    made.learn(at(2))
    other = made.begin(["b"])
    made.learn(at(3))
    assert made.vouch() == at(1)
    made.fail(one)
    assert made.vouch() == at(1)
    made.end(one)
    assert made.vouch() == at(2)
    assert len(made) == 1
    made.end(other)
    assert made.vouch() == at(3)
    assert len(made) == 0


def test_what_failed_is_listed_oldest_first_and_in_a_bounded_number() -> None:
    made = make(1, most=10)
    numbers = [made.begin([name] * 2) for name in "abcd"]
    for number in numbers[:3]:
        made.fail(number)
    assert made.list_failed(4) == [(numbers[0], ("a", "a")), (numbers[1], ("b", "b"))]
    assert made.list_failed(1) == [(numbers[0], ("a", "a"))]  # never none, or it would stay
    made.end(numbers[0])
    made.end(numbers[0])
    assert [number for number, _ in made.list_failed(9)] == numbers[1:3]


def test_what_there_is_no_room_for_holds_its_tick_until_sql_has_had_it_announced() -> None:
    made = make(1, most=1)
    one = made.begin(["a"])
    made.fail(one)
    made.learn(at(2))
    two = made.begin(["b"])
    made.learn(at(3))
    three = made.begin(["c"])
    made.fail(two)
    made.fail(three)
    assert [number for number, _ in made.list_failed(9)] == [one]
    made.end(one)
    assert (made.vouch(), len(made)) == (at(2), 2)
    made.recover(1)  # of a look at SQL that began before the last was dropped
    assert made.vouch() == at(2)
    made.recover(2)
    assert (made.vouch(), len(made)) == (at(3), 0)
    made.fail(made.begin(["d"]))  # there is room again
    assert made.dropped == 0


def test_of_all_there_is_no_room_for_the_oldest_holds_its_tick() -> None:
    made = make(8, most=0)
    slow = made.begin(["a"])
    made.learn(at(10))
    made.fail(made.begin(["b"]))
    made.fail(slow)
    made.learn(at(12))
    assert made.vouch() == at(8)


def test_what_began_before_any_tick_and_has_no_room_is_vouched_for_by_nothing_later() -> None:
    made = Unannounced[str](0)
    made.fail(made.begin(["a"]))
    made.learn(at(1))
    made.fail(made.begin(["b"]))
    made.learn(at(2))
    assert made.vouch() is None


def test_a_redis_that_went_back_or_is_another_proves_nothing_about_what_waits() -> None:
    for tick in (at(4), at(9, NEXT)):
        made = make(5, most=1)
        numbers = [made.begin(["a"]), made.begin(["b"])]
        for number in numbers:
            made.fail(number)
        made.learn(tick)
        assert made.vouch() is None
        made.end(numbers[0])
        assert made.vouch() is None  # what was dropped waits as well
        made.recover(1)
        assert made.vouch() == tick


@THOROUGH
@given(st.lists(st.tuples(st.sampled_from(["begin", "fail", "end", "learn"]), st.integers(0, 5))))
def test_nobody_vouches_for_what_came_before_something_that_is_missing(
    steps: list[tuple[str, int]],
) -> None:
    made, tick = make(1, most=2), 1
    missing: dict[int, int] = {}  # the tick at the beginning of each, also of what was dropped
    dropped: set[int] = set()
    for step, which in steps:
        if step == "learn":
            tick += 1
            made.learn(at(tick))
        elif step == "begin":
            missing[made.begin([str(which)])] = tick
        elif known := [number for number in missing if number not in dropped]:
            number = known[which % len(known)]
            before = made.dropped
            if step == "end":
                made.end(number)
                del missing[number]
            elif number not in dict(made.list_failed(9)):
                made.fail(number)
                if made.dropped > before:
                    dropped.add(number)
        vouched = made.vouch()
        assert vouched is not None
        assert vouched.number <= min([tick, *missing.values()])
