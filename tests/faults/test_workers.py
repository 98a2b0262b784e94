"""`serve --workers 2`: what holds in one worker holds in both, and ending them loses nothing."""

import asyncio
import os
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import ClientConnectorError, ClientError, ClientSession

from tests.faults.asking import (
    ask,
    let_in_until,
    log_in_token,
    log_out,
    until,
    until_degraded,
)
from tests.faults.workers import Workers, count_decisions, working

pytestmark = pytest.mark.asyncio

REVOKED = 1.0  # seconds until the other worker refuses too
END = 10.0  # seconds from SIGTERM


@pytest_asyncio.fixture
async def workers(tmp_path: Path) -> AsyncIterator[Workers]:
    """Run two workers."""
    async with working(tmp_path) as running:
        yield running


async def test_a_logout_at_one_worker_holds_at_both(workers: Workers) -> None:
    async with workers.connections() as (one, other):
        for here, there in ((one, other), (other, one)):
            token = await log_in_token(here, workers.service)
            assert await ask(there, workers.service, token) == 200
            since = await log_out(here, workers.service, token)
            assert await ask(here, workers.service, token) == 401
            assert await let_in_until(there, workers.service, token, since) <= REVOKED


async def test_each_worker_has_the_lane_and_decides(workers: Workers) -> None:
    async with workers.connections() as pair, ClientSession() as looking:
        token = await log_in_token(pair[0], workers.service)
        for client, service in zip(pair, (workers.service, workers.second), strict=True):
            before = await count_decisions(looking, service)
            for _ in range(3):
                assert await ask(client, workers.service, token) == 200
            assert await count_decisions(looking, service) == before + 3
            async with looking.get(f"{service.operations}/metrics") as answer:
                assert "sidecar_lane 1.0" in (await answer.text()).splitlines()


async def test_the_health_check_asks_both(workers: Workers) -> None:
    assert (await workers.service.run("healthcheck")).out == "ready\n"
    frozen = max(workers.pids)
    os.kill(frozen, signal.SIGSTOP)
    try:
        done = await workers.service.run("healthcheck")
    finally:
        os.kill(frozen, signal.SIGCONT)
    assert done.status == 1
    assert "not ready" in done.err


async def test_a_worker_that_was_killed_is_replaced_at_its_operations_address(
    workers: Workers, client: ClientSession
) -> None:
    token = await log_in_token(client, workers.service)
    lost = max(workers.pids)
    os.kill(lost, signal.SIGKILL)

    async def is_replaced() -> bool:
        return len(workers.pids - {lost}) == 2

    await until(is_replaced, "another worker")
    await workers.await_ready()
    assert await ask(client, workers.service, token) == 200


async def test_a_worker_that_cannot_start_is_tried_again_while_another_serves(
    workers: Workers, client: ClientSession
) -> None:
    token = await log_in_token(client, workers.service)
    policy = workers.service.directory / "policy.yaml"
    good = policy.read_text()
    policy.write_text("hosts: {")
    lost = max(workers.pids)
    (other,) = workers.pids - {lost}
    os.kill(lost, signal.SIGKILL)

    async def has_failed_twice() -> bool:
        messages = [line["message"] for line in workers.service.read_log()]
        return messages.count("a worker cannot start, and is tried again") >= 2

    await until(has_failed_twice, "two more tries")
    assert other in workers.pids
    assert await ask(client, workers.service, token) == 200
    policy.write_text(good)
    await workers.await_ready()
    assert other in workers.pids


async def test_sighup_has_both_read_again_and_replaces_none(
    workers: Workers, client: ClientSession
) -> None:
    """A policy that is wrong now must not keep a worker from starting: none is started."""
    before = workers.pids
    (workers.service.directory / "policy.yaml").write_text("hosts: {")
    assert workers.service.program is not None
    workers.service.program.process.send_signal(signal.SIGHUP)
    for service in (workers.service, workers.second):
        await until_degraded(client, service, "policy")

    async def have_read() -> bool:
        lines = workers.service.read_log()
        return [line["message"] for line in lines].count("keys: read") == len(before)

    await until(have_read, "the keys read by both")
    assert workers.pids == before


async def test_sigterm_loses_no_request_and_ends_in_time(
    workers: Workers, client: ClientSession
) -> None:
    token = await log_in_token(client, workers.service)
    answered: Counter[int] = Counter()
    lost: list[ClientError] = []
    busy = asyncio.Event()

    async def go_on_asking(own: ClientSession) -> None:
        while True:
            try:
                answered[await ask(own, workers.service, token)] += 1
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
        began = time.monotonic()
        assert await workers.service.end() == 0
        assert time.monotonic() - began < END
        await asyncio.gather(*asking)
    assert lost == []
    assert set(answered) == {200}


async def test_what_keeps_a_worker_from_starting_later_ends_the_service_visibly(
    workers: Workers, client: ClientSession
) -> None:
    """A date that is no number: no worker may go on deciding without that revocation."""
    database = sqlite3.connect(workers.service.directory / "data" / "sidecar.db")
    with database:
        database.execute(
            "INSERT INTO revocations (level, subject, epoch, forget_at)"
            " VALUES ('token', 'j-1', 0, 'never')"
        )
    database.close()
    assert workers.service.program is not None
    async with asyncio.timeout(END * 2):
        assert await workers.service.program.process.wait() == 1
    lines = workers.service.program.read_output().splitlines()
    assert "Traceback (most recent call last):" not in lines
