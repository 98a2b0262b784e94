"""Two processes count guesses as one: in the database, in Redis, and while that is away."""

import signal
from pathlib import Path

import pytest
from aiohttp import ClientSession

from sidecar.core.throttle import USER
from tests.faults.asking import until, until_degraded
from tests.faults.pairs import Pair, serving_pair
from tests.programs.redis import RedisServer
from tests.programs.service import Service

pytestmark = pytest.mark.asyncio

AWAY = "attempts to log in are counted in SQL: the shared store is away"


async def guess(client: ClientSession, service: Service, name: str, number: int) -> int:
    """Guess once, from an address of its own; return the status."""
    headers = {"X-Forwarded-For": f"198.51.100.{number}"}
    body = {"username": name, "password": "a wrong one"}
    async with client.post(f"{service.url}/login", json=body, headers=headers) as answer:
        return answer.status


async def wear_out(client: ClientSession, pair: Pair, name: str) -> list[int]:
    """Guess at both in turn, more often than is free for one; a wait of seconds may end."""
    services = (pair.one, pair.other)
    numbers = range(2 * USER.free)
    return [await guess(client, services[number % 2], name, number) for number in numbers]


def assert_worn_out(statuses: list[int]) -> None:
    assert statuses[: USER.free] == [401] * USER.free
    assert 429 in statuses[USER.free :]
    assert set(statuses) == {401, 429}
    assert statuses.count(401) < USER.free + 6  # 63 seconds of waiting for one more


@pytest.mark.parametrize("shared", [False, True], ids=["database", "redis"])
async def test_both_count_as_one(
    tmp_path: Path, client: ClientSession, redis_server: RedisServer, shared: bool
) -> None:
    settings = {"redis": {"url": redis_server.url}} if shared else {}
    async with serving_pair(tmp_path, settings) as pair:
        assert_worn_out(await wear_out(client, pair, "alice"))
        listed = await pair.one.run("throttle", "list", "--json")
        assert '"who": "alice"' in listed.out


async def test_while_redis_is_away_the_database_counts_for_both(
    tmp_path: Path, client: ClientSession, redis_server: RedisServer
) -> None:
    async with serving_pair(tmp_path, {"redis": {"url": redis_server.url}}) as pair:
        assert await guess(client, pair.one, "alice", 1) == 401
        assert redis_server.program is not None
        redis_server.program.process.send_signal(signal.SIGKILL)
        await redis_server.program.process.wait()
        assert_worn_out(await wear_out(client, pair, "bob"))
        assert count_lines(pair.one, AWAY) == 1
        await until_degraded(client, pair.one, "redis")
        await redis_server.start()

        async def is_back() -> bool:
            await guess(client, pair.one, "carol", 1)
            return count_lines(pair.one, "counted in the shared store again") == 1

        await until(is_back, "Redis counts again")


def count_lines(service: Service, text: str) -> int:
    """Return how many lines of the log say this."""
    return sum(text in line["message"] for line in service.read_log())
