"""Whether there is a lane: the setting, and an aiohttp that is not as it needs it."""

from pathlib import Path

import pytest
from aiohttp import ClientSession, UnixConnector, web

from sidecar.app import serving
from sidecar.web.insides import FAULT, find_fault
from sidecar.web.lane import Lane
from sidecar.web.protocol import Protocol
from tests.web.conftest import Web, serving_web

pytestmark = pytest.mark.asyncio


async def test_aiohttp_is_as_the_lane_needs_it() -> None:
    assert find_fault() is None
    assert FAULT is None


@pytest.mark.parametrize("name", ["_waiter", "data_received"])
async def test_without_what_it_leans_on_there_is_no_lane(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for owner in web.RequestHandler.__mro__:
        if name in vars(owner):
            monkeypatch.delattr(owner, name)
    fault = find_fault()
    if name == "_waiter":
        assert fault == "aiohttp's RequestHandler has no _waiter"
    else:  # asyncio's own is left, which takes the same
        assert fault is None or name in fault


async def test_without_a_lane_readiness_and_metrics_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(serving, "FAULT", "aiohttp has no C parser")
    async with serving_web(tmp_path) as served:
        assert served.serving.list_degraded() == ["lane"]
        assert served.serving.protocol is Protocol
        assert await read_lane(served) == 0
    assert [each for each in caplog.records if each.getMessage() == "no fast lane"]


@pytest.mark.parametrize(("use", "value"), [("auto", 1), ("off", 0)])
async def test_the_setting_decides(tmp_path: Path, use: str, value: int) -> None:
    async with serving_web(tmp_path, {"server": {"lane": use}}) as served:
        assert served.serving.protocol is (Lane if value else Protocol)
        assert served.serving.list_degraded() == []
        assert await read_lane(served) == value


async def read_lane(served: Web) -> float:
    """Return what the metrics say of the lane."""
    async with (
        ClientSession(connector=UnixConnector(str(served.operations))) as session,
        session.get("http://operations/metrics") as answer,
    ):
        text = await answer.text()
    (line,) = (line for line in text.splitlines() if line.startswith("sidecar_lane "))
    return float(line.partition(" ")[2])
