"""The feed at a standby, and behind a failover to one that lacked the last commits."""

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import suppress
from subprocess import CalledProcessError

import pytest

from sidecar.errors import StoreUnavailable
from sidecar.stores.sql import open_store
from tests.contracts.sql_readers import reading
from tests.contracts.sql_stores import NOW
from tests.programs.postgres import OWNER, Postgres, following, serving_postgres

pytestmark = pytest.mark.asyncio

BOUND = 1.0  # seconds from a commit until every process holds it


@pytest.fixture
def primary() -> Iterator[Postgres]:
    with serving_postgres() as running:
        yield running


@pytest.fixture
def standby(primary: Postgres) -> Iterator[Postgres]:
    with following(primary, "standby") as running:
        yield running


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "sidecar.feed"]


async def test_a_name_that_leads_to_a_standby_is_not_used(
    primary: Postgres, standby: Postgres
) -> None:
    """It may be about to move to another server, and the connection would stay here."""
    url = await asyncio.to_thread(primary.make_database)
    async with open_store(url, outbox=False) as store:
        await store.upgrade_schema()
        await store.revocations.revoke_token("early", forget_at=NOW)
    name = url.rpartition("/")[2]
    await until_followed(standby, name)
    async with open_store(standby.url_of(name), outbox=False) as store:
        with pytest.raises(StoreUnavailable, match="leads to a standby"):
            await store.revocations.read_entries(0)
        both = f"host=127.0.0.1,127.0.0.1&port={standby.port},{primary.port}"
        async with open_store(f"postgresql://{OWNER}@/{name}?{both}", outbox=False) as either:
            await either.revocations.revoke_token("late", forget_at=NOW)
        await asyncio.to_thread(standby.promote)
        assert await store.revocations.read_entries(0)


async def test_where_listening_is_refused_it_looks_and_says_so_once(
    primary: Postgres, standby: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    """PostgreSQL lets nobody listen at a standby."""
    caplog.set_level(logging.INFO, "sidecar.feed")
    url = await asyncio.to_thread(primary.make_database)
    async with open_store(url, outbox=False) as store:
        await store.upgrade_schema()
        await store.revocations.revoke_token("early", forget_at=NOW)
        name = url.rpartition("/")[2]
        there_too = f"{standby.url_of(name)}?target_session_attrs=any"
        async with open_store(there_too, outbox=False) as there:
            await until_followed(standby, name)
            async with reading(there) as reader:
                await reader.until_fresh()
                await store.revocations.revoke_token("late", forget_at=NOW)
                committed = time.monotonic()
                await reader.until_holds("early", "late")
                assert reader.arrived["late"] - committed < BOUND
                await reader.until_fresh()
                assert reader.feed.healthy
    assert lines(caplog) == [
        "PostgreSQL does not tell of revocations: they are looked for all the same"
    ]


async def test_a_standby_that_lacked_the_last_commits_is_read_from_its_start(
    primary: Postgres, standby: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    name = (await asyncio.to_thread(primary.make_database)).rpartition("/")[2]
    url = primary.url_of(name, standby)
    async with open_store(url, outbox=False) as store, open_store(url, outbox=False) as other:
        await store.upgrade_schema()
        await other.revocations.revoke_token("kept", forget_at=NOW)
        await until_followed(standby, name)
        async with reading(store) as reader:
            await asyncio.to_thread(standby.stop)
            lost = [f"lost-{number}" for number in range(60)]  # PostgreSQL logs 32 ahead
            for subject in lost:
                await other.revocations.revoke_token(subject, forget_at=NOW)
            await reader.until_holds(*lost)
            await asyncio.to_thread(primary.kill)
            await reader.until(lambda: not reader.feed.healthy)
            await asyncio.to_thread(standby.start)
            await asyncio.to_thread(standby.promote)
            async with open_store(standby.url_of(name), outbox=False) as there:
                written = [f"since-{number}" for number in range(3)]
                for subject in written:
                    (entry,) = await there.revocations.revoke_token(subject, forget_at=NOW)
                    assert entry.sequence < 61  # behind which a reader would wait for what is new
            committed = time.monotonic()
            await reader.until_holds(*written)
            await reader.until_fresh()
            fresh = zip(reader.heard, reader.knew, strict=True)
            assert {knew for at, knew in fresh if at > committed} == {1 + 60 + 3}
            assert all(reader.view.refuses_token(subject) for subject in ("kept", *lost, *written))
    assert [line[:31] for line in lines(caplog)] == [
        "the revocations cannot be read",
        "the database lacks a revocation",
    ]


async def until_followed(standby: Postgres, name: str) -> None:
    """Wait until a standby has the first revocation; nothing announces it."""
    async with asyncio.timeout(10):
        while True:
            with suppress(CalledProcessError):  # no such database, no such table yet
                count = "SELECT count(*) FROM revocations"
                if await asyncio.to_thread(standby.execute, name, count) != "0":
                    return
            await asyncio.sleep(0.05)
