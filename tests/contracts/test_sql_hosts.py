"""A URL that names several servers: the one that takes writes is used, whatever the others do."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from sidecar.errors import StoreUnavailable
from sidecar.stores.sql import open_store
from sidecar.stores.sql.engine import CONNECT_TIMEOUT
from sidecar.stores.sql.hosts import HOST_TIMEOUT, Hosts, name_url
from tests.contracts.sql_stores import NOW
from tests.programs.process import free_port

pytestmark = pytest.mark.asyncio

SLACK = 1.0  # seconds that a busy machine may add


@asynccontextmanager
async def silent() -> AsyncIterator[int]:
    """Yield the port of a server that takes connections and says nothing."""
    ended = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ended.wait()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        ended.set()


@asynccontextmanager
async def nobody() -> AsyncIterator[int]:
    """Yield a port where nobody listens."""
    yield free_port()


def name_both(url: str, port: int) -> str:
    """Return the URL with another server before its own."""
    return url.replace("@", f"@127.0.0.1:{port},")


async def timed(work: Callable[[], Awaitable[object]]) -> float:
    began = time.monotonic()
    await work()
    return time.monotonic() - began


@pytest.mark.parametrize("first", [silent, nobody])
async def test_one_that_does_not_answer_is_passed_over_and_asked_last_from_then_on(
    postgres_url: str, first: Callable[[], AbstractAsyncContextManager[int]]
) -> None:
    async with first() as port, open_store(name_both(postgres_url, port), outbox=False) as store:
        assert await timed(store.prepare_schema) < HOST_TIMEOUT + SLACK
        several = [store.revocations.revoke_token(f"j-{n}", forget_at=NOW) for n in range(5)]
        began = time.monotonic()
        await asyncio.gather(*several)
        assert time.monotonic() - began < SLACK


async def test_where_none_answers_that_is_said_in_time() -> None:
    async with silent() as one, nobody() as other:
        url = f"postgresql://sidecar:secret@127.0.0.1:{one},127.0.0.1:{other}/db"
        async with open_store(url, outbox=False) as store:
            began = time.monotonic()
            with pytest.raises(StoreUnavailable) as raised:
                await store.prepare_schema()
            assert time.monotonic() - began < CONNECT_TIMEOUT + SLACK
    named = f"postgresql://sidecar:***@127.0.0.1:{one},127.0.0.1:{other}/db"
    assert str(raised.value) == f"{named}: cannot be reached (ConnectionRefusedError)"


async def test_a_url_may_say_which_kind_of_server_it_wants(postgres_url: str) -> None:
    url = name_both(postgres_url, free_port())
    async with open_store(f"{url}?target_session_attrs=standby", outbox=False) as store:
        with pytest.raises(StoreUnavailable):
            await store.prepare_schema()
    async with open_store(f"{url}?target_session_attrs=any", outbox=False) as store:
        await store.prepare_schema()


@pytest.mark.parametrize(
    ("url", "several", "told"),
    [
        ("postgresql://u@a/db", False, False),
        ("postgresql://u:p,w@a:1/db", False, False),
        ("postgresql://a,b/db", True, False),
        ("postgresql://u:p%40@[::1]:1,b/db?sslmode=require", True, False),
        ("postgresql://a,b/db?host=c", False, True),
        ("postgresql://a,b/db?port=1", False, True),
        ("postgresql://u@/db?host=a,b", False, True),
        ("postgresql://u@/db?host=a,b&target_session_attrs=any", False, False),
        ("postgresql://u@/db?host=/run/postgresql", False, False),
        ("postgresql:///db", False, True),
    ],
)
async def test_whether_there_are_several_and_who_chooses(
    url: str, several: bool, told: bool
) -> None:
    hosts = Hosts(url)
    assert hosts.several is several
    assert hosts.chosen == ({"target_session_attrs": "primary"} if told else {})


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("postgresql://u:secret@a:1,b/db?password=secret", "postgresql://u:***@a:1,b/db"),
        ("postgresql://u:se@cret@a/db", "postgresql://u:***@a/db"),
        ("postgresql://:secret@a/db", "postgresql://:***@a/db"),
        ("postgresql://a/db", "postgresql://a/db"),
    ],
)
async def test_it_is_named_without_its_password(url: str, named: str) -> None:
    assert name_url(url) == named
