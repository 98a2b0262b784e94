"""A process ends in its time whatever it waits for: a frozen database, a request without end."""

import asyncio
import json
import signal
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
import sqlalchemy as sa
from aiohttp import ClientError, ClientSession, web

from sidecar.app.runner import DrainingRunner
from sidecar.stores.sql.engine import CONNECTIONS, Database
from tests.faults.asking import log_in, until
from tests.programs.certificates import make_certificates
from tests.programs.postgres import serving_postgres
from tests.programs.process import free_port
from tests.programs.redis import serving_redis
from tests.programs.service import end_quietly, make_service, serving

pytestmark = pytest.mark.asyncio

PROMISE: Final = 10.0  # seconds from SIGTERM to the end
CLOSED: Final = 2.0  # seconds; as many connections one after the other would take longer
ENDED: Final = 8.0  # seconds for the requests, so that the stores have two to be closed in


async def test_connections_to_a_frozen_database_are_all_closed_at_once() -> None:
    with serving_postgres() as server:
        database = Database(await asyncio.to_thread(server.make_database))
        together = asyncio.Barrier(CONNECTIONS)

        async def use_one() -> None:
            async with database.read() as connection:
                await connection.execute(sa.select(1))
                await together.wait()

        await asyncio.gather(*(use_one() for _ in range(CONNECTIONS)))
        server.send(signal.SIGSTOP)
        try:
            async with asyncio.timeout(CLOSED):
                await database.close()
        finally:
            server.send(signal.SIGCONT)


async def test_a_database_that_froze_just_now_does_not_keep_a_process_from_ending(
    tmp_path: Path, client: ClientSession
) -> None:
    with serving_postgres() as server:
        url = await asyncio.to_thread(server.make_database)
        made = make_service(tmp_path, {"database": {"url": url}})
        upgraded = await made.run("db", "upgrade")
        assert upgraded.status == 0, upgraded.err
        await made.add_user("alice")
        async with serving(made):
            # So many connections are idle then.
            await asyncio.gather(*(log_in(client, made) for _ in range(4 * CONNECTIONS)))
            server.send(signal.SIGSTOP)
            try:
                async with asyncio.timeout(PROMISE):
                    assert await made.end() == 0
            finally:
                server.send(signal.SIGCONT)
            problems = [line for line in made.read_log() if line["level"] in {"ERROR", "CRITICAL"}]
            assert problems == []


@pytest.mark.parametrize("by_tls", [False, True], ids=["plain", "by TLS"])
async def test_a_redis_that_froze_just_now_does_not_keep_a_process_from_ending(
    tmp_path: Path, client: ClientSession, by_tls: bool
) -> None:
    tls = make_certificates(tmp_path) if by_tls else None
    async with serving_redis(tmp_path, tls=tls) as redis:
        shown = {"url": redis.url}
        if tls is not None:
            certificate, key = map(str, tls.client)
            shown |= {"ca_file": str(tls.ca), "cert_file": certificate, "key_file": key}
        made = make_service(tmp_path, {"redis": shown})
        await made.add_user("alice")
        async with serving(made):
            await asyncio.gather(*(log_in(client, made) for _ in range(CONNECTIONS)))
            assert redis.program is not None
            redis.program.process.send_signal(signal.SIGSTOP)
            async with asyncio.timeout(PROMISE):
                assert await made.end() == 0


A_THREAD: Final = """
import threading
threading.Thread(target=threading.Event().wait, name='hangs').start()
"""
# The thread that writes opens the database, and it is gone.
A_FILE: Final = """
import sqlite3, threading
connect = sqlite3.dbapi2.connect
def hang(*args, **kwargs):
    if threading.current_thread().name.startswith("sqlite"):
        threading.Event().wait()
    return connect(*args, **kwargs)
sqlite3.connect = sqlite3.dbapi2.connect = hang
"""
# So it is where a thread looks for the file for the first time.
A_START: Final = """
import os, pathlib, threading
look = os.open
def hang(path, *args, **kwargs):
    if str(path).endswith(".db"):
        pathlib.Path("hung").touch()
        threading.Event().wait()
    return look(path, *args, **kwargs)
os.open = hang
"""


def hang(folder: Path, program: str = A_THREAD) -> dict[str, str]:
    """Return the environment of a process in which something waits for ever, for what is gone."""
    place = folder / "hanging"
    place.mkdir()
    (place / "sitecustomize.py").write_text(program)
    return {"PYTHONPATH": str(place)}


async def test_a_thread_that_hangs_does_not_keep_a_process_from_ending(tmp_path: Path) -> None:
    service = make_service(tmp_path, environ=hang(tmp_path))
    async with serving(service):
        async with asyncio.timeout(PROMISE):
            assert await service.end() == 0
    *_, stopped, forced = service.read_log()
    assert (stopped["message"], forced["message"]) == ("stopped", "ended by force")
    assert "hangs" in forced["threads"]


async def test_nor_does_the_one_that_writes_to_sqlite_at_a_file_that_is_gone(
    tmp_path: Path, client: ClientSession
) -> None:
    service = make_service(tmp_path, environ=hang(tmp_path, A_FILE))
    async with serving(service):
        guess = {"username": "alice", "password": "not the passphrase"}
        guessing = asyncio.ensure_future(client.post(f"{service.url}/login", json=guess))
        await asyncio.wait([guessing], timeout=1)
        assert not guessing.done()
        async with asyncio.timeout(PROMISE):
            assert await service.end() == 0
        await asyncio.wait([guessing])
    *_, forced = service.read_log()
    assert forced["message"] == "ended by force"
    assert any(each.startswith("sqlite") for each in forced["threads"])


async def test_nor_does_a_start_that_hangs_there(tmp_path: Path) -> None:
    service = make_service(tmp_path, environ=hang(tmp_path, A_START))
    starting = asyncio.create_task(service.start())

    async def hangs() -> bool:
        return (tmp_path / "hung").exists()

    try:
        await until(hangs, "it hangs")
        async with asyncio.timeout(PROMISE):
            assert await service.end() == 0
        with pytest.raises(AssertionError, match="not ready"):
            await starting
    finally:
        await end_quietly(service)
    *_, forced = service.read_log()
    assert forced["message"] == "ended by force"


async def test_nor_where_it_could_not_start_and_the_log_says_why(tmp_path: Path) -> None:
    service = make_service(tmp_path, environ=hang(tmp_path))
    async with serving(replace(service, environ={})), asyncio.timeout(PROMISE):
        ended = await service.run("serve")
    assert ended.status == 1
    *_, forced = map(json.loads, ended.out.splitlines())
    assert forced["message"] == "ended by force"
    assert forced["cause"].startswith("cannot listen on ")


async def test_a_request_without_end_is_cut_off_in_time(client: ClientSession) -> None:
    begun, cut = asyncio.Event(), asyncio.Event()

    async def wait_for_ever(_request: web.Request) -> web.Response:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cut.set()
        return web.Response()

    app, port = web.Application(), free_port()
    app.router.add_get("/", wait_for_ever)
    runner = DrainingRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    asking = asyncio.create_task(client.get(f"http://127.0.0.1:{port}/"))
    await begun.wait()
    async with asyncio.timeout(ENDED):
        await runner.cleanup()
        with pytest.raises(ClientError):
            await asking
        await cut.wait()
