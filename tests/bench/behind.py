"""How much of a gateway's rate is left when it asks us, rather than an empty 200.

    python -m tests.bench.behind [--short]

Each gateway runs with what `sidecar gateway` writes, three times: it asks the service; a server
that says nothing but an empty 200; and one that says what the service says, but always the same.
The last shows what it costs the gateway itself to take an identity over and to pass it on: no
service could be quicker.

Who is asked has the core of the servers alone. The gateway, the application behind it and wrk share
the other one, which is the one that is full: the gateway is the bottleneck, as it is in front of
real applications. Where gateway and service share their cores, what both cost counts, and stands in
the table too.
"""

import runpy
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final, NamedTuple

from tests.bench import canned
from tests.bench.load import LoadFailed, ask, send, write_requests
from tests.bench.measure import CONNECTIONS, Server, Spread, cpu_seconds
from tests.bench.plan import Bench
from tests.bench.questions import AREAS, HOST, Sealer, render
from tests.bench.report import MOST_BEHIND, Limit, line, title
from tests.bench.servers import PYTHON, make_measured_service, pinned, serving_measured
from tests.bench.warm import IDENTITY
from tests.programs.gateways import GATEWAYS, guarding
from tests.programs.process import free_port, running
from tests.programs.service import Service
from tests.programs.upstream import Upstream

JUDGED: Final = ("nginx", "traefik")
CLIENTS: Final = 100  # so few that sealing their assertions anew takes no time
TURNS: Final = 10  # paths that each of them asks for
SECONDS: Final = 1  # for each row in a round; there are many rows

EMPTY: Final = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{}\r\n"
APPLICATION: Final = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
NAMING: Final = "haproxy"  # its Lua takes no 200 for an allow that lacks the names of an identity


class Asked(Enum):
    """Who is asked by a gateway."""

    EMPTY = "an empty 200"
    SAME = "our answer, always the same"
    OURS = "the service"


class Round(NamedTuple):
    """Requests in a second, and the microseconds of CPU for each."""

    rate: float
    gateway: float
    asked: float


@dataclass(frozen=True, slots=True)
class Row:
    """A gateway by who it asks.

    `rate` is requests in a second, `left` is that divided by the rate by an empty 200, round by
    round; `gateway` and `asked` are the microseconds of CPU that both cost for a request.
    """

    rate: float
    left: Spread
    gateway: float
    asked: float

    @classmethod
    def of(cls, rounds: Sequence[Round], empty: Sequence[Round]) -> "Row":
        """Return the row of these rounds."""
        left = [each.rate / other.rate for each, other in zip(rounds, empty, strict=True)]
        rate, gateway, asked = map(statistics.median, zip(*rounds, strict=True))
        return cls(rate, Spread.of(left), gateway, asked)


@dataclass(frozen=True, slots=True)
class Behind:
    """The rows of each gateway."""

    rows: Mapping[str, Mapping[str, Row]]

    def limits(self) -> Iterator[Limit]:
        """Yield what must hold."""
        for name in filter(self.rows.get, JUDGED):
            left = self.rows[name][Asked.OURS.value].left.median
            yield Limit(f"{name}, rate by an empty 200 / by ours", 1 / left, MOST_BEHIND)

    def lines(self) -> Iterator[str]:
        """Yield the lines of the table."""
        yield title(
            "behind a gateway; CPU in µs", "rate", "left", "least", "most", "gateway", "asked"
        )
        for name, rows in self.rows.items():
            for asked, row in rows.items():
                left = row.left
                figures = (row.rate, left.median, left.least, left.most, row.gateway, row.asked)
                yield line(f"{name}, {asked}", *figures)


@dataclass(frozen=True, slots=True)
class _Running:
    """A gateway, and who it asks."""

    gateway: Server
    asked: Server


async def measure_behind(bench: Bench, names: Sequence[str] = GATEWAYS) -> Behind:
    """Return the figures of these gateways, one after the other. Raises LoadFailed."""
    async with AsyncExitStack() as stack:
        stack.enter_context(pinned(bench.cores.load))
        service = make_measured_service(bench.folder / "behind")
        ours, _ = await stack.enter_async_context(serving_measured(service, bench.cores.servers))
        application = await _start_canned(stack, bench, bench.cores.load, APPLICATION)
        sealer = Sealer.of(service.directory / "keys")
        credentials = [sealer.bearer(number) for number in range(CLIENTS)]
        requests = [
            _render(turn * CLIENTS + number, credential)
            for turn in range(TURNS)
            for number, credential in enumerate(credentials)
        ]
        file = write_requests(bench.folder / "behind-requests", requests)
        asked = {
            Asked.EMPTY: await _start_canned(stack, bench, bench.cores.servers, EMPTY.format("")),
            Asked.SAME: await _start_canned(
                stack, bench, bench.cores.servers, await _repeat(ours, credentials[0])
            ),
            Asked.OURS: ours,
        }
        names_only = EMPTY.format("".join(f"{name}: \r\n" for name in IDENTITY))
        naming = await _start_canned(stack, bench, bench.cores.servers, names_only)
        rows = {}
        for name in names:
            own = asked | ({Asked.EMPTY: naming} if name == NAMING else {})
            async with AsyncExitStack() as inner:
                gateways = await _start_gateways(inner, name, service, application, own)
                await _look_at(name, gateways, requests)
                rows[name] = await _measure_rounds(name, gateways, file, bench)
    return Behind(rows)


async def _start_canned(stack: AsyncExitStack, bench: Bench, core: int, answer: str) -> Server:
    """Start a server that always answers this."""
    port = free_port()
    file = bench.folder / f"canned-{port}"
    file.write_bytes(answer.encode("latin-1"))
    command = [*PYTHON, canned.__file__, str(port), str(file)]
    with pinned(core):
        program = await stack.enter_async_context(
            running(command, directory=bench.folder, address=(canned.HOST, port))
        )
    return Server(program.process.pid, f"http://{canned.HOST}:{port}")


async def _repeat(ours: Server, credential: str) -> str:
    """Return what the service answers to a question, for another to say it."""
    (answer,) = await ask(ours.url, [render(0, 0, credential)])
    names = (f"{name}: {value}\r\n" for name, value in answer.headers.items())
    return f"HTTP/1.1 200 OK\r\n{''.join(names)}\r\n"


async def _start_gateways(
    stack: AsyncExitStack,
    name: str,
    service: Service,
    application: Server,
    asked: Mapping[Asked, Server],
) -> dict[Asked, _Running]:
    upstream = Upstream(int(application.url.rpartition(":")[2]))
    gateways = {}
    for who, server in asked.items():
        gateway = await stack.enter_async_context(
            guarding(name, service, upstream, HOST, asking=server.url.removeprefix("http://"))
        )
        gateways[who] = _Running(Server(gateway.program.process.pid, gateway.url), server)
    return gateways


def _render(number: int, credential: str) -> bytes:
    """Return a request of a client for a path of the guarded host."""
    lines = (
        f"GET /api/{AREAS[number % len(AREAS)]}/{number}/lines?page={number} HTTP/1.1",
        f"Host: {HOST}",
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "Accept: application/json",
        "Accept-Language: en",
        credential,
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


async def _look_at(
    name: str, gateways: Mapping[Asked, _Running], requests: Sequence[bytes]
) -> None:
    """Ask once for each client, and without a credential; raises LoadFailed."""
    nobody = requests[0].partition(b"Authorization:")[0] + b"\r\n"
    for who, running_ in gateways.items():
        answers = await ask(running_.gateway.url, [*requests[:CLIENTS], nobody])
        *statuses, without = (answer.status for answer in answers)
        if set(statuses) != {200} or without != (401 if who is Asked.OURS else 200):
            raise LoadFailed(f"{name} in front of {who.value}: {sorted({*statuses, without})}")


async def _measure_rounds(
    name: str, gateways: Mapping[Asked, _Running], file: Path, bench: Bench
) -> dict[str, Row]:
    rounds: dict[Asked, list[Round]] = {who: [] for who in gateways}
    for number in range(bench.plan.rounds):
        bench.tell(f"behind {name}, round {number + 1} of {bench.plan.rounds}")
        for who, each in gateways.items():
            rounds[who].append(await _measure(f"{name} in front of {who.value}", each, file))
    return {who.value: Row.of(each, rounds[Asked.EMPTY]) for who, each in rounds.items()}


async def _measure(name: str, each: _Running, file: Path) -> Round:
    servers = each.gateway.pid, each.asked.pid
    before = [_cpu_of_all(pid) for pid in servers]
    answers = await send(each.gateway.url, file, seconds=SECONDS, connections=CONNECTIONS)
    spent = [_cpu_of_all(pid) - was for pid, was in zip(servers, before, strict=True)]
    if answers.failed or answers.refused or not answers.answered:
        raise LoadFailed(f"{name}: {answers}")
    gateway, asked = (seconds * 1e6 / answers.answered for seconds in spent)
    return Round(answers.answered / SECONDS, gateway, asked)


def _cpu_of_all(pid: int) -> float:
    """Return the CPU time of a process and of those it started: nginx's work is done by others."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return cpu_seconds(pid) + sum(_cpu_of_all(int(child)) for child in children)


if __name__ == "__main__":
    sys.argv[1:1] = ["--part", "behind"]
    runpy.run_module("tests.bench", run_name="__main__")
