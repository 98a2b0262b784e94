"""What is over is forgotten, here and in the database, and a locked database only delays it."""

import sqlite3
from pathlib import Path

import pytest

from sidecar.app import sweep as sweep_module
from sidecar.app.sweep import FLUSH_MARGIN, LARGEST_STEP, clock_jumped
from sidecar.clock import Now, read_clock
from tests.faults.asking import until
from tests.faults.inside import serving_inside
from tests.programs.sqlite import held

pytestmark = pytest.mark.asyncio


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep_module, "SWEEP_PERIOD", 0.05)


def revocations_in(directory: Path) -> int:
    database = sqlite3.connect(directory / "data" / "sidecar.db", timeout=10)
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


@pytest.mark.parametrize(
    ("passed", "moved", "jumped"),
    [
        (60.0, 60, False),
        (60.0, 60 + LARGEST_STEP, False),
        (60.0, 60 - LARGEST_STEP, False),
        (60.0, 60 + LARGEST_STEP + 1, True),
        (60.0, 60 - LARGEST_STEP - 1, True),
        (0.0, 86_400 * 365, True),
        (60.0, -86_400 * 365, True),
        (3600.0, 3600, False),
        (3600.0, 60, True),
        (60.0, 3600, True),
    ],
)
async def test_a_clock_jumps_where_it_moves_otherwise_than_time_passes(
    passed: float, moved: int, jumped: bool
) -> None:
    before = Now(1_800_000_000, 1000.0)
    assert clock_jumped(before, Now(before.unix + moved, before.monotonic + passed)) is jumped


async def test_by_a_clock_that_is_ahead_for_a_moment_nothing_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As a machine has it that starts, or resumes, before it knows the time."""
    steps = [0, 86_400]  # seconds: as the sweep begins, and as it sweeps first

    def read_bad_clock() -> Now:
        now = read_clock()
        return now._replace(unix=now.unix + (steps.pop(0) if steps else 0))

    monkeypatch.setattr(sweep_module, "read_clock", read_bad_clock)
    async with serving_inside(tmp_path) as (serving, _):
        now = read_clock().unix
        (alive,) = await serving.services.store.revocations.revoke_token("a", forget_at=now + 60)
        serving.gate.view.apply([alive.revocation])
        await serving.services.store.revocations.revoke_token("over", forget_at=now)

        async def is_swept() -> bool:
            return not steps and len(serving.gate.view) == revocations_in(tmp_path) == 1

        await until(is_swept, "one revocation, there and here")
        assert await serving.services.store.revocations.read_entries(0) == [alive]
    lines = [each.getMessage() for each in caplog.records if "jumped" in each.getMessage()]
    assert lines == ["nothing was swept: the clock jumped"] * 2  # there, and back


@pytest.mark.parametrize("slept", [FLUSH_MARGIN + 1, 86_400])
async def test_who_slept_takes_nobody_for_idle_until_everybody_can_have_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slept: int
) -> None:
    """SQL may have been away all the time, and others could not write down who was here."""
    shift = [0]  # seconds

    def read_later() -> Now:
        now = read_clock()
        return Now(now.unix + shift[0], now.monotonic + shift[0])

    monkeypatch.setattr(sweep_module, "read_clock", read_later)
    async with serving_inside(tmp_path) as (serving, _):
        await serving._flush.flush()
        now = read_later()
        assert serving._flush.is_settled(now._replace(monotonic=now.monotonic + FLUSH_MARGIN))
        shift[0] = slept

        async def is_in_doubt() -> bool:
            return not serving._flush.is_settled(read_later())

        await until(is_in_doubt, "a sweep that is in doubt")
        await serving._flush.flush()
        assert not serving._flush.is_settled(read_later())
        now = read_later()
        assert serving._flush.is_settled(now._replace(monotonic=now.monotonic + FLUSH_MARGIN))


async def test_a_database_that_is_locked_is_swept_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving_inside(tmp_path) as (serving, _):
        await serving.services.store.revocations.revoke_token("over", forget_at=1)

        async def has_warned() -> bool:
            return "nothing was purged" in caplog.text

        async with held(tmp_path / "data" / "sidecar.db"):
            await until(has_warned, "a warning")

        async def is_swept() -> bool:
            return revocations_in(tmp_path) == 0

        await until(is_swept, "no revocation")
