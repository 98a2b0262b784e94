"""What starts often starts fast: it does not import what it does not need."""

import json
import sys
from pathlib import Path

import pytest

from tests.cli.running import Ran, execute

pytestmark = pytest.mark.asyncio

# Each costs tens of milliseconds or megabytes: asyncio 60 ms, aiohttp 215 ms, sqlalchemy 600 ms.
HEAVY = {"aiohttp", "alembic", "asyncio", "cryptography", "jinja2", "jwt", "redis", "sqlalchemy"}
PROGRAM = """\
import sys
from sidecar.cli import main
sys.argv[0] = "sidecar"
try:
    main()
finally:
    import json
    json.dump(sorted(name for name in sys.modules if "." not in name), sys.stderr)
"""


async def _modules(folder: Path, *arguments: str) -> tuple[Ran, set[str]]:
    ran = await execute(folder, (sys.executable, "-c", PROGRAM, *arguments))
    return ran, set(json.loads(ran.err.splitlines()[-1]))


async def test_the_version_and_the_help_need_click_alone(tmp_path: Path) -> None:
    ran, modules = await _modules(tmp_path, "--version")
    assert ran.status == 0
    assert modules.isdisjoint(HEAVY | {"marshmallow", "yaml"})


async def test_the_health_check_needs_no_more_than_the_settings(tmp_path: Path) -> None:
    (tmp_path / "sidecar.yaml").write_text('server: {operations_listen: "unix:nobody"}')
    ran, modules = await _modules(tmp_path, "healthcheck")
    assert ran.status == 1
    assert "marshmallow" in modules
    assert modules.isdisjoint(HEAVY)
