"""What is noted of last uses: the newest of each, in bounded number, and nothing is lost twice."""

import pytest

from sidecar.core.lastuse import LastUse, Used

SESSION, PERSONAL = Used.SESSION, Used.PERSONAL


def filled(most: int, *names: str) -> tuple[LastUse, list[str]]:
    """Return a memory in which these were noted, and how often it said that it is full."""
    memory, full = LastUse(most), []
    memory.when_full = lambda: full.append("full")
    for at, name in enumerate(names):
        memory.note(SESSION, name, at)
    return memory, full


def test_the_last_use_of_each_is_kept_and_taken_once() -> None:
    memory, _ = filled(9, "a", "b", "a")
    assert memory.take(SESSION) == {"a": 2, "b": 1}
    assert memory.take(SESSION) == {}


def test_a_session_and_a_token_of_one_name_are_two() -> None:
    memory, _ = filled(9, "a")
    memory.note(PERSONAL, "a", 7)
    assert memory.take(PERSONAL) == {"a": 7}
    assert memory.take(SESSION) == {"a": 0}


@pytest.mark.parametrize(
    ("names", "kept", "told"),
    [("a", "a", 0), ("ab", "ab", 1), ("abc", "ab", 2), ("aba", "ab", 2), ("aaa", "a", 0)],
)
def test_whoever_is_one_too_many_is_not_noted_and_that_is_told(
    names: str, kept: str, told: int
) -> None:
    memory, full = filled(2, *names)
    assert (len(full), memory.take(SESSION)) == (told, {name: names.rindex(name) for name in kept})


def test_who_is_noted_already_is_noted_anew_although_there_is_no_room() -> None:
    memory, _ = filled(2, "a", "b")
    memory.note(SESSION, "a", 9)
    assert memory.take(SESSION) == {"a": 9, "b": 1}


def test_one_kind_takes_no_room_of_the_other() -> None:
    memory, full = filled(1)
    memory.note(PERSONAL, "p", 1)
    memory.note(SESSION, "s", 2)
    assert (memory.take(PERSONAL), memory.take(SESSION)) == ({"p": 1}, {"s": 2})
    assert full == ["full", "full"]


def test_what_is_given_back_is_older_than_what_was_noted_since() -> None:
    memory, _ = filled(9, "a", "b")
    taken = memory.take(SESSION)
    memory.note(SESSION, "a", 5)
    memory.give_back(SESSION, taken)
    assert memory.take(SESSION) == {"a": 5, "b": 1}


def test_what_is_given_back_finds_no_more_room_than_there_is() -> None:
    memory, _ = filled(2, "a", "b")
    taken = memory.take(SESSION)
    memory.note(SESSION, "c", 5)
    memory.give_back(SESSION, taken)
    assert memory.take(SESSION) == {"c": 5, "a": 0}


def test_a_full_memory_that_nobody_listens_to_goes_on() -> None:
    memory = LastUse(1)
    memory.note(SESSION, "a", 1)
    memory.note(SESSION, "b", 2)
    assert memory.take(SESSION) == {"a": 1}
