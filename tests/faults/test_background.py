"""What keeps the gate fresh must not end unseen: the process ends with it, and says why."""

import asyncio
import json
import logging
import sqlite3
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientError, ClientSession

from sidecar.app.background import BackgroundEnded, running
from tests.faults.asking import PATIENCE, readiness, until
from tests.programs.service import Service, make_service, serving

CLOSING = 0.5  # seconds

pytestmark = pytest.mark.asyncio


async def for_ever() -> None:
    await asyncio.Event().wait()


async def fail() -> None:
    raise ZeroDivisionError


async def return_at_once() -> None:
    pass


async def cancel_itself() -> None:
    raise asyncio.CancelledError


async def test_tasks_run_until_the_block_is_left() -> None:
    stopped = asyncio.Event()

    async def work() -> None:
        try:
            await for_ever()
        finally:
            stopped.set()

    async with running({"work": work()}, ended=lambda: pytest.fail("it has ended")):
        await asyncio.sleep(0)
        assert not stopped.is_set()
    assert stopped.is_set()


async def test_what_a_task_does_at_its_end_is_not_cut_off() -> None:
    """It may close a connection, which takes as long as a slow disk does."""
    closed = False

    async def work() -> None:
        nonlocal closed
        try:
            await for_ever()
        finally:
            await asyncio.sleep(CLOSING)
            closed = True

    async with running({"work": work()}, ended=lambda: pytest.fail("it has ended")):
        await asyncio.sleep(0)
    assert closed


async def test_a_task_that_does_not_end_is_named_and_left_behind(
    caplog: pytest.LogCaptureFixture,
) -> None:
    let_go = asyncio.Event()

    async def work() -> None:
        while not let_go.is_set():
            with suppress(asyncio.CancelledError):
                await let_go.wait()

    async with asyncio.timeout(PATIENCE):
        async with running({"the feed": work()}, ended=lambda: pytest.fail("it has ended")):
            await asyncio.sleep(0)
    (record,) = caplog.records
    assert record.getMessage() == "the feed has not ended, and is left behind"
    let_go.set()


@pytest.mark.parametrize("end", [fail, return_at_once, cancel_itself])
async def test_a_task_that_ends_is_logged_and_the_block_is_left_with_an_error(
    caplog: pytest.LogCaptureFixture, end: Callable[[], Coroutine[Any, Any, None]]
) -> None:
    leave = asyncio.Event()

    async def serve() -> None:
        async with running({"the feed": for_ever(), "the watch": end()}, ended=leave.set):
            await leave.wait()

    with pytest.raises(BackgroundEnded, match="the watch has ended, which is a bug"):
        await asyncio.wait_for(serve(), PATIENCE)
    (record,) = caplog.records
    assert record.levelno == logging.CRITICAL
    assert record.getMessage().startswith("the watch has ended")
    cause = record.exc_info[0] if record.exc_info else None
    assert cause is (ZeroDivisionError if end is fail else None)


async def test_what_the_block_raises_is_not_wrapped(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(KeyError):
        async with running({"the feed": for_ever()}, ended=lambda: None):
            raise KeyError
    assert caplog.records == []


async def test_a_task_that_fails_while_it_is_ended_ends_all_the_same() -> None:
    async def work() -> None:
        try:
            await for_ever()
        finally:
            raise ZeroDivisionError

    async with running({"work": work()}, ended=lambda: None):
        await asyncio.sleep(0)


def spoil_the_log_of_revocations(service: Service) -> None:
    """Write what no version of the service writes: a date that is no number."""
    database = sqlite3.connect(service.directory / "data" / "sidecar.db")
    with database:
        database.execute(
            "INSERT INTO revocations (level, subject, epoch, forget_at)"
            " VALUES ('token', 'j-1', 0, 'never')"
        )
    database.close()


async def test_a_service_whose_feed_died_exits_with_1_and_one_line(
    tmp_path: Path, client: ClientSession
) -> None:
    service = make_service(tmp_path)
    serve = asyncio.create_task(service.run("serve"))

    async def is_ready() -> bool:
        try:
            return (await readiness(client, service))[0] == 200
        except ClientError:
            return False

    await until(is_ready, "ready")
    spoil_the_log_of_revocations(service)
    async with asyncio.timeout(PATIENCE):
        done = await serve
    assert done.status == 1
    assert done.err == "the feed of SQL has ended, which is a bug; the log has its cause\n"
    causes = [line for line in map(json.loads, done.out.splitlines()) if "exc_info" in line]
    assert [line["level"] for line in causes] == ["CRITICAL"]
    assert "TypeError" in causes[0]["exc_info"]


async def test_a_service_that_a_bug_keeps_from_starting_says_so_in_its_log(tmp_path: Path) -> None:
    service = make_service(tmp_path)
    async with serving(service):
        pass
    spoil_the_log_of_revocations(service)
    done = await service.run("serve")
    assert (done.status, done.err) == (1, "")
    *_, last = map(json.loads, done.out.splitlines())
    assert last["level"] == "CRITICAL"
    assert "TypeError" in last["exc_info"]
