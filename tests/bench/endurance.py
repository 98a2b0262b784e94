"""Very many requests, a tenth of them with bad tokens, and how large the process has become.

    python -m tests.bench.endurance 10000000

prints the memory after each tenth, and exits 1 where it has grown since the first. It ends by
itself: a tenth that takes longer than four minutes fails.
"""

import tempfile
from pathlib import Path
from typing import Final

import click

from tests.bench.interrupted import run_to_its_end
from tests.bench.load import LoadFailed
from tests.bench.measure import CONNECTIONS
from tests.bench.memory import QUIET, STEPS, Flooded, Mix, flood_with_bad
from tests.bench.questions import Sealer
from tests.bench.report import MOST_GROWN
from tests.bench.servers import Cores, make_measured_service, pinned, serving_measured

MIX: Final = Mix(good=9, bad=1)
SECONDS: Final = 240  # at most, for a tenth


@click.command()
@click.argument("requests", type=click.IntRange(min=STEPS))
def main(requests: int) -> None:
    """Send so many REQUESTS."""
    flooded = run_to_its_end(_measure(requests))
    click.echo(f"{flooded.requests} requests, {flooded.bad} bad tokens; MB after each tenth:")
    click.echo("  ".join(f"{each:.2f}" for each in flooded.resident))
    click.echo(f"{flooded.grown:.2f} MB more than after the first, at most {MOST_GROWN}")
    raise SystemExit(0 if flooded.grown <= MOST_GROWN else 1)


async def _measure(requests: int) -> Flooded:
    cores = Cores.choose()
    with tempfile.TemporaryDirectory(prefix="sidecar-bench-") as name, pinned(cores.load):
        service = make_measured_service(Path(name) / "service", QUIET)
        async with serving_measured(service, cores.servers) as (server, _):
            sealer = Sealer.of(service.directory / "keys")
            flooded = await flood_with_bad(server, sealer, Path(name), MIX, requests, SECONDS)
    if flooded.requests < requests - STEPS * CONNECTIONS:  # of those under way nobody counts
        raise LoadFailed(f"{flooded.requests} of {requests} requests were answered in time")
    return flooded


if __name__ == "__main__":
    main()
