"""Start a program, wait for it by what it does, and end only what was started here."""

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import socket
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

FIRST_PORT, LAST_PORT = 10_240, 32_000  # below net.ipv4.ip_local_port_range
SPAN = 4  # a service with several workers also takes the ports behind its own
PROCESSES = 16  # of one test run; each takes ports that no other takes
PROCESS = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % PROCESSES
READY_TIMEOUT = 20.0
STOP_TIMEOUT = 12.0
PATHS = os.pathsep.join((os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"))


def require(program: str, *folders: str) -> str:
    """Return the path of a program; where it is missing the test is skipped, under CI it fails."""
    found = shutil.which(program, path=os.pathsep.join((*folders, PATHS)))
    if found is None:
        lack(f"{program} is not installed (scripts/programs.sh)")
    return found


def lack(message: str) -> NoReturn:
    """Skip the test for what this machine lacks; under CI it fails."""
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


def free_port() -> int:
    """Return a port that was free just now, as the ones behind it were, and not given lately.

    Never one that the kernel gives to connections, any of which could take it before the program
    listens.
    """
    places = (LAST_PORT - FIRST_PORT) // (SPAN * PROCESSES)
    while True:
        port = FIRST_PORT + SPAN * (secrets.randbelow(places) * PROCESSES + PROCESS)
        if port not in _given and all(map(_is_free, range(port, port + SPAN))):
            _given.append(port)
            return port


_given: deque[int] = deque(maxlen=100)


def _is_free(port: int) -> bool:
    with socket.socket() as probe, contextlib.suppress(OSError):
        probe.bind(("127.0.0.1", port))
        return True
    return False


@dataclass(slots=True)
class Program:
    """A program that runs, and the file that it writes its output to."""

    process: asyncio.subprocess.Process
    output: Path

    def read_output(self) -> str:
        """Return what it has written so far."""
        return self.output.read_text(errors="replace")

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit code; what does not end is killed."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                return await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
            raise AssertionError(f"did not end: {self.read_output()[-2000:]}") from None


async def start(
    command: Sequence[str | Path],
    *,
    directory: Path,
    environ: Mapping[str, str] | None = None,
) -> Program:
    """Start a program in a directory, its output in a file there."""
    output = directory / f"{Path(command[0]).name}-{free_port()}.log"
    with output.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            *map(str, command),
            cwd=directory,
            env={**os.environ, **(environ or {})},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=file,
            stderr=asyncio.subprocess.STDOUT,
        )
    return Program(process, output)


@asynccontextmanager
async def running(
    command: Sequence[str | Path],
    *,
    directory: Path,
    address: tuple[str, int] | Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> AsyncIterator[Program]:
    """Run a program for the length of the block, from when it listens at `address`."""
    program = await start(command, directory=directory, environ=environ)
    try:
        if address is not None:
            await await_listening(program, address)
        yield program
    finally:
        if program.process.returncode is None:
            program.process.send_signal(signal.SIGCONT)
            await program.end()


async def await_listening(program: Program, address: tuple[str, int] | Path) -> None:
    """Wait until somebody takes connections at `address`."""
    try:
        async with asyncio.timeout(READY_TIMEOUT):
            while program.process.returncode is None:
                try:
                    if isinstance(address, Path):
                        _, writer = await asyncio.open_unix_connection(str(address))
                    else:
                        _, writer = await asyncio.open_connection(*address)
                except OSError:
                    await asyncio.sleep(0.02)
                    continue
                writer.close()
                await writer.wait_closed()
                return
    except TimeoutError:
        pass
    raise AssertionError(f"{program.output.name} does not listen: {program.read_output()[-3000:]}")
