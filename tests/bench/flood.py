"""How much of its rate `/verify` keeps while strangers keep the hash queue full."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import ClientSession, DummyCookieJar, TCPConnector

from tests.bench.load import LoadFailed, send, write_requests
from tests.bench.measure import CONNECTIONS, Server, Spread
from tests.bench.plan import Bench
from tests.bench.questions import Sealer, render_mixed
from tests.bench.report import MOST_FLOOD, Limit
from tests.bench.servers import make_measured_service, pinned, serving_measured

STRANGERS: Final = 100  # at once; the queue has places for fewer
PAUSE: Final = 0.5  # seconds before a stranger tries again
PATIENCE: Final = 10.0  # seconds for the last of what a flood must have


@dataclass(frozen=True, slots=True)
class Guessed:
    """The rate of decisions alone, divided by that during a flood, round by round."""

    ratio: Spread

    def limits(self) -> Iterator[Limit]:
        """Yield what must hold."""
        yield Limit("rate alone / during a flood", self.ratio.median, MOST_FLOOD)

    def lines(self) -> Iterator[str]:
        """Yield nothing: the limit says it."""
        yield from ()


async def measure_flood(bench: Bench) -> Guessed:
    """Return the figures of warm tokens while strangers guess. Raises LoadFailed."""
    with pinned(bench.cores.load):
        service = make_measured_service(bench.folder / "service")
        async with serving_measured(service, bench.cores.servers) as (server, _):
            sealer = Sealer.of(service.directory / "keys")
            tokens = map(sealer.bearer, range(bench.plan.tokens))
            requests = write_requests(bench.folder / "tokens", render_mixed(tokens))
            bench.tell("a flood of logins")
            return Guessed(await _compare(server, requests, bench.plan.rounds, bench.plan.seconds))


async def _compare(server: Server, requests: Path, rounds: int, seconds: int) -> Spread:
    ratios = []
    numbers = itertools.count()
    await _count(server, requests, seconds)  # opens the tokens
    for _ in range(rounds):
        alone = await _count(server, requests, seconds)
        async with flooding(server.url, numbers):
            during = await _count(server, requests, seconds)
        ratios.append(alone / during)
    return Spread.of(ratios)


async def _count(server: Server, requests: Path, seconds: int) -> int:
    answers = await send(server.url, requests, seconds=seconds, connections=CONNECTIONS)
    if answers.failed or answers.refused or not answers.answered:
        raise LoadFailed(f"during a flood of logins: {answers}")
    return answers.answered


class _Told:
    """What strangers have been told, by status; `full` is set once the queue was seen to be full.

    That is when one guess was hashed and another one was sent away. What they guess when it is
    `over` says nothing.
    """

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.full = asyncio.Event()
        self.over = False

    def note(self, status: int) -> None:
        self.statuses[status] += 1
        if self.statuses[401] and self.statuses[503]:
            self.full.set()

    def forget(self) -> None:
        self.statuses.clear()
        self.full.clear()


@asynccontextmanager
async def flooding(url: str, numbers: "itertools.count[int]") -> AsyncIterator[None]:
    """Let strangers guess for the length of the block. Raises LoadFailed without a full queue.

    The block may be shorter than a hash takes: who hashes gives way to all else on a busy machine.
    """
    told = _Told()
    connector = TCPConnector(limit=STRANGERS)
    async with (
        ClientSession(connector=connector, cookie_jar=DummyCookieJar()) as session,
        asyncio.TaskGroup() as group,
    ):
        strangers = [
            group.create_task(_guess(session, url, numbers, told)) for _ in range(STRANGERS)
        ]
        await asyncio.sleep(2)  # seconds in which the queue fills
        told.forget()
        yield
        told.over = True
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await told.full.wait()
        for each in strangers:
            each.cancel()
    if not told.full.is_set():
        raise LoadFailed(f"the flood did not fill the queue: {dict(told.statuses)}")


async def _guess(
    session: ClientSession, url: str, numbers: "itertools.count[int]", told: _Told
) -> None:
    """Guess for ever, each time from another network: each address has an allowance of its own."""
    while True:
        number, counts = next(numbers), not told.over
        address = f"2001:db8:{number >> 16:x}:{number & 0xFFFF:x}::1"
        body = {"username": f"somebody{number}", "password": "a guess that is wrong"}
        headers = {"X-Forwarded-For": address}
        async with session.post(f"{url}/login", json=body, headers=headers) as answer:
            if counts:
                told.note(answer.status)
        await asyncio.sleep(PAUSE)
