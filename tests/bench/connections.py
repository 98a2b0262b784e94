"""What a connection costs: TCP or a Unix socket, kept or a new one for each request.

nginx without `keepalive` makes a new one each time. wrk does not speak to Unix sockets, so all of
these rows are asked by one client of our own (client.py), and compare with each other only.
"""

from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tests.bench.load import UNIX, write_requests
from tests.bench.measure import CONNECTIONS, Row, Server, Spread
from tests.bench.plan import Bench
from tests.bench.questions import Sealer, render_mixed
from tests.bench.report import Limit, spread_lines
from tests.bench.rounds import measure_rounds, spreads
from tests.bench.servers import make_measured_service, pinned, serving_bare, serving_measured
from tests.bench.warm import look_at

SECONDS: Final = 1  # for each row of a round
GATE: Final = "gate.sock"
END: Final = b"\r\n\r\n"
CLOSE: Final = b"\r\nConnection: close" + END


@dataclass(frozen=True, slots=True)
class Connections:
    """Microseconds of CPU for a request, of each row."""

    rows: Mapping[str, Spread]

    def limits(self) -> Iterator[Limit]:
        """Yield nothing: whoever sets the gateway up chooses."""
        yield from ()

    def lines(self) -> Iterator[str]:
        """Yield the lines of the table."""
        yield from spread_lines("CPU for one request, by a client of our own, µs", self.rows)


async def measure_connections(bench: Bench) -> Connections:
    """Return the figures of kept and new connections. Raises LoadFailed."""
    cores, folder = bench.cores, bench.folder
    keys = folder / "keys"
    async with AsyncExitStack() as stack:
        stack.enter_context(pinned(cores.load))
        on_tcp = make_measured_service(folder / "tcp", keys=keys)
        # The listener of the gate alone, as the deployments have it.
        listen = {"server": {"gate_listen": f"{UNIX}{folder / GATE}"}}
        on_unix = make_measured_service(folder / "unix", listen, keys=keys)
        tcp, _ = await stack.enter_async_context(serving_measured(on_tcp, cores.servers))
        unix, _ = await stack.enter_async_context(serving_measured(on_unix, cores.servers))
        unix = replace(unix, url=f"{UNIX}{folder / GATE}")
        bare = await stack.enter_async_context(serving_bare(folder, cores.servers))
        sealer = Sealer.of(keys)
        people = range(bench.plan.tokens)
        kept = list(render_mixed(map(sealer.bearer, people)))
        for server in (tcp, unix):
            await look_at(server, kept[: len(people)])
        closed = [request.removesuffix(END) + CLOSE for request in kept]
        files = {
            "kept": write_requests(folder / "kept", kept),
            "a new one each time": write_requests(folder / "closed", closed),
        }
        rows = [
            _make_row(f"{name}, {how}", server, file, len(people) + CONNECTIONS)
            for how, file in files.items()
            for name, server in (
                ("bare aiohttp Application, TCP", bare),
                ("warm token, TCP", tcp),
                ("warm token, Unix socket", unix),
            )
        ]
        return Connections(spreads(await measure_rounds(rows, bench, SECONDS)))


def _make_row(name: str, server: Server, file: Path, first: int) -> Row:
    return Row(name, server, lambda: file, first=first, slowly=True)
