"""A newer version beside this one takes rights away in a manner that this one does not know."""

import asyncio
import json
import sqlite3
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.faults.asking import ask, log_in_token, readiness, until, until_degraded
from tests.programs.service import Service, make_service, serving

pytestmark = pytest.mark.asyncio

STALE = {"revocation": {"max_staleness": "2s"}}  # the least that the settings allow


def revoke_at_a_later_level(service: Service) -> None:
    database = sqlite3.connect(service.directory / "data" / "sidecar.db")
    with database:
        database.execute(
            "INSERT INTO revocations (level, subject, epoch, forget_at) VALUES ('later', 'k', 0, 1)"
        )
    database.close()


async def test_the_gate_goes_on_until_its_view_is_too_old_and_says_why(
    tmp_path: Path, client: ClientSession
) -> None:
    service = make_service(tmp_path, STALE)
    await service.add_user("alice")
    async with serving(service):
        token = await log_in_token(client, service)
        await asyncio.to_thread(revoke_at_a_later_level, service)
        await until_degraded(client, service, "sql")
        assert await ask(client, service, token) == 200

        async def is_refused() -> bool:
            return await ask(client, service, token) == 503

        await until(is_refused, "503")
        assert (await readiness(client, service))[0] == 503

        async def is_told() -> bool:
            return [line["level"] for line in service.read_log()].count("ERROR") == 2

        await until(is_told, "two errors")
        unread, too_old = [line for line in service.read_log() if line["level"] == "ERROR"]
        assert unread["message"] == "the revocations cannot be read"
        assert "newer version" in unread["cause"]
        assert "the revocations were last read" in too_old["message"]


async def test_a_start_is_refused_in_one_line(tmp_path: Path) -> None:
    service = make_service(tmp_path)
    async with serving(service):
        pass
    await asyncio.to_thread(revoke_at_a_later_level, service)
    done = await service.run("serve")
    assert done.status == 1
    assert done.err.count("\n") == 1
    assert "a newer version wrote a revocation" in done.err
    assert "Traceback" not in done.out
    assert all(line["level"] != "CRITICAL" for line in map(json.loads, done.out.splitlines()))
