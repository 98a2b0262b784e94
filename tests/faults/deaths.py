"""Processes that are killed at each await of a request, and what the next start finds."""

import asyncio
import json
import sys
from collections.abc import Sequence
from itertools import pairwise
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


async def die_everywhere(service: Service, name: str) -> list[Any]:
    """Return what was found behind each death, and at last behind the one who lived."""
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
    return [each["found"] for each in (*died, lived)]


def assert_undone_then_done(
    found: Sequence[object], undone: Sequence[object], done: Sequence[object]
) -> None:
    """Fail unless every state is one of the two, in this order, both before the request lived."""
    assert all(each in (undone, done) for each in found), found
    assert all(before != done or after == done for before, after in pairwise(found)), found
    assert undone in found
    assert found[-2:] == [done, done]
