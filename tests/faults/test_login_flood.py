"""More logins than a machine can hash: the excess is told to come back, the gate goes on."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession, TCPConnector

from sidecar.core.audit import EVERYONE, OPERATOR, Action, AuditEvent
from sidecar.core.throttle import USER
from sidecar.stores.sql import open_store
from tests.faults.asking import ask, let_in_until, log_in_token, until
from tests.faults.raw import connected, request
from tests.programs.service import PASSWORD, Service, make_service, serving

pytestmark = pytest.mark.asyncio

LOGINS = 150  # more than three times what waits at once
TOGETHER = 200
STRANGERS = 100  # each asks again as soon as it has its answer
FLOOD = 4.0  # seconds
OLDEST = 5.0  # seconds, the age of the view; after thirty the gate would refuse everybody
SEEN = 5.0  # seconds until a revocation is seen; the load shares the cores with the service


async def test_the_excess_is_told_when_to_come_back_and_the_gate_goes_on(
    tmp_path: Path, client: ClientSession
) -> None:
    service = make_service(tmp_path)
    await service.add_user("alice")
    async with serving(service), ClientSession(connector=TCPConnector(limit=0)) as flood:
        token = await log_in_token(client, service)
        retry_after: set[str | None] = set()

        async def try_log_in(number: int) -> int:
            # Half of them are nobody: that must cost, and be refused, as a wrong password is.
            body = {"username": f"nobody{number}" if number % 2 else "alice", "password": PASSWORD}
            async with flood.post(f"{service.url}/login", json=body) as answer:
                if answer.status in {429, 503}:
                    retry_after.add(answer.headers.get("Retry-After"))
                return answer.status

        logins = [asyncio.create_task(try_log_in(number)) for number in range(LOGINS)]
        decided = 0
        while not all(login.done() for login in logins):
            assert await ask(client, service, token) == 200
            decided += 1
        statuses = Counter(await asyncio.gather(*logins))
        assert {200, 401, 503} <= set(statuses) <= {200, 401, 429, 503}
        assert all(value is not None and int(value) > 0 for value in retry_after)
        assert decided > 5
        await log_in_token(client, service)


async def test_two_hundred_logins_of_one_person_at_once_are_let_in_or_told_when_to_come_back(
    tmp_path: Path, client: ClientSession, database: dict[str, dict[str, str]]
) -> None:
    service = make_service(tmp_path, database)
    assert (await service.run("db", "upgrade")).status == 0
    await service.add_user("alice")
    async with serving(service), ClientSession(connector=TCPConnector(limit=0)) as flood:

        async def try_log_in(password: str) -> tuple[int, bool]:
            body = {"username": "alice", "password": password}
            async with flood.post(f"{service.url}/login", json=body) as answer:
                return answer.status, int(answer.headers.get("Retry-After", "0")) > 0

        wrong = Counter(await asyncio.gather(*(try_log_in("a wrong one") for _ in range(TOGETHER))))
        assert wrong[401, False] in range(1, USER.free + 3)
        assert set(wrong) <= {(401, False), (429, True), (503, True)}
        assert (await service.run("throttle", "clear", "alice")).status == 0
        await until_let_in(client, service)
        right = Counter(await asyncio.gather(*(try_log_in(PASSWORD) for _ in range(TOGETHER))))
        assert right[200, False] >= 1
        assert set(right) <= {(200, False), (429, True), (503, True)}
        await until_let_in(client, service)


async def until_let_in(client: ClientSession, service: Service) -> None:
    """Log in again and again; a process believes for some seconds that somebody has to wait."""

    async def is_let_in() -> bool:
        body = {"username": "alice", "password": PASSWORD}
        async with client.post(f"{service.url}/login", json=body) as answer:
            return answer.status == 200

    await until(is_let_in, "the login")


async def test_strangers_who_log_in_without_a_pause_keep_no_revocation_from_being_seen(
    tmp_path: Path, client: ClientSession
) -> None:
    service = make_service(tmp_path)
    await service.add_user("alice")
    url = f"sqlite:///{tmp_path / 'data' / 'sidecar.db'}"
    async with serving(service), open_store(url, outbox=False) as other:
        token = await log_in_token(client, service)
        ages: list[float] = []
        async with flooding(service) as answers:
            until = time.monotonic() + FLOOD
            while time.monotonic() < until - FLOOD / 2:
                ages.append(await read_age(client, service))
            event = AuditEvent(0, Action.EVERYONE_ENDED, OPERATOR, EVERYONE)
            await other.revocations.end_all_sessions(event)
            late = await let_in_until(client, service, token, time.monotonic())
            while time.monotonic() < until:
                ages.append(await read_age(client, service))
        assert late < SEEN
        assert max(ages) < OLDEST
        assert answers[503, True], answers
        assert set(answers) <= {(401, False), (429, True), (503, True)}


@asynccontextmanager
async def flooding(service: Service) -> AsyncIterator[Counter[tuple[int, bool]]]:
    """Have strangers log in for the length of the block; count what they are told.

    By hand: a client that costs as much as the service would be what is slow.
    """
    answers: Counter[tuple[int, bool]] = Counter()
    body = json.dumps({"username": "nobody", "password": PASSWORD}).encode()
    asked = request("POST", "/login", [("Content-Type", "application/json")], body)

    async def go_on() -> None:
        async with connected(service) as connection:
            while True:
                await connection.send(asked)
                status, headers, _ = await connection.receive()
                answers[status, "retry-after" in headers] += 1

    clients = [asyncio.create_task(go_on()) for _ in range(STRANGERS)]
    try:
        yield answers
        assert not any(each.done() for each in clients)
    finally:
        for each in clients:
            each.cancel()
        await asyncio.wait(clients)


async def read_age(client: ClientSession, service: Service) -> float:
    """Return how many seconds ago the revocations were read."""
    async with client.get(f"{service.operations}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    name = "sidecar_revocation_view_age_seconds "
    return next(float(line.removeprefix(name)) for line in lines if line.startswith(name))
