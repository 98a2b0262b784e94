"""The primary is lost and a standby takes its place: the URL names both, nobody does anything."""

import asyncio
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from aiohttp import ClientSession

from sidecar.errors import StoreUnavailable
from sidecar.stores.sql import open_store
from sidecar.stores.sql.engine import CONNECTIONS
from tests.faults.asking import until, until_degraded
from tests.faults.holding import assert_told_once, holding
from tests.faults.pairs import serving_pair
from tests.programs.postgres import Postgres, following, serving_postgres

pytestmark = pytest.mark.asyncio

STANDBY = "standby"
# What is acknowledged is on the standby too, and a failover loses nothing.
SYNCHRONOUS = f"synchronous_standby_names={STANDBY}"


@pytest.fixture
def primary() -> Iterator[Postgres]:
    with serving_postgres() as running:
        yield running


@pytest.fixture
def standby(primary: Postgres) -> Iterator[Postgres]:
    with following(primary, STANDBY) as running:
        primary.execute("postgres", f"ALTER SYSTEM SET {SYNCHRONOUS}")
        primary.execute("postgres", "SELECT pg_reload_conf()")
        yield running


async def make_database(primary: Postgres) -> str:
    """Make a database and return its name."""
    return (await asyncio.to_thread(primary.make_database)).rpartition("/")[2]


async def knows(standby: Postgres, name: str) -> bool:
    """Say whether a standby has come so far."""
    query = "SELECT datname FROM pg_database"
    return name in (await asyncio.to_thread(standby.execute, "postgres", query)).splitlines()


@pytest.mark.parametrize("how", ["killed", "frozen"])
async def test_the_standby_is_used_as_soon_as_it_takes_writes(
    tmp_path: Path, client: ClientSession, primary: Postgres, standby: Postgres, how: str
) -> None:
    """A frozen one is what a machine looks like that has lost its power: nothing comes back."""
    url = primary.url_of(await make_database(primary), standby)
    async with serving_pair(tmp_path, {"database": {"url": url}}, upgrade=True) as pair:
        services = (pair.one, pair.other)
        async with holding(client, *services) as held:
            # Every connection that a process may have is there: none of them is of any use now.
            logins = [held.try_log_in(each) for each in services for _ in range(2 * CONNECTIONS)]
            assert set(await asyncio.gather(*logins)) == {200}
            if how == "killed":
                await asyncio.to_thread(primary.kill)
            else:
                primary.send(signal.SIGSTOP)
            for service in services:
                await until_degraded(client, service, "sql")
            assert await held.try_log_in(pair.one) == 503
            await asyncio.to_thread(standby.promote)
        for service in services:
            assert_told_once(service, "the revocations cannot be read", url)
            assert_told_once(service, "the revocations are read again", "")


async def test_a_standby_that_comes_first_is_passed_over(
    tmp_path: Path, client: ClientSession, primary: Postgres, standby: Postgres
) -> None:
    name = await make_database(primary)
    await until(partial(knows, standby, name), "the standby has the database")
    url = standby.url_of(name, primary)
    async with (
        serving_pair(tmp_path, {"database": {"url": url}}, upgrade=True) as pair,
        holding(client, pair.one, pair.other),
    ):
        pass


async def test_where_no_host_takes_writes_the_line_says_what_to_do(
    standby: Postgres,
) -> None:
    url = standby.url_of("postgres", standby)
    async with open_store(url, outbox=False) as store:
        with pytest.raises(StoreUnavailable) as raised:
            await store.prepare_schema()
    assert str(raised.value) == f"{url}: none of its hosts takes writes: promote a standby"
