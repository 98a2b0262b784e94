"""A minute of everything at once: nobody is refused who should pass, nobody passes who logged out.

Clients log in, call and refresh through a real gateway while keys rotate and replicas are replaced.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import ClientSession, DummyCookieJar

from tests.faults.figures import note
from tests.faults.replicas import Replicas, serving_replicas
from tests.faults.soak import BOUND, Client, Gateway, Tally
from tests.programs.postgres import Postgres
from tests.programs.redis import RedisServer

pytestmark = pytest.mark.asyncio

SECONDS: Final = 60
PEOPLE: Final = [f"person{number}" for number in range(50)]
BY_COOKIE: Final = 10  # of them; the others have tokens
ACCESS_TTL: Final = 10  # seconds
REFRESH_EVERY: Final = 3.0  # seconds
ROTATE_EVERY: Final = 6  # seconds
PUBLISH_AHEAD: Final = 4  # seconds: two until it is read everywhere, and what reading it takes
RESTART_PAUSE: Final = 2.0  # seconds in which both replicas run
LOGOUT_EVERY: Final = 0.5  # seconds
P99: Final = 0.25  # seconds, of the promise for Redis; BOUND holds without it too
SETTINGS: Final[dict[str, dict[str, Any]]] = {
    "tokens": {"access_ttl": f"{ACCESS_TTL}s"},
    "keys": {"rotate_every": f"{ROTATE_EVERY}s", "publish_ahead": f"{PUBLISH_AHEAD}s"},
}


@asynccontextmanager
async def doing(*work: Any) -> AsyncIterator[None]:
    """Do all of it until the block is left; what fails meanwhile fails the block."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each) for each in work]
        yield
        for task in tasks:
            task.cancel()


async def give_out(logouts: asyncio.Queue[None]) -> None:
    """Let somebody log out at a steady rate."""
    while True:
        await logouts.put(None)
        await asyncio.sleep(LOGOUT_EVERY)


async def soak(replicas: Replicas) -> Tally:
    tally = Tally()
    async with ClientSession(cookie_jar=DummyCookieJar()) as session:
        gateway = Gateway(session, replicas.url, tally)
        logouts: asyncio.Queue[None] = asyncio.Queue(1)
        clients = [
            Client(gateway, name, by_cookie=number < BY_COOKIE, refresh_every=REFRESH_EVERY)
            for number, name in enumerate(PEOPLE)
        ]
        await asyncio.gather(*(client.log_in() for client in clients))
        async with doing(
            give_out(logouts),
            replicas.restart_in_turn(RESTART_PAUSE),
            *(client.live(logouts) for client in clients),
        ):
            await asyncio.sleep(SECONDS)
    return tally


def find_lines(directory: Path, request_id: str) -> list[str]:
    """Return what the replicas wrote about a request."""
    logs = [file.read_text(errors="replace") for file in directory.glob("*.log")]
    lines = [line for log in logs for line in log.splitlines()]
    return [line for line in lines if request_id and request_id in line]


async def test_a_minute_of_logins_rotations_and_restarts(
    tmp_path: Path, postgres: Postgres, redis_server: RedisServer
) -> None:
    stores = {
        "database": {"url": postgres.make_database()},
        "redis": {"url": redis_server.url},
    }
    async with serving_replicas(tmp_path, {**SETTINGS, **stores}, PEOPLE) as replicas:
        tally = await soak(replicas)
    assert [(what, *find_lines(tmp_path, request_id)) for what, request_id in tally.wrong] == []
    late = sorted(tally.late)
    note(
        calls=tally.done["call"],
        refreshes=tally.done["refresh"],
        logouts=tally.done["logout"],
        keys=len(tally.kids),
        restarts=replicas.restarts,
        refused_elsewhere_p99_ms=late[len(late) * 99 // 100 - 1] * 1e3,
    )
    assert late[-1] <= BOUND, late[-5:]
    assert late[len(late) * 99 // 100 - 1] <= P99, late[-5:]
    # It was a soak: less than this would say nothing.
    assert len(tally.kids) >= SECONDS / ROTATE_EVERY / 2
    assert replicas.restarts >= 4
    assert tally.done["call"] >= len(PEOPLE) * SECONDS / 2
    assert tally.done["refresh"] >= len(PEOPLE) * SECONDS / REFRESH_EVERY / 4
    assert tally.done["logout"] >= SECONDS / LOGOUT_EVERY / 4
