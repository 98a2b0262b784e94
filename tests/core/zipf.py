"""Traffic in which few are asked for often, and a flood of what is asked for once.

`python -m tests.core.zipf` prints hit rates of a cache of the gate's size.
"""

import random
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from sidecar.core.cache import BoundedCache

EXPONENTS: Final = (1.0, 1.1, 1.2)


def draw_traffic(tokens: int, exponent: float, requests: int) -> Sequence[int]:
    """Return who is asked for, the same each time: the n-th as often as 1 / n ** exponent."""
    often = list(accumulate(1 / rank**exponent for rank in range(1, tokens + 1)))
    draw = random.Random(7)  # noqa: S311 - no secret
    return draw.choices(range(tokens), cum_weights=often, k=requests)


def measure_hits(
    cache: BoundedCache[int, int], traffic: Sequence[int], flood: int, weight: int = 1
) -> float:
    """Return the share of hits among the last third; `flood` strangers come behind each request.

    They begin with the second third, each asked for once, and `weight` is what one weighs.
    """
    third = len(traffic) // 3
    hits = strangers = 0
    for turn, token in enumerate(traffic):
        if cache.get(token) is None:
            cache.put(token, 1)
        elif turn >= 2 * third:
            hits += 1
        for _ in range(flood if turn >= third else 0):
            strangers += 1
            if cache.get(-strangers) is None:
                cache.put(-strangers, weight)
    return hits / (len(traffic) - 2 * third)


def main() -> None:
    for exponent in EXPONENTS:
        traffic = draw_traffic(50_000, exponent, 450_000)
        for size in (4096, 16_384):
            rates = [measure_hits(BoundedCache(size), traffic, flood) for flood in (0, 1, 4)]
            print(exponent, 2 * size, *(f"{rate:.3f}" for rate in rates))  # noqa: T201 - its output


if __name__ == "__main__":
    main()
