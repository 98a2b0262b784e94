"""How many connections to PostgreSQL a process opens at most, whatever is asked of it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from aiohttp import ClientSession, TCPConnector
from sqlalchemy.ext.asyncio import AsyncConnection

from sidecar.stores.sql.engine import CONNECTIONS
from tests.contracts.sql_stores import outside
from tests.docs.markdown import ROOT
from tests.faults.asking import log_in
from tests.programs.postgres import Postgres
from tests.programs.service import PASSWORD, Service, end_quietly, make_service

pytestmark = pytest.mark.asyncio

MOST = CONNECTIONS + 1  # those of the requests, and the one of the feed
TOGETHER = 60  # requests at once, of each kind
ROUNDS = 3
PAUSE = 0.01  # seconds between looks
OPEN = sa.text(
    "SELECT application_name, count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name LIKE 'replica%' GROUP BY 1"
)


@asynccontextmanager
async def counting(url: str) -> AsyncIterator[Counter[str]]:
    """Yield the most connections that each process was seen to have."""
    most: Counter[str] = Counter()

    async def look_on() -> None:
        async with outside(url) as connection:
            while True:
                most.update({name: n - most[name] for name, n in await look(connection)})
                await asyncio.sleep(PAUSE)

    async def look(connection: AsyncConnection) -> list[tuple[str, int]]:
        rows = (await connection.execute(OPEN)).all()
        await connection.rollback()  # within one transaction the view stands still
        return [(name, n) for name, n in rows if n > most[name]]

    looking = asyncio.create_task(look_on())
    try:
        yield most
        assert not looking.done()
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


async def load(client: ClientSession, service: Service, token: str) -> None:
    """Ask for logins, refreshes and reads, all at once."""
    headers = {"Authorization": f"Bearer {token}"}
    body = {"username": "alice", "password": PASSWORD}

    async def post(path: str, json: dict[str, str]) -> None:
        async with client.post(f"{service.url}{path}", json=json) as answer:
            assert answer.status in {200, 401, 429, 503}

    async def read() -> None:
        async with client.get(f"{service.url}/me/sessions", headers=headers) as answer:
            assert answer.status in {200, 503}

    for _ in range(ROUNDS):
        await asyncio.gather(
            *(post("/login", body) for _ in range(TOGETHER)),
            *(post("/refresh", {"refresh_token": "x"}) for _ in range(TOGETHER)),
            *(read() for _ in range(TOGETHER)),
        )


async def test_a_process_has_as_many_as_the_manual_says(tmp_path: Path, postgres: Postgres) -> None:
    url = await asyncio.to_thread(postgres.make_database)
    settings: list[dict[str, dict[str, Any]]] = [
        {
            "database": {"url": f"{url}?application_name=replica{number}"},
            # On a fast machine all logins are answered, and end none of each other.
            "session": {"max_per_user": 2 * ROUNDS * TOGETHER + 1},
        }
        for number in range(2)
    ]
    services = [make_service(tmp_path, each) for each in settings]
    assert (await services[0].run("db", "upgrade")).status == 0
    await services[0].add_user("alice")
    try:
        await asyncio.gather(*(each.start() for each in services))
        async with ClientSession(connector=TCPConnector(limit=0)) as client, counting(url) as most:
            token = (await log_in(client, services[0]))["access_token"]
            await asyncio.gather(*(load(client, each, token) for each in services))
        assert dict(most) == {"replica0": MOST, "replica1": MOST}
    finally:
        await asyncio.gather(*(end_quietly(each) for each in services))
    told = await asyncio.to_thread((ROOT / "docs" / "replicas.md").read_text)
    assert f"at most {MOST} connections" in told
