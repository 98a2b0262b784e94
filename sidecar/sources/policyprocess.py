"""A changed policy, parsed by a process of its own and taken over in slices."""

import asyncio
import io
import pickle
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Final

from sidecar.core.policy import HostRules
from sidecar.errors import DocumentInvalid, SidecarError, Unavailable
from sidecar.sources.pace import Pace, building_to_last
from sidecar.sources.policyworker import LARGEST_MEMORY, LONGEST_TIME, OUT_OF_MEMORY

LOOK: Final = 0.1  # seconds between two looks at whether the process is still wanted
MOST_LOOKS: Final = 600  # a minute; the process itself has half of that in CPU time

# Nothing that stands in the environment or lies about changes what is imported: with -I and -S
# Python reads neither, and what this process runs stands first. With -B it writes nothing.
_START: Final = (
    "import sys; sys.path[:] = sys.argv[2:];"
    " from sidecar.sources.policyworker import main; main(sys.argv[1])"
)
_PACKAGE: Final = Path(__file__).parents[2]

# What a process does to itself, and would do again with the same file.
_FAULTS: Final = frozenset(
    {
        signal.SIGABRT,
        signal.SIGBUS,
        signal.SIGFPE,
        signal.SIGILL,
        signal.SIGSEGV,
        signal.SIGSYS,
    }
)
_TOO_LARGE: Final = {
    -signal.SIGXCPU: f"parsing it takes more than {LONGEST_TIME} s of CPU time: make it smaller",
    OUT_OF_MEMORY: (
        f"parsing it takes more than {LARGEST_MEMORY >> 20} MiB of memory: make it smaller"
    ),
}


async def parse_apart(file: BinaryIO, name: str) -> dict[str, HostRules]:
    """Return the rules of each host that the file `name` holds.

    Raises DocumentInvalid; Unavailable where the process could not be started, took too long or
    was killed, of which nothing says that it will be so again.
    """
    abandoned = threading.Event()
    try:
        frames = await asyncio.to_thread(_run_worker, file, name, abandoned)
    finally:
        abandoned.set()
    with building_to_last():
        return await _take_over(frames)


def _run_worker(file: BinaryIO, name: str, abandoned: threading.Event) -> bytes:
    """Return the frames that another process makes of a policy.

    From a thread, and not by the loop: uvloop copies the page tables of the whole process, which
    takes 30 ms where the revocations are many.
    """
    paths = [str(_PACKAGE), *filter(None, sys.path)]
    command = [sys.executable, "-I", "-S", "-B", "-c", _START, name, *paths]
    try:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter
            command,
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # our log has lines of our own
            env={},
            cwd="/",
        )
    except OSError as error:
        raise Unavailable(f"{name}: no process can be started: {error.strerror}") from None
    with process:
        try:
            frames = _collect(process, abandoned)
        finally:
            process.kill()  # where it has ended, nothing
    if frames is None:
        raise Unavailable(
            f"{name}: parsing it took longer than {MOST_LOOKS * LOOK:g} s;"
            " it is tried again: is this machine too busy?"
        )
    if process.returncode != 0:
        raise _explain_end(name, process.returncode)
    return frames


def _collect(process: "subprocess.Popen[bytes]", abandoned: threading.Event) -> bytes | None:
    """Return what the process wrote once it ends, None where it is too slow or abandoned."""
    for _ in range(MOST_LOOKS):
        if abandoned.is_set():
            break
        with suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=LOOK)[0]
    return None


def _explain_end(name: str, status: int) -> SidecarError:
    """Return why there is no policy; of a signal, `status` is the number below zero."""
    if status in _TOO_LARGE:
        return DocumentInvalid((f"{name}: {_TOO_LARGE[status]}",))
    if status < 0:
        how = f"was ended by {_name_signal(-status)}"
        if -status not in _FAULTS:
            return Unavailable(
                f"{name}: the process that parses it {how}; it is tried again,"
                " and where the kernel did it, memory is short"
            )
    else:
        how = f"ended with status {status}"
    told = f"the process that parses it {how}: see what `sidecar policy check` says"
    return DocumentInvalid((f"{name}: {told}",))


def _name_signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # those for real time have none
        return f"signal {number}"


async def _take_over(frames: bytes) -> dict[str, HostRules]:
    """Return the rules of each host that these frames hold. Raises DocumentInvalid."""
    stream = io.BytesIO(frames)
    problems = _load(stream)
    if problems:
        raise DocumentInvalid(problems)
    hosts: dict[str, HostRules] = {}
    pace = Pace()
    while (frame := _load(stream)) is not None:
        host, rules = frame
        hosts.setdefault(host, HostRules()).add(rules)
        await pace.pause()
    return hosts


def _load(stream: BinaryIO) -> Any:
    return pickle.load(stream)  # noqa: S301 - what our own process wrote
