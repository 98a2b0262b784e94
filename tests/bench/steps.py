"""Where the microseconds of a question go, warm or cold: `python -m tests.bench.steps`.

In one process and without a socket. Of a warm one each step alone, for a thousand tokens in turn,
the best of many rounds: what the steps take together is less than the whole, for calls, and what
the processor fetches from memory, come on top. Of a cold one, which is cold only once, each stage
of eight together, the least of all eights.
"""

import asyncio
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import click
import uvloop
from aiohttp.http import HttpVersion11

from sidecar.app.runner import PublicRunner, open_serving
from sidecar.cli.options import read_settings
from sidecar.clock import read_clock
from sidecar.web import verify
from sidecar.web.asking import Message
from sidecar.web.context import CONTEXT, Context
from sidecar.web.gateways import MANNERS, parse_target
from sidecar.web.pace import TOGETHER, Later
from sidecar.web.protocol import ProtocolServer
from sidecar.web.requests import identify
from tests.bench.questions import PEOPLE, Sealer, render
from tests.bench.servers import make_measured_service

ROUNDS: Final = 15
CONNECTIONS: Final = 25  # as many as have something new when wrk asks on 32
PEER: Final = "127.0.0.1"

Steps = Mapping[str, Callable[[int], object]]


class Deaf(asyncio.Transport):
    """A connection to a gateway that reads whatever it is sent."""

    last = b""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return (PEER, 1) if name == "peername" else default

    def is_closing(self) -> bool:
        return False

    def write(self, data: Any) -> None:
        self.last = bytes(data)

    def close(self) -> None:
        """Do nothing: nobody is there."""


def _read(parser: Any, question: bytes) -> Message:
    """Return what the dialects look at of a question."""
    raw = parser.feed_data(question)[0][0][0]
    parser.message_consumed()
    message = Message(PEER, Deaf())
    message.method, message.raw_path, message.headers = raw.method, raw.path, raw.headers
    return message


@click.command()
def main() -> None:
    """Say what each step of a question takes."""
    for name, micros in uvloop.run(_measure()).items():
        click.echo(f"{name:<44}{micros:6.2f} µs")


async def _measure() -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="sidecar-bench-") as name:
        service = make_measured_service(Path(name))
        async with open_serving(read_settings(service.config)) as (_, runner):
            await runner.setup()
            try:
                sealer = Sealer.of(service.directory / "keys")
                questions = [render(each, each, sealer.bearer(each)) for each in range(PEOPLE)]
                warm = _time(await _list_steps(runner, questions))
                return warm | _time_cold(runner, sealer)
            finally:
                await runner.cleanup()


async def _list_steps(runner: PublicRunner, questions: list[bytes]) -> Steps:
    """Return the steps, each by the number of a question; all are warm."""
    context: Context = runner.app[CONTEXT]
    server = runner.server
    assert isinstance(server, ProtocolServer)
    connections = [server() for _ in range(CONNECTIONS)]
    for each in connections:
        each.connection_made(Deaf())
    connection, transport = server(), Deaf()
    connection.connection_made(transport)
    for question in questions:
        transport.last = b""
        while not transport.last.startswith(b"HTTP/1.1 200"):
            connection.data_received(question)
            await asyncio.sleep(0)  # the first of all, and what is cold, go the ordinary way
    parser: Any = connection._parser
    manner = next(each for each in MANNERS if each.dialect == "traefik")

    def parse(number: int) -> None:
        parser.feed_data(questions[number])
        parser.message_consumed()

    # Few: of what is parsed already, a thousand would lie in memory and not at hand.
    few = [_read(parser, question) for question in questions[:50]]
    parsed = [parse_target(each, manner, context.trusted) for each in few]
    shown = [context.presenting.read(each.headers, manner.joined, True) for each in few]
    now = read_clock()
    heads = [verify.answer(context, manner, each, now) for each in few]

    def one(each: list[Any], number: int) -> Any:
        return each[number % len(each)]

    def ask(number: int) -> None:
        connection.data_received(questions[number])
        server.cohort._go_on()  # which leaves nobody there, and finds that few come

    def ask_together(number: int) -> None:
        place = number % CONNECTIONS
        connections[place].data_received(questions[number])
        if place == CONNECTIONS - 1:
            server.cohort._go_on()

    gate, trusted = context.gate, context.trusted
    return {
        "the whole, where 25 come together": ask_together,
        "the whole, where each comes alone": ask,
        "  aiohttp's parser": parse,
        "  the answer": lambda number: verify.answer(context, manner, one(few, number), now),
        "    a request id": lambda number: identify(one(few, number), context),
        "    what is asked": lambda number: parse_target(one(few, number), manner, trusted),
        "    what is shown": lambda number: context.presenting.read(
            one(few, number).headers, manner.joined, True
        ),
        "    the clock": lambda _: read_clock(),
        "    whether it is allowed again": lambda number: gate.allows_again(
            one(shown, number), one(parsed, number), now
        ),
        "  the head": lambda number: one(heads, number).render(HttpVersion11, keep_alive=True),
    }


def _time_cold(runner: PublicRunner, sealer: Sealer) -> dict[str, float]:
    """Return the microseconds of each stage of a question whose token is new; none is sealed."""
    context: Context = runner.app[CONTEXT]
    context = replace(context, identity=replace(context.identity, asserts=False))
    server = runner.server
    assert isinstance(server, ProtocolServer)
    connection = server()
    connection.connection_made(Deaf())
    parser: Any = connection._parser
    manner = next(each for each in MANNERS if each.dialect == "traefik")

    best = dict.fromkeys(("parsed", "read", "opened", "decided and written"), float("inf"))
    now = read_clock()
    for first in range(0, PEOPLE, TOGETHER):
        people = range(first, first + TOGETHER)
        questions = [render(each, each, sealer.bearer(each)) for each in people]
        moments = [perf_counter()]
        messages = [_read(parser, question) for question in questions]
        moments.append(perf_counter())
        found: list[Any] = [verify.answer(context, manner, each, now) for each in messages]
        moments.append(perf_counter())
        made = [later.work() for later in found]
        moments.append(perf_counter())
        heads = [make().render(HttpVersion11, keep_alive=True) for make in made]
        moments.append(perf_counter())
        assert all(type(each) is Later for each in found)
        assert all(head.startswith(b"HTTP/1.1 200") for head in heads)
        for stage, begun, ended in zip(best, moments, moments[1:], strict=False):
            best[stage] = min(best[stage], (ended - begun) * 1e6 / TOGETHER)
    whole = {"a new token, eight together": sum(best.values())}
    return whole | {f"  {stage}": micros for stage, micros in best.items()}


def _time(steps: Steps) -> dict[str, float]:
    """Return the microseconds of each, without those of calling it."""
    nothing = _best(lambda _: None)
    return {name: _best(step) - nothing for name, step in steps.items()}


def _best(step: Callable[[int], object]) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        began = perf_counter()
        for number in range(PEOPLE):
            step(number)
        best = min(best, perf_counter() - began)
    return best * 1e6 / PEOPLE


if __name__ == "__main__":
    main()
