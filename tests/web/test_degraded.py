"""What is not as it should be: in the metrics as in readiness, and at the start in the log."""

import asyncio
import logging
from pathlib import Path

import pytest
from aiohttp import ClientSession, UnixConnector

from sidecar.sources.watch import PERIOD
from tests.web.conftest import Web, serving_web

pytestmark = pytest.mark.asyncio


async def read_gauges(web: Web) -> dict[str, float]:
    """Return the parts that /metrics knows, and whether each is degraded."""
    async with (
        ClientSession(connector=UnixConnector(str(web.operations))) as session,
        session.get("http://operations/metrics") as answer,
    ):
        lines = (await answer.text()).splitlines()
    gauges = (line for line in lines if line.startswith("sidecar_degraded{"))
    return {line.split('"')[1]: float(line.rpartition(" ")[2]) for line in gauges}


async def await_gauges(web: Web, **expected: float) -> None:
    """Wait until /metrics says exactly this."""
    async with asyncio.timeout(10 * PERIOD):
        while True:
            if await read_gauges(web) == expected:
                return
            await asyncio.sleep(0.02)


async def test_a_policy_that_is_not_in_force_is_a_gauge(served: Web) -> None:
    await await_gauges(served, keys=0, lane=0, policy=0, sql=0)
    file = served.directory / "policy.yaml"
    right = file.read_text()
    file.write_text("hosts: {app.example.com: [{path: /**, alow: anyone}]}")
    await await_gauges(served, keys=0, lane=0, policy=1, sql=0)
    file.write_text(f"{right}# again\n")
    await await_gauges(served, keys=0, lane=0, policy=0, sql=0)
    file.unlink()
    await await_gauges(served, keys=0, lane=0, policy=1, sql=0)


async def test_redis_is_a_part_only_where_it_is_configured(tmp_path: Path) -> None:
    away = {"redis": {"url": f"unix://{tmp_path / 'nobody'}"}}
    async with serving_web(tmp_path, away) as web:
        await await_gauges(web, keys=0, lane=0, policy=0, redis=1, sql=0)


async def test_what_a_policy_hardly_means_is_told_at_the_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "sidecar.app")
    rules = [
        {"path": "/in/**", "allow": {"networks": ["127.0.0.0/8"]}},
        {"path": "/**", "allow": {"roles": ["admin"]}},
    ]
    async with serving_web(tmp_path, policy={"hosts": {"auth.example.com": rules}}):
        told = [record.getMessage() for record in caplog.records]
    assert [text.partition(": ")[0] for text in told] == [
        "server.public_url",  # which is not https
        *(f"{tmp_path}/policy.yaml:3", f"{tmp_path}/policy.yaml:7"),
    ]
    assert "127.0.0.0/8 overlaps" in told[1]
    assert "admin" in told[2]
