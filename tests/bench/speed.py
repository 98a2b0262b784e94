"""Whether the lane is as cheap as it must be, and a start as quick, in a minute: `make speed`.

The best of each row in interleaved rounds counts: what else a machine does makes a figure worse,
nothing makes one better; the ratio of a single round can be too good as well.
"""

import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, NamedTuple

import click

from tests.bench.interrupted import run_to_its_end
from tests.bench.load import write_requests
from tests.bench.measure import Row, measure
from tests.bench.questions import PEOPLE, Sealer, render_mixed
from tests.bench.servers import (
    Cores,
    make_measured_service,
    pinned,
    serving_bare,
    serving_measured,
)
from tests.bench.starts import MOST as MOST_START
from tests.bench.starts import Starts, measure_starts
from tests.bench.warm import look_at

# Behind it, the lane is lost; how far it should be ahead on a machine of its own `make bench` says.
MOST: Final = 1.0
ROUNDS: Final = 9
TRIES: Final = 3  # so many times that at most: noise alone does not last
REQUESTS: Final = 10_000  # of each row in each round
SECONDS: Final = 2  # at most, for them


@click.command()
def main() -> None:
    """Compare a warm token with a bare handler, and a start with its imports; exit 1 if dearer."""
    compared, starts = run_to_its_end(_measure())
    for name, each in zip(Compared._fields, compared, strict=True):
        click.echo(f"{name}: {', '.join(f'{figure:.1f}' for figure in each)} µs")
    for name, each in zip(Starts._fields, starts, strict=True):
        click.echo(f"{name}: {', '.join(f'{figure:.2f}' for figure in each)} s")
    ratios = (
        f"{compared.ratio:.2f} times the bare handler, at most {MOST};"
        f" ready after {starts.ratio:.2f} times what its imports take, at most {MOST_START}"
    )
    if not (compared.holds and starts.holds):
        raise click.ClickException(ratios)
    click.echo(ratios)


class Compared(NamedTuple):
    """Microseconds of CPU for a request, of each round."""

    bare: Sequence[float]
    warm: Sequence[float]

    @property
    def ratio(self) -> float:
        """What a warm token costs, divided by what the bare handler does."""
        return min(self.warm) / min(self.bare)

    @property
    def holds(self) -> bool:
        """Say whether that is within the limit."""
        return self.ratio <= MOST


async def _measure() -> tuple[Compared, Starts]:
    cores = Cores.choose()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sidecar-bench-")))
        starts = await measure_starts(folder / "starts", cores.servers)
        stack.enter_context(pinned(cores.load))
        bare = await stack.enter_async_context(serving_bare(folder, cores.servers))
        service = make_measured_service(folder / "service")
        running = serving_measured(service, cores.servers)
        server, _ = await stack.enter_async_context(running)
        sealer = Sealer.of(service.directory / "keys")
        requests = list(render_mixed(map(sealer.bearer, range(PEOPLE))))
        await look_at(server, requests[:PEOPLE])
        file = write_requests(folder / "requests", requests)
        rows = [
            Row(name, each, lambda: file, most=REQUESTS)
            for name, each in (("bare", bare), ("warm", server))
        ]
        rounds: list[list[float]] = []
        while True:
            rounds += [[await measure(row, SECONDS) for row in rows] for _ in range(ROUNDS)]
            compared = Compared(*zip(*rounds, strict=True))
            if compared.holds or len(rounds) == TRIES * ROUNDS:
                return compared, starts


if __name__ == "__main__":
    main()
