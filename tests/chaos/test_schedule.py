"""Faults are drawn from the seed alone."""

from itertools import pairwise
from typing import Final

import pytest

from tests.chaos.schedule import CALM_END, CALM_START, COLUMNS, ROUND, Fault, draw_schedule

SEEDS: Final = [0, 1, 2**31 - 1]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_seed_draws_the_same_faults_again(seed: int) -> None:
    assert draw_schedule(seed, 60) == draw_schedule(seed, 60)


def test_another_seed_draws_others() -> None:
    assert draw_schedule(1, 60) != draw_schedule(2, 60)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_minute_has_every_fault(seed: int) -> None:
    assert {each.fault for each in draw_schedule(seed, 60)} == set(Fault)


@pytest.mark.parametrize("name", COLUMNS)
def test_the_longest_faults_of_a_target_fit_into_a_round(name: str) -> None:
    column = COLUMNS[name]
    longest = sum(longest for _, longest in column.faults.values())
    assert column.decks * (longest + column.apart * len(column.faults)) < ROUND


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", COLUMNS)
def test_no_two_faults_of_a_target_are_planned_close_together(seed: int, name: str) -> None:
    planned = [each for each in draw_schedule(seed, 600) if each.target.startswith(name)]
    rounding = 0.02
    apart = COLUMNS[name].apart - rounding
    assert all(one.at + one.lasts + apart <= other.at for one, other in pairwise(planned))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_minute_begins_and_ends_calmly(seed: int) -> None:
    planned = draw_schedule(seed, 60)
    assert planned[0].at >= CALM_START
    assert planned[-1].at < 60 - CALM_END


@pytest.mark.parametrize("seed", SEEDS)
def test_at_most_one_replica_is_planned_to_be_away(seed: int) -> None:
    planned = [each for each in draw_schedule(seed, 600) if each.target.startswith("replica")]
    assert all(one.at + one.lasts < other.at for one, other in pairwise(planned))
    assert {each.target for each in planned} == {"replica 0", "replica 1", "replica 2"}
