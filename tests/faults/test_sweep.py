"""What is over is forgotten, here and in the database, and a locked database only delays it."""

import sqlite3
from pathlib import Path

import pytest

from sidecar.app import serving as serving_module
from sidecar.clock import read_clock
from tests.faults.asking import until
from tests.faults.inside import serving_inside

pytestmark = pytest.mark.asyncio


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving_module, "SWEEP_PERIOD", 0.05)


def revocations_in(directory: Path) -> int:
    database = sqlite3.connect(directory / "data" / "sidecar.db", timeout=0)
    try:
        number: int = database.execute("SELECT count(*) FROM revocations").fetchone()[0]
        return number
    finally:
        database.close()


async def test_a_revocation_that_is_over_is_forgotten_and_another_is_not(tmp_path: Path) -> None:
    async with serving_inside(tmp_path) as (serving, _):
        store, now = serving.services.store.revocations, read_clock().unix
        await store.revoke_token("over", forget_at=now)
        await store.revoke_token("alive", forget_at=now + 3600)

        async def is_swept() -> bool:
            return len(serving.gate.view) == 1 and revocations_in(tmp_path) == 1

        await until(is_swept, "one revocation, there and here")


async def test_a_database_that_is_locked_is_swept_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving_inside(tmp_path) as (serving, _):
        await serving.services.store.revocations.revoke_token("over", forget_at=1)
        database = sqlite3.connect(tmp_path / "data" / "sidecar.db", isolation_level=None)
        database.execute("BEGIN EXCLUSIVE")

        async def has_warned() -> bool:
            return "nothing was purged" in caplog.text

        await until(has_warned, "a warning")
        database.close()

        async def is_swept() -> bool:
            return revocations_in(tmp_path) == 0

        await until(is_swept, "no revocation")
