"""A command that finds no embedded database: it has other settings than the service."""

from pathlib import Path

import pytest

from tests.cli.running import sidecar

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize(
    "command",
    ["revoke --everyone", "revoke --user alice", "throttle clear --all", "key rotate --now"],
)
async def test_nobody_is_told_that_it_is_done(tmp_path: Path, command: str) -> None:
    ran = await sidecar(tmp_path, *command.split())
    database = tmp_path / "data" / "sidecar.db"
    problem = f"there is no database {database} (database.url): name the settings of the service"
    assert (ran.status, ran.out, ran.problems) == (1, "", [problem])
    assert not (tmp_path / "data").exists()
