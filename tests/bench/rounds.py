"""Rows in interleaved rounds: what slows the machine down for a while slows all of them."""

from collections.abc import Mapping, Sequence

from tests.bench.measure import Row, Spread, measure
from tests.bench.plan import Bench

Figures = Mapping[str, list[float]]  # of each row by its name, one for each round


async def measure_rounds(rows: Sequence[Row], bench: Bench, seconds: int | None = None) -> Figures:
    """Return microseconds of CPU for one request. Raises LoadFailed."""
    plan = bench.plan
    figures: dict[str, list[float]] = {row.name: [] for row in rows}
    for number in range(plan.rounds):
        bench.tell(f"round {number + 1} of {plan.rounds}")
        for row in rows:
            figures[row.name].append(await measure(row, seconds or plan.seconds, plan.most))
    return figures


def ratio(dear: Sequence[float], cheap: Sequence[float]) -> Spread:
    """Return the ratio round by round."""
    return Spread.of([each / other for each, other in zip(dear, cheap, strict=True)])


def spreads(figures: Figures) -> dict[str, Spread]:
    """Return the spread of each row."""
    return {name: Spread.of(each) for name, each in figures.items()}
