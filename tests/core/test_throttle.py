"""How long the next attempt waits: the limits, their edges, and what no schedule gets around."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sidecar.core.throttle import (
    ADDRESS,
    FURTHEST_AHEAD,
    HOUR,
    KNOWN,
    SERVICE,
    USER,
    Blocked,
    Bucket,
    Delay,
    Tally,
    Throttled,
    Window,
    count,
    find_block,
    network_of,
    recall,
)
from tests.core.properties import QUICK

NOW = 1_800_000_000
DELAY = Delay(free=3, first=1, longest=10, quiet=60)
WINDOW = Window(most=2, length=60)


@pytest.mark.parametrize(
    ("tried", "waits"),
    [(1, 0), (2, 0), (3, 1), (4, 2), (5, 4), (6, 8), (7, 10), (8, 10), (10_000, 10)],
)
def test_after_the_free_attempts_each_waits_twice_as_long_up_to_the_longest(
    tried: int, waits: int
) -> None:
    tallies = {"user": Tally(tried, NOW - 50, NOW)}
    block = find_block([Bucket("user", DELAY)], tallies, NOW)
    assert block == (Blocked("user", NOW + waits) if waits else None)


@pytest.mark.parametrize(
    ("limit", "tally", "now", "blocked"),
    [
        (DELAY, Tally(3, NOW, NOW), NOW, True),
        (DELAY, Tally(3, NOW, NOW), NOW + 1, False),
        (DELAY, Tally(7, NOW, NOW), NOW + 9, True),
        (DELAY, Tally(7, NOW, NOW), NOW + 10, False),
        (DELAY, Tally(7, NOW, NOW), NOW - FURTHEST_AHEAD, True),
        (DELAY, Tally(7, NOW, NOW), NOW - FURTHEST_AHEAD - 1, False),
        (WINDOW, Tally(1, NOW, NOW), NOW, False),
        (WINDOW, Tally(2, NOW, NOW), NOW, True),
        (WINDOW, Tally(2, NOW, NOW + 59), NOW + 59, True),
        (WINDOW, Tally(2, NOW, NOW + 59), NOW + 60, False),
    ],
)
def test_a_wait_ends_with_its_last_second(
    limit: Delay | Window, tally: Tally, now: int, blocked: bool
) -> None:
    assert (find_block([Bucket("key", limit)], {"key": tally}, now) is not None) is blocked


@pytest.mark.parametrize(
    ("limit", "tally", "now", "counts"),
    [
        (DELAY, None, NOW, False),
        (DELAY, Tally(1, NOW, NOW), NOW, True),
        (DELAY, Tally(1, NOW - 500, NOW), NOW + 59, True),
        (DELAY, Tally(1, NOW - 500, NOW), NOW + 60, False),
        (DELAY, Tally(1, NOW, NOW), NOW - FURTHEST_AHEAD, True),
        (DELAY, Tally(1, NOW, NOW), NOW - FURTHEST_AHEAD - 1, False),
        (WINDOW, Tally(1, NOW, NOW + 59), NOW + 59, True),
        (WINDOW, Tally(1, NOW, NOW + 59), NOW + 60, False),
    ],
)
def test_a_tally_is_forgotten_after_a_quiet_time_and_a_window_at_its_end(
    limit: Delay | Window, tally: Tally | None, now: int, counts: bool
) -> None:
    assert (recall(limit, tally, now) is not None) is counts
    again = count(limit, tally, now)
    assert again.count == (tally.count + 1 if counts and tally is not None else 1)


def test_an_attempt_waits_for_the_bucket_that_takes_none_for_longest() -> None:
    buckets = [Bucket("service", DELAY), Bucket("user", DELAY), Bucket("address", DELAY)]
    tallies = {"service": Tally(3, NOW, NOW), "user": Tally(5, NOW, NOW)}
    assert find_block(buckets, tallies, NOW) == Blocked("user", NOW + 4)
    assert find_block(buckets, {}, NOW) is None
    assert find_block([], tallies, NOW) is None


def test_a_clock_that_is_behind_moves_nothing_back() -> None:
    assert count(DELAY, Tally(2, NOW, NOW + 5), NOW) == Tally(3, NOW, NOW + 5)


def test_a_refusal_is_false() -> None:
    assert not Throttled(1)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:ffff:ffff:ffff", "2001:db8::/64"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("::1", "::/64"),
    ],
)
def test_addresses_of_one_customer_count_as_one(address: str, network: str) -> None:
    assert network_of(address) == network


@dataclass
class Door:
    """Attempts at one person, as the stores count them, and who of them was let try."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    tried: list[int] = field(default_factory=list)

    def knock(self, buckets: Sequence[Bucket], now: int) -> Mapping[str, int] | None:
        """Return since when each tally runs in which this was counted, None where it may not."""
        if find_block(buckets, self.tallies, now) is not None:
            return None
        for bucket in buckets:
            before = self.tallies.get(bucket.key)
            self.tallies[bucket.key] = count(bucket.limit, before, now)
        return {bucket.key: self.tallies[bucket.key].since for bucket in buckets}

    def forgive(self, counted: Mapping[str, int]) -> None:
        for key, since in counted.items():
            tally = self.tallies[key]
            if tally.since == since:
                self.tallies[key] = Tally(tally.count - 1, since, tally.last)


# Who knocks how many seconds after the one before: a guesser, or the person, who is right, from
# elsewhere; and after how many further knocks the person's password has been checked.
KNOCKS = st.lists(
    st.tuples(st.integers(0, 5_000) | st.integers(0, 130), st.booleans(), st.integers(0, 3)),
    max_size=400,
)
HASTE = [(0, False, 0)] * 20 + [(1, False, 0)] * 3_600
PATIENCE = [(180, False, 0)] * 60
PAUSES = ([(0, False, 0)] * 20 + [(HOUR - 1, False, 0)]) * 4
HELPED = [(0, False, 0), (0, True, 1)] * 20 + [(1, False, 0), (0, True, 2)] * 1_800


@QUICK
@given(KNOCKS)
@example(HASTE)
@example(PATIENCE)
@example(PAUSES)
@example(HELPED)
def test_no_schedule_gives_guessers_fifty_tries_in_an_hour_whoever_succeeds_meanwhile(
    knocks: list[tuple[int, bool, int]],
) -> None:
    door, now = Door(), NOW
    pending: list[tuple[int, Mapping[str, int]]] = []
    buckets = [Bucket("user", USER)]
    for number, (pause, is_owner, later) in enumerate(knocks):
        now += pause
        for at, counted in [each for each in pending if each[0] <= number]:
            door.forgive(counted)
            pending.remove((at, counted))
        admitted = door.knock(buckets, now)
        if admitted is None:
            continue
        if is_owner:
            pending.append((number + later, admitted))
        else:
            door.tried.append(now)
    assert most_within(door.tried, HOUR) < 50


def most_within(times: Sequence[int], seconds: int) -> int:
    """Return how many of these fall into the fullest span of so many seconds."""
    most = first = 0
    for last, time in enumerate(times):
        while times[first] <= time - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


@QUICK
@given(KNOCKS)
@example(HASTE)
def test_a_known_device_that_guesses_has_no_more_than_a_stranger(
    knocks: list[tuple[int, bool, int]],
) -> None:
    door, now = Door(), NOW
    for pause, _, _ in knocks:
        now += pause
        if door.knock([Bucket("known", KNOWN)], now) is not None:
            door.tried.append(now)
    assert most_within(door.tried, HOUR) < 50


@pytest.mark.parametrize(
    ("limit", "most"), [(USER, 46), (KNOWN, 46), (ADDRESS, 153), (SERVICE, 4_600)]
)
def test_who_asks_every_second_is_let_try_so_often_in_an_hour(limit: Delay, most: int) -> None:
    door = Door()
    for second in range(HOUR):
        while len(door.tried) < 10_000 and door.knock([Bucket("key", limit)], NOW + second):
            door.tried.append(second)
    assert len(door.tried) in range(most - 2, most + 1)


@QUICK
@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_more_attempts_never_wait_less(fewer: int, more: int) -> None:
    few, many = sorted((fewer, more))
    waits = [USER.next_at(Tally(number, NOW, NOW)) for number in (few, many)]
    assert waits[0] <= waits[1] <= NOW + USER.longest


def test_a_limit_forgets_no_sooner_than_it_lets_go() -> None:
    for limit in (USER, KNOWN, ADDRESS, SERVICE):
        assert limit.quiet > limit.longest
    assert all(one <= other for one, other in pairwise((USER.free, ADDRESS.free, SERVICE.free)))
