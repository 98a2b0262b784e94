"""Processes that are killed at each await of a request, and what the next start finds."""

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tests.docs.markdown import ROOT
from tests.programs.service import Service, make_service

DEADLINE: Final = 200.0  # seconds for all deaths of one request; a tenth of it is enough

# Of a session: the generation of its row, the status for its access token, those of two refreshes.
UNTOUCHED: Final = [0, 200, 200, 200]
TURNED: Final = [1, 200, 200, 200]  # the old refresh token is good for the same successor again
ENDED: Final = [None, 401, 401, 401]

Settings = dict[str, dict[str, Any]]


async def prepare(directory: Path, settings: Settings) -> Service:
    """Return a service that has not been started, with a user alice."""
    service = make_service(directory, settings)
    if "database" in settings:
        assert (await service.run("db", "upgrade")).status == 0
    await service.add_user("alice")
    return service


async def die_everywhere(service: Service, name: str) -> list[dict[str, Any]]:
    """Return what is told of each death, and at last of the one who lived: see `dying.py`."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.faults.dying", str(service.config), name),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(DEADLINE):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, err.decode()
    *died, lived = map(json.loads, out.splitlines())
    assert all(each["status"] is None for each in died)
    assert lived["status"] in {200, 204}
    return [*died, lived]


def assert_undone_then_done(
    told: Sequence[dict[str, Any]], undone: Sequence[object], done: Sequence[object]
) -> None:
    """Fail unless all is undone before the commit, and done behind it: both before one lived.

    How many awaits lie before the commit differs: it waits for whoever reads just then.
    """
    may_be_found = {"ahead": [undone], "asked": [undone, done], "behind": [done]}
    for each in told:
        assert each["found"] in may_be_found[each["commit"]], told
    *died, lived = told
    assert {each["commit"] for each in died} == {*may_be_found}
    assert lived["commit"] == "behind"
