"""How a process that parses a policy may end: each way is one line that says what to do."""

import asyncio
import os
import resource
import signal
from pathlib import Path

import pytest

from sidecar.errors import DocumentInvalid, SidecarError, Unavailable
from sidecar.sources import policyprocess
from sidecar.sources.policyfile import PolicyFile
from sidecar.sources.policyworker import LARGEST_MEMORY
from tests.sources.policies import (
    SMALL,
    limits_of,
    make_policy,
    require_proc,
    start_reading,
    until,
)

pytestmark = pytest.mark.asyncio

CHECK = "see what `sidecar policy check` says"
# Those that a shell in the background or `nohup` ignores, and hands on, are left out.
KILLED = (signal.SIGKILL, signal.SIGTERM, signal.SIGUSR1)
WRONG = (
    (signal.SIGXCPU, "parsing it takes more than 30 s of CPU time: make it smaller"),
    (signal.SIGABRT, f"the process that parses it was ended by SIGABRT: {CHECK}"),
    (signal.SIGSEGV, f"the process that parses it was ended by SIGSEGV: {CHECK}"),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(SMALL)
    return path


@pytest.fixture
def file(path: Path) -> PolicyFile:
    require_proc()
    return PolicyFile(path, named=True)


async def fail(reading: "asyncio.Task[object]", kind: type[SidecarError]) -> str:
    """Return what is said of a reading that fails in this way."""
    with pytest.raises(kind) as raised:
        await reading
    return str(raised.value)


@pytest.mark.parametrize("number", KILLED, ids=lambda number: number.name)
async def test_a_process_that_is_killed_is_worth_another_try(
    path: Path, file: PolicyFile, number: signal.Signals
) -> None:
    """Half of a policy must not pass for all of it."""
    reading, process = await start_reading(path, file)
    os.kill(int(process.name), number)
    told = await fail(reading, Unavailable)
    assert told == (
        f"{path}: the process that parses it was ended by {number.name}; it is tried again,"
        " and where the kernel did it, memory is short"
    )
    assert (await file.read()).hosts[-1] == "app999.example.com"


async def test_a_signal_without_a_name_is_told_by_its_number(path: Path, file: PolicyFile) -> None:
    reading, process = await start_reading(path, file)
    os.kill(int(process.name), signal.SIGRTMIN + 1)
    told = await fail(reading, Unavailable)
    assert f"was ended by signal {signal.SIGRTMIN + 1};" in told


@pytest.mark.parametrize(("number", "said"), WRONG, ids=[row[0].name for row in WRONG])
async def test_a_process_that_this_policy_ends_is_a_mistake_in_it(
    path: Path, file: PolicyFile, number: signal.Signals, said: str
) -> None:
    reading, process = await start_reading(path, file)
    resource.prlimit(int(process.name), resource.RLIMIT_CORE, (0, 0))
    os.kill(int(process.name), number)
    assert await fail(reading, DocumentInvalid) == f"{path}: {said}"


async def test_a_process_that_stands_still_is_ended_and_tried_again(
    path: Path, file: PolicyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policyprocess, "MOST_LOOKS", 5)
    reading, process = await start_reading(path, file)
    os.kill(int(process.name), signal.SIGSTOP)
    told = await fail(reading, Unavailable)
    assert told == (
        f"{path}: parsing it took longer than 0.5 s; it is tried again: is this machine too busy?"
    )
    assert not process.exists()


async def test_a_policy_that_takes_too_much_memory_is_one_line(
    path: Path, file: PolicyFile, capfd: pytest.CaptureFixture[str]
) -> None:
    reading, process = await start_reading(path, file)
    await until(lambda: limits_of(process)["Max address space"] == str(LARGEST_MEMORY))
    resource.prlimit(int(process.name), resource.RLIMIT_AS, (1, 1))
    assert await fail(reading, DocumentInvalid) == (
        f"{path}: parsing it takes more than 1024 MiB of memory: make it smaller"
    )
    assert capfd.readouterr().err == ""


async def test_what_a_process_says_of_a_bug_stays_out_of_our_log(
    path: Path,
    file: PolicyFile,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    await file.read()
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho Traceback >&2\nexit 3\n")
    program.chmod(0o700)
    monkeypatch.setattr("sys.executable", str(program))
    await asyncio.to_thread(path.write_text, make_policy(1, hosts=2, rules=2))
    with pytest.raises(DocumentInvalid) as raised:
        await file.read()
    assert str(raised.value) == (f"{path}: the process that parses it ended with status 3: {CHECK}")
    assert capfd.readouterr().err == ""


async def test_where_no_process_can_be_started_it_is_worth_another_try(
    file: PolicyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    await file.read()
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    with pytest.raises(Unavailable, match=r"policy\.yaml: no process can be started"):
        await file.read()
