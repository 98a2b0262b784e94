"""How much of its rate `/verify` keeps while strangers keep the hash queue full."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from aiohttp import ClientSession, DummyCookieJar, TCPConnector

from tests.bench.load import LoadFailed, send
from tests.bench.measure import CONNECTIONS, Server, Spread

STRANGERS: Final = 100  # at once; the queue has places for fewer
PAUSE: Final = 0.5  # seconds before a stranger tries again


async def measure_flood(server: Server, requests: Path, rounds: int, seconds: int) -> Spread:
    """Return the rate of these requests alone, divided by that during a flood, round by round.

    Raises LoadFailed.
    """
    ratios = []
    numbers = itertools.count()
    for _ in range(rounds):
        alone = await _count(server, requests, seconds)
        async with _flooding(server.url, numbers) as statuses:
            during = await _count(server, requests, seconds)
        if not statuses[401] or not statuses[503]:
            raise LoadFailed(f"the flood did not fill the queue: {dict(statuses)}")
        ratios.append(alone / during)
    return Spread.of(ratios)


async def _count(server: Server, requests: Path, seconds: int) -> int:
    answers = await send(server.url, requests, seconds=seconds, connections=CONNECTIONS)
    if answers.failed or answers.refused or not answers.answered:
        raise LoadFailed(f"during a flood of logins: {answers}")
    return answers.answered


@asynccontextmanager
async def _flooding(url: str, numbers: "itertools.count[int]") -> AsyncIterator[Counter[int]]:
    """Let strangers guess for the length of the block; yield what they are told, by status."""
    statuses: Counter[int] = Counter()
    connector = TCPConnector(limit=STRANGERS)
    async with (
        ClientSession(connector=connector, cookie_jar=DummyCookieJar()) as session,
        asyncio.TaskGroup() as group,
    ):
        strangers = [
            group.create_task(_guess(session, url, numbers, statuses)) for _ in range(STRANGERS)
        ]
        await asyncio.sleep(2)  # seconds in which the queue fills
        statuses.clear()
        yield statuses
        for each in strangers:
            each.cancel()


async def _guess(
    session: ClientSession, url: str, numbers: "itertools.count[int]", statuses: Counter[int]
) -> None:
    """Guess for ever, each time from another network: each address has an allowance of its own."""
    while True:
        number = next(numbers)
        address = f"2001:db8:{number >> 16:x}:{number & 0xFFFF:x}::1"
        body = {"username": f"somebody{number}", "password": "a guess that is wrong"}
        headers = {"X-Forwarded-For": address}
        async with session.post(f"{url}/login", json=body, headers=headers) as answer:
            statuses[answer.status] += 1
        await asyncio.sleep(PAUSE)
