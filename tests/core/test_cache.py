"""The cache is bounded, and what is asked for again stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.cache import BoundedCache
from tests.core.properties import QUICK


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
