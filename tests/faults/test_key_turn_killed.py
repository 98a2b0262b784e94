"""`kill -9` anywhere in the keys' life: the next start completes what was begun, or undoes it.

At every write, or at every await. The processes are those of `dying_keys.py`: a first start, a turn
on schedule, and an emergency.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.markdown import ROOT

pytestmark = pytest.mark.asyncio

DEADLINE = 200.0  # seconds for all deaths; a fifth of it is enough
WORK = {
    "keys": {"directory": "ring/keys"},
    "database": {"url": "sqlite:///ring/sidecar.db"},
}
SIGNING = [["cookie", "active"], ["token", "active"]]
TURNED = sorted([*SIGNING, ["cookie", "next"], ["token", "next"]])


async def die_everywhere(directory: Path, name: str, kind: str = "writes") -> list[dict[str, Any]]:
    """Return what was found behind each death, and at last behind the one who lived."""
    (directory / "sidecar.yaml").write_text(yaml.safe_dump(WORK))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.faults.dying_keys", str(directory), name, kind),
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
    found = [json.loads(line) for line in out.splitlines()]
    assert [each["lived"] for each in found] == [False] * (len(found) - 1) + [True]
    for each in found:
        assert (each["due"], each["chained"], each["litter"]) == (False, True, [])
    return found


async def test_a_first_start_that_is_killed_is_completed_by_the_next(tmp_path: Path) -> None:
    found = await die_everywhere(tmp_path, "first")
    assert len(found) > 20
    assert all(None not in each["signing"].values() for each in found)
    assert all(each["states"] == SIGNING for each in found)


@pytest.mark.parametrize(("kind", "deaths"), [("writes", 50), ("awaits", 4)])
async def test_a_turn_that_is_killed_is_completed_by_the_next(
    tmp_path: Path, kind: str, deaths: int
) -> None:
    """And at no place anything else signs than before: the next keys have to be seen first."""
    found = await die_everywhere(tmp_path, "turn", kind)
    assert len(found) > deaths
    (signing,) = {tuple(sorted(each["signing"].items())) for each in found}
    assert None not in dict(signing).values()
    assert {tuple(map(tuple, each["states"])) for each in found} == {tuple(map(tuple, TURNED))}


async def test_an_emergency_that_is_killed_is_none_or_is_completed_by_the_next(
    tmp_path: Path,
) -> None:
    """Before its commit nothing was revoked; from then on the key never signs again."""
    found = await die_everywhere(tmp_path, "revoke", "awaits")
    revoked = [len(each["revoked"]) for each in found]
    assert revoked == sorted(revoked)
    assert set(revoked) == {0, 1}
    for each in found:
        states = {tuple(state) for state in each["states"]}
        if each["revoked"]:
            assert each["signing"]["token"] not in each["revoked"]
            assert ("token", "revoked") in states
            assert states & {("token", "next"), ("token", "active")}
        else:
            assert each["signing"]["token"] is not None
            assert sorted(each["states"]) == TURNED
