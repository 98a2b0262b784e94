"""SIGTERM: not ready, what is under way is answered, every connection ends, exit 0 in time."""

import asyncio
import json
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import ClientConnectorError, ClientError, ClientSession

from tests.faults.asking import QUESTION, ask, log_in_token, readiness, until
from tests.faults.raw import connected, request
from tests.programs.service import PASSWORD, Service, make_service, serving

pytestmark = pytest.mark.asyncio

PROMISE = 10.0  # seconds from SIGTERM to the end
LOGIN = json.dumps({"username": "alice", "password": PASSWORD}).encode()
LOGIN_HEADERS = (("Content-Type", "application/json"),)


@pytest_asyncio.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    """Run a service with a user alice."""
    made = make_service(tmp_path)
    await made.add_user("alice")
    async with serving(made):
        yield made


def signal_service(service: Service, number: signal.Signals = signal.SIGTERM) -> float:
    """Send a signal; return the monotonic second."""
    assert service.program is not None
    service.program.process.send_signal(number)
    return time.monotonic()


async def ended(service: Service, since: float) -> int:
    """Return the exit code, which must come in time."""
    assert service.program is not None
    async with asyncio.timeout(PROMISE):
        code = await service.program.process.wait()
    assert time.monotonic() - since < PROMISE
    return code


async def is_draining(client: ClientSession, service: Service) -> bool:
    return (await readiness(client, service))[0] == 503


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_an_idle_service_ends_at_once(service: Service, number: signal.Signals) -> None:
    since = signal_service(service, number)
    assert await ended(service, since) == 0


async def test_a_request_under_way_is_answered_while_it_is_not_ready(
    service: Service, client: ClientSession
) -> None:
    whole = request("POST", "/login", LOGIN_HEADERS, LOGIN)
    async with connected(service) as slow:
        await slow.send(whole[:-10])
        await ask(client, service, "")  # a turn of the service later the request is under way
        since = signal_service(service)
        await until(lambda: is_draining(client, service), "503 from /readyz")
        await slow.send(whole[-10:])
        status, headers, body = await slow.receive()
        assert status == 200
        assert "access_token" in json.loads(body)
        assert headers["connection"] == "close"
        assert await slow.is_closed()
    assert await ended(service, since) == 0


async def test_a_body_that_never_comes_does_not_hold_it_up(service: Service) -> None:
    async with connected(service) as stalled:
        await stalled.send(request("POST", "/login", LOGIN_HEADERS, LOGIN)[:-10])
        async with connected(service) as other:
            await other.send(request("GET", "/login"))
            assert (await other.receive())[0] == 200
        since = signal_service(service)
        assert (await stalled.receive())[0] == 408
        assert await ended(service, since) == 0


async def test_many_logins_under_way_are_all_answered(service: Service) -> None:
    async with AsyncExitStack() as stack:
        connections = [await stack.enter_async_context(connected(service)) for _ in range(20)]
        for connection in connections:
            await connection.send(request("POST", "/login", LOGIN_HEADERS, LOGIN))
        answers = [asyncio.create_task(connection.receive()) for connection in connections]
        done, _ = await asyncio.wait(answers, return_when=asyncio.FIRST_COMPLETED)
        assert len(done) < len(answers)
        since = signal_service(service)
        statuses = [status for status, _, _ in await asyncio.gather(*answers)]
    assert statuses == [200] * 20
    assert await ended(service, since) == 0


async def test_a_connection_that_is_kept_alive_serves_one_more_and_is_closed(
    service: Service, client: ClientSession
) -> None:
    token = await log_in_token(client, service)
    question = request("GET", "/verify", (*QUESTION.items(), ("Authorization", f"Bearer {token}")))
    async with connected(service) as kept:
        await kept.send(question)
        status, headers, _ = await kept.receive()
        assert (status, headers.get("connection")) == (200, None)
        since = signal_service(service)
        await until(lambda: is_draining(client, service), "503 from /readyz")
        await kept.send(question)
        status, headers, _ = await kept.receive()
        assert (status, headers["connection"]) == (200, "close")
        assert await kept.is_closed()
    assert await ended(service, since) == 0


async def test_an_idle_connection_does_not_hold_it_up(service: Service) -> None:
    async with connected(service) as kept, connected(service) as silent:
        await kept.send(request("GET", "/login"))
        assert (await kept.receive())[0] == 200
        since = signal_service(service)
        assert await kept.is_closed()
        assert await silent.is_closed()
        assert await ended(service, since) == 0


async def test_half_a_request_head_does_not_hold_it_up(service: Service) -> None:
    async with connected(service) as half:
        await half.send(b"GET /login HTTP/1.1\r\nHost:")
        since = signal_service(service)
        assert await half.is_closed()
        assert await ended(service, since) == 0


async def test_no_request_of_a_busy_gateway_is_lost(
    service: Service, client: ClientSession
) -> None:
    """Whoever still gets a connection gets an answer; afterwards there are no connections."""
    token = await log_in_token(client, service)
    answered: Counter[int] = Counter()
    lost: list[ClientError] = []
    busy = asyncio.Event()

    async def go_on_asking(own: ClientSession) -> None:
        while True:
            try:
                answered[await ask(own, service, token)] += 1
            except ClientConnectorError:
                return
            except ClientError as error:
                lost.append(error)
                return
            if answered.total() > 500:
                busy.set()

    async with AsyncExitStack() as stack:
        asking = []
        for _ in range(16):
            own = await stack.enter_async_context(ClientSession())
            own._retry_connection = False  # what a gateway may not do with every request
            asking.append(asyncio.create_task(go_on_asking(own)))
        await busy.wait()
        since = signal_service(service)
        await asyncio.gather(*asking)
    assert lost == []
    assert set(answered) == {200}
    assert await ended(service, since) == 0
