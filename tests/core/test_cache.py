"""The cache is bounded, and what is asked for again stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.cache import BoundedCache
from tests.core.properties import QUICK
from tests.core.zipf import EXPONENTS, draw_traffic, measure_hits


def test_what_was_never_put_is_not_there() -> None:
    cache: BoundedCache[str, int] = BoundedCache(2)
    assert cache.get("a") is None
    assert len(cache) == 0


@pytest.mark.parametrize("size", [1, 2, 3])
def test_what_nobody_asks_for_is_forgotten_after_two_generations(size: int) -> None:
    cache: BoundedCache[int, int] = BoundedCache(size)
    cache.put(0, 7)
    for key in range(1, 2 * size + 1):
        cache.put(key, key)
    assert cache.get(0) is None


@pytest.mark.parametrize("size", [1, 2, 3])
def test_what_is_asked_for_again_outlives_a_flood(size: int) -> None:
    cache: BoundedCache[int, int] = BoundedCache(size)
    cache.put(0, 7)
    for key in range(1, 50):
        cache.put(key, key)
        assert cache.get(0) == 7


@QUICK
@given(size=st.integers(1, 4), keys=st.lists(st.integers(0, 9), max_size=40))
def test_it_never_holds_more_than_two_generations_nor_a_wrong_value(
    size: int, keys: list[int]
) -> None:
    cache: BoundedCache[int, str] = BoundedCache(size)
    for turn, key in enumerate(keys):
        if turn % 3 == 2:
            assert cache.get(key) in {None, str(key)}
        else:
            cache.put(key, str(key))
            assert cache.get(key) == str(key)
        assert len(cache) <= 2 * size


def weigh(_key: int, value: int) -> int:
    return value


@QUICK
@given(
    size=st.integers(1, 8),
    octets=st.integers(1, 30),
    asked=st.lists(st.tuples(st.booleans(), st.integers(0, 9), st.integers(0, 12)), max_size=80),
)
def test_it_never_weighs_more_than_it_may_nor_other_than_what_it_holds(
    size: int, octets: int, asked: list[tuple[bool, int, int]]
) -> None:
    cache = BoundedCache(size, octets, weigh)
    last: dict[int, int] = {}
    for puts, key, weight in asked:
        if puts:
            cache.put(key, weight)
            last[key] = weight
            assert cache.get(key) == (weight if weight <= octets else None)
        else:
            assert cache.get(key) in {None, last.get(key)}
        assert cache.weight <= octets
        assert len(cache) <= 2 * size
    held = {key: value for key in range(10) if (value := cache.get(key)) is not None}
    assert (len(cache), cache.weight) == (len(held), sum(held.values()))


def test_what_is_heavier_than_all_may_be_is_not_kept_and_pushes_nothing_out() -> None:
    cache = BoundedCache(4, 10, weigh)
    cache.put(1, 10)
    cache.put(2, 11)
    assert (cache.get(1), cache.get(2), cache.weight) == (10, None, 10)
    cache.put(1, 11)  # nor is what it would replace: that is over
    assert (cache.get(1), cache.weight) == (None, 0)


def test_a_value_is_replaced_wherever_it_is_kept() -> None:
    cache = BoundedCache(2, 100, weigh)
    for weight in (1, 2, 3):
        cache.put(1, weight)
        assert (cache.get(1), len(cache), cache.weight) == (weight, 1, weight)


def test_what_comes_back_soon_after_it_was_forgotten_is_not_new() -> None:
    cache: BoundedCache[int, int] = BoundedCache(10)
    for key in (*range(20), 100):
        cache.put(key, key)
    cache.put(0, 0)  # 100 pushed it out, and now it comes again
    for key in range(200, 300):
        cache.put(key, key)
    assert cache.get(0) == 0
    assert cache.get(1) is None


def test_an_old_entry_that_is_asked_for_outlives_those_that_are_not() -> None:
    cache: BoundedCache[int, int] = BoundedCache(10)
    for key in range(20):
        cache.put(key, key)
        cache.get(key)  # none of them is new any more
    for key in range(100, 125):
        cache.put(key, key)
        cache.get(key)
        assert cache.get(0) == 0
    assert cache.get(1) is None


@pytest.mark.parametrize("exponent", EXPONENTS)
def test_a_flood_of_what_is_asked_for_once_costs_few_hits(exponent: float) -> None:
    """One stranger and four for each request; the two generations of before lost 9 to 26 points."""
    traffic = draw_traffic(5000, exponent, 45_000)
    calm = measure_hits(BoundedCache(800), traffic, 0)
    assert calm > 0.8
    assert calm - measure_hits(BoundedCache(800), traffic, 1) < 0.03
    assert calm - measure_hits(BoundedCache(800), traffic, 4) < 0.05


def test_a_flood_of_what_is_heavy_and_asked_for_once_costs_few_hits() -> None:
    """As heavy as may be: the bound in entries is far away, and the one in octets holds."""
    traffic = draw_traffic(5000, 1.1, 45_000)
    calm = measure_hits(BoundedCache(5000, 1600, weigh), traffic, 0)
    flooded = measure_hits(BoundedCache(5000, 1600, weigh), traffic, 1, weight=16)
    assert calm - flooded < 0.05
