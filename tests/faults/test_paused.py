"""A replica that is paused: what it says first lets nobody in who was revoked meanwhile."""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from aiohttp import ClientSession

from tests.faults.asking import QUESTION, ask, let_in_until, log_in, log_in_token, until
from tests.faults.pairs import Pair, serving_pair
from tests.faults.raw import Connection, connected, request
from tests.faults.test_reload import header_kid
from tests.programs.redis import serving_redis
from tests.programs.service import Service

pytestmark = pytest.mark.asyncio

MAX_STALENESS: Final = 2  # seconds, the least that the settings allow
PAUSE: Final = float(os.environ.get("SIDECAR_TEST_PAUSE", "4"))  # seconds; of the issue: a minute
SHORT: Final = 1.0  # seconds: shorter than any view may be old
BY_SQL: Final = 1.0  # seconds
TRIES: Final = 5
READ_WITHIN: Final = 2.0  # seconds in which a process reads a key that was written
WAITING: Final = 6  # questions of each that wait for the one who is paused
SETTINGS: Final[dict[str, dict[str, Any]]] = {
    "revocation": {"max_staleness": f"{MAX_STALENESS}s"},
    "tokens": {"access_ttl": "10m"},
}


@pytest_asyncio.fixture(params=["sqlite", "postgresql and redis"])
async def paired(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Pair]:
    """Run two replicas on the least and on the most that carries revocations."""
    async with AsyncExitStack() as stack:
        settings, shared = dict(SETTINGS), request.param != "sqlite"
        if shared:
            (tmp_path / "redis").mkdir()
            redis = await stack.enter_async_context(serving_redis(tmp_path / "redis"))
            settings["redis"] = {"url": redis.url}
            settings["database"] = {"url": request.getfixturevalue("postgres").make_database()}
        yield await stack.enter_async_context(serving_pair(tmp_path, settings, upgrade=shared))


def send_signal(service: Service, number: signal.Signals) -> float:
    """Stop a process, or let it go on; return the monotonic second."""
    assert service.program is not None
    service.program.process.send_signal(number)
    return time.monotonic()


async def wait_out(since: float, seconds: float) -> None:
    """Wait until so much time has passed: it is what the test is about."""
    await asyncio.sleep(max(0.0, since + seconds - time.monotonic()))


async def pause_and_log_out(client: ClientSession, pair: Pair, token: str) -> float:
    """Stop the other one, and end a session at the first; return when it was stopped.

    One that is stopped while it writes to SQLite keeps everybody else from writing: it goes on,
    and is stopped once more.
    """
    headers = {"Authorization": f"Bearer {token}"}
    for _ in range(TRIES):
        began = send_signal(pair.other, signal.SIGSTOP)
        async with client.post(f"{pair.one.url}/logout", headers=headers) as answer:
            if answer.status == 204:
                return began
            assert answer.status == 503, await answer.text()
        send_signal(pair.other, signal.SIGCONT)
    raise AssertionError(f"stopped while it wrote {TRIES} times")


async def connect(stack: AsyncExitStack, service: Service) -> list[Connection]:
    """Open connections that last as long as the stack."""
    return [await stack.enter_async_context(connected(service)) for _ in range(WAITING)]


def question(token: str) -> bytes:
    """Return what Traefik asks, as octets."""
    return request("GET", "/verify", [*QUESTION.items(), ("Authorization", f"Bearer {token}")])


def logout(token: str) -> bytes:
    """Return the octets that end the session of a token."""
    bearer = ("Authorization", f"Bearer {token}")
    return request("POST", "/logout", [bearer, ("Content-Length", "0")])


async def answers(connections: list[Connection]) -> Counter[int]:
    """Return how often each status came; whoever is told nothing keeps their cookies."""
    told: Counter[int] = Counter()
    for connection in connections:
        status, headers, _ = await connection.receive()
        assert "set-cookie" not in headers
        if status == 503:
            assert int(headers["retry-after"]) > 0
        told[status] += 1
    return told


async def test_the_first_answers_after_a_long_pause_let_nobody_in_who_was_revoked(
    paired: Pair, client: ClientSession
) -> None:
    """The view is older than it may be, whatever runs first: 503 until a feed has read."""
    here, paused = paired.one, paired.other
    gone, kept = await log_in_token(client, here), await log_in(client, here)
    for token in (gone, kept["access_token"]):
        assert await ask(client, paused, token) == 200
    async with AsyncExitStack() as stack:
        of_gone, of_kept = await connect(stack, paused), await connect(stack, paused)
        try:
            began = await pause_and_log_out(client, paired, gone)
            for connection in of_gone:
                await connection.send(question(gone))
            for connection in of_kept:
                await connection.send(question(kept["access_token"]))
            await wait_out(began, PAUSE)
        finally:
            send_signal(paused, signal.SIGCONT)
        assert set(await answers(of_gone)) <= {401, 503}
        assert set(await answers(of_kept)) <= {200, 503}

    async def is_well() -> bool:
        status = await ask(client, paused, kept["access_token"])
        assert status in {200, 503}
        return status == 200

    assert await until(is_well, "a view that is fresh") <= BY_SQL
    assert await ask(client, paused, gone) == 401
    body = {"refresh_token": kept["refresh_token"]}
    async with client.post(f"{paused.url}/refresh", json=body) as answer:
        assert answer.status == 200


async def test_after_a_short_pause_the_bound_counts_from_its_end(
    tmp_path: Path, client: ClientSession
) -> None:
    """Shorter than the view may be old: until the feed has read again the old view is good."""
    async with serving_pair(tmp_path) as pair:
        gone = await log_in_token(client, pair.one)
        assert await ask(client, pair.other, gone) == 200
        began = await pause_and_log_out(client, pair, gone)
        try:
            await wait_out(began, SHORT)
        finally:
            continued = send_signal(pair.other, signal.SIGCONT)
        assert await let_in_until(client, pair.other, gone, continued) <= BY_SQL


async def test_who_has_not_read_a_key_refuses_and_acknowledges_nothing_of_what_it_sealed(
    tmp_path: Path, client: ClientSession
) -> None:
    """An urgent key begins to sign while a replica stands still: that one cannot tell, for once."""
    async with serving_pair(tmp_path) as pair, AsyncExitStack() as stack:
        here, paused = pair.one, pair.other
        asking, ending = await connect(stack, paused), await connect(stack, paused)
        another = await log_in_token(client, here)
        await pause_and_log_out(client, pair, another)  # so it keeps nobody from logging in either
        try:
            turned = await here.run("key", "rotate", "--now")
            assert turned.status == 0, turned.err

            async def signs() -> bool:
                return header_kid(await log_in_token(client, here)) == turned.out.strip()

            await until(signs, "a token of the new key")
            asked, ended = await log_in_token(client, here), await log_in_token(client, here)
            for connection in asking:
                await connection.send(question(asked))
            for connection in ending:
                await connection.send(logout(ended))
        finally:
            continued = send_signal(paused, signal.SIGCONT)
        told = await answers(asking)
        assert set(told) <= {200, 503}, (told, paused.read_log()[-8:])
        acknowledged = (await answers(ending))[204]
        if acknowledged:
            assert await let_in_until(client, here, ended, continued) <= BY_SQL

        async def passes() -> bool:
            return await ask(client, paused, asked) == 200

        assert await until(passes, "a ring that has the key") <= READ_WITHIN
