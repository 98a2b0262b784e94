"""Run a command as an operator does: a process of its own, in a folder of its own."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.programs.commands import find_program

PASSWORD = "a long enough passphrase"
DEADLINE = 30.0  # seconds


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command did."""

    status: int
    out: str
    err: str

    @property
    def problems(self) -> list[str]:
        """The lines that it wrote to standard error."""
        return self.err.splitlines()


def clean_environ(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment without settings but these."""
    plain = {name: text for name, text in os.environ.items() if not name.startswith("SIDECAR_")}
    return {**plain, **(environ or {})}


async def execute(
    folder: Path,
    command: Sequence[str | os.PathLike[str]],
    *,
    stdin: bytes | int = b"",
    stdout: int = asyncio.subprocess.PIPE,
    environ: Mapping[str, str] | None = None,
) -> Ran:
    """Run a program to its end; whatever happens, nobody sees a traceback."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=clean_environ(environ),
        stdin=asyncio.subprocess.PIPE if isinstance(stdin, bytes) else stdin,
        stdout=stdout,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(DEADLINE):
            out, err = await process.communicate(stdin if isinstance(stdin, bytes) else None)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise AssertionError(f"{command} does not end") from None
    ran = Ran(process.returncode or 0, (out or b"").decode(), err.decode())
    assert "Traceback" not in ran.err, ran.err
    assert "Exception ignored" not in ran.err, ran.err
    assert ran.status in {0, 1, 2} or ("explain" in command and ran.status == 3), ran
    return ran


async def sidecar(
    folder: Path,
    *arguments: str | Path,
    stdin: bytes | int = b"",
    stdout: int = asyncio.subprocess.PIPE,
    environ: Mapping[str, str] | None = None,
) -> Ran:
    """Run `sidecar` with these arguments in a folder, where its settings file may be."""
    command = find_program(arguments, environ or {})
    return await execute(folder, command, stdin=stdin, stdout=stdout, environ=environ)


async def sidecar_each(
    folder: Path, *calls: Sequence[str], environ: Mapping[str, str] | None = None
) -> list[Ran]:
    """Run several commands, two at a time; all of them end before the first failure is told."""
    gate = asyncio.Semaphore(2)

    async def call(arguments: Sequence[str]) -> Ran:
        async with gate:
            return await sidecar(folder, *arguments, environ=environ)

    ended = await asyncio.gather(*map(call, calls), return_exceptions=True)
    for each in ended:
        if isinstance(each, BaseException):
            raise each
    return [each for each in ended if isinstance(each, Ran)]


async def add_user(folder: Path, name: str, *arguments: str) -> None:
    """Add somebody whose password is PASSWORD."""
    ran = await sidecar(
        folder, "user", "add", name, "--password-stdin", *arguments, stdin=PASSWORD.encode()
    )
    assert ran.status == 0, ran.err
