"""The process that parses a changed policy: bounded, of our own code alone, and never missed."""

import asyncio
import io
import os
import pickle
import signal
from pathlib import Path

import pytest

from sidecar.sources.policyfile import PolicyFile
from sidecar.sources.policyworker import FRAME, LARGEST_MEMORY, LONGEST_TIME, write_frames
from tests.sources.policies import (
    SMALL,
    find_workers,
    limits_of,
    make_policy,
    require_proc,
    start_reading,
    until,
)

pytestmark = pytest.mark.asyncio


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(SMALL)
    return path


@pytest.fixture
def file(path: Path) -> PolicyFile:
    require_proc()
    return PolicyFile(path, named=True)


async def test_time_and_memory_of_the_process_are_bounded(path: Path, file: PolicyFile) -> None:
    reading, process = await start_reading(path, file)
    wanted = {"Max cpu time": LONGEST_TIME, "Max address space": LARGEST_MEMORY}

    def is_bounded() -> bool:
        assert not reading.done()
        limits = limits_of(process)
        return all(limits[name] == str(most) for name, most in wanted.items())

    await until(is_bounded)
    await reading


async def test_nothing_of_the_environment_reaches_the_process(
    path: Path, file: PolicyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIDECAR_BOOTSTRAP__PASSWORD", "not for everybody")
    reading, process = await start_reading(path, file)
    assert (process / "environ").read_bytes() == b""
    assert (process / "cwd").readlink() == Path("/")
    await reading


async def test_no_module_that_lies_about_is_taken_for_ours(
    path: Path, file: PolicyFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await file.read()
    trap = tmp_path / "trap"
    trap.mkdir()
    for name in ("sitecustomize", "usercustomize", "yaml", "sidecar", "pickle", "resource"):
        (trap / f"{name}.py").write_text("raise SystemExit(0)")
    monkeypatch.setenv("PYTHONPATH", str(trap))
    monkeypatch.setenv("PYTHONSTARTUP", str(trap / "yaml.py"))
    monkeypatch.chdir(trap)
    await asyncio.to_thread(path.write_text, make_policy(1, hosts=2, rules=2))
    assert len(await file.read()) == 4


async def test_who_stops_while_a_policy_is_parsed_leaves_no_process(
    path: Path, file: PolicyFile
) -> None:
    reading, process = await start_reading(path, file)
    os.kill(int(process.name), signal.SIGSTOP)  # it would have ended by itself
    reading.cancel()
    await asyncio.wait([reading])
    assert reading.cancelled()
    await until(lambda: not process.exists())


async def test_no_process_is_left_when_a_policy_was_read(path: Path, file: PolicyFile) -> None:
    reading, process = await start_reading(path, file)
    await reading
    assert not process.exists()
    assert find_workers() == []


async def test_a_host_of_many_rules_comes_in_several_frames() -> None:
    out = io.BytesIO()
    text = make_policy(0, hosts=1, rules=FRAME + 1)
    write_frames(io.BytesIO(text.encode()), "policy.yaml", out)
    out.seek(0)
    problems, first, second, end = (pickle.load(out) for _ in range(4))  # noqa: S301 - our own
    assert (problems, end) == ((), None)
    assert [len(rules) for _, rules in (first, second)] == [FRAME, 1]
    assert out.read() == b""


async def test_a_wrong_policy_is_its_problems_alone() -> None:
    out = io.BytesIO()
    write_frames(io.BytesIO(b"hosts: []"), "policy.yaml", out)
    assert pickle.loads(out.getvalue()) == (  # noqa: S301 - our own
        "policy.yaml:1: hosts: must be a mapping of hosts to their rules",
    )
