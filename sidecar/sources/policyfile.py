"""The policy from its file."""

import asyncio
import io
import pickle
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Final

from sidecar.core.policy import HostRules, Policy
from sidecar.errors import DocumentInvalid, Unavailable
from sidecar.schemas.policy import parse_rules
from sidecar.sources.changes import describe_changes
from sidecar.sources.pace import Pace, building_to_last
from sidecar.sources.policyworker import read_text
from sidecar.sources.watch import Signature, sign_files

LOOK: Final = 0.1  # seconds between two looks at whether a process that parses is still wanted
MOST_LOOKS: Final = 600  # a minute; the process itself has half of that in CPU time

# Nothing that stands in the environment or lies about changes what is imported: with -I and -S
# Python reads neither, and what this process runs stands first. With -B it writes nothing.
_START: Final = (
    "import sys; sys.path[:] = sys.argv[2:];"
    " from sidecar.sources.policyworker import main; main(sys.argv[1])"
)
_PACKAGE: Final = Path(__file__).parents[2]


class PolicyFile:
    """Reads the policy; where somebody named the file (`named`), its absence is a mistake.

    The first time it is parsed at once, since nothing works before; then by another process, and
    taken over in slices: parsing thousands of rules takes a second, and requests do not wait.
    """

    def __init__(self, path: Path, *, named: bool) -> None:
        self._path = path
        self._named = named
        self._was_read = False
        self._before: dict[str, HostRules] = {}
        self._hosts: dict[str, HostRules] = {}
        self.missing = False

    def sign(self) -> Signature:
        """Return what changes when the file does."""
        return sign_files([self._path])

    async def read(self) -> Policy:
        """Return the policy, the empty one where an unnamed file is missing.

        Raises DocumentInvalid; Unavailable where no process could be started.
        """
        file = await asyncio.to_thread(self._open)
        if file is None:
            hosts: dict[str, HostRules] = {}
        else:
            with file:
                hosts = await self._parse(file)
        self.missing = file is None
        self._was_read = True
        self._before, self._hosts = self._hosts, hosts
        return Policy(hosts)

    async def describe(self) -> Mapping[str, object]:
        """Return members of a log line: what the last reading has otherwise than the one before."""
        return await describe_changes(self._before, self._hosts)

    def _open(self) -> BinaryIO | None:
        try:
            return self._path.open("rb")
        except FileNotFoundError:
            if self._named:
                raise DocumentInvalid((f"{self._path}: there is no such file",)) from None
            return None
        except OSError as error:
            raise DocumentInvalid((f"{self._path}: {error.strerror}",)) from None

    async def _parse(self, file: BinaryIO) -> dict[str, HostRules]:
        name = str(self._path)
        if not self._was_read:
            rules = parse_rules(read_text(file, name), name)
            return {host: HostRules(listed) for host, listed in rules.items()}
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
            command, stdin=file, stdout=subprocess.PIPE, env={}, cwd="/"
        )
    except OSError as error:
        raise Unavailable(f"{name}: no process can be started: {error.strerror}") from None
    with process:
        try:
            frames = _collect(process, abandoned)
        finally:
            process.kill()  # where it has ended, nothing
    if process.returncode != 0:
        raise DocumentInvalid(
            (f"{name}: the process that parses it ended with status {process.returncode}",)
        )
    return frames


def _collect(process: "subprocess.Popen[bytes]", abandoned: threading.Event) -> bytes:
    """Return what the process wrote once it ends; nothing where it is abandoned, or too slow."""
    for _ in range(MOST_LOOKS):
        if abandoned.is_set():
            break
        with suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=LOOK)[0]
    return b""


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
