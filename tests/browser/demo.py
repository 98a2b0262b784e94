"""The demo as a person starts it: `sidecar demo`, which is what `make run` runs."""

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.programs.process import Program, require, start

COMMAND = (sys.executable, "-m", "sidecar", "demo")
GREETED = "Ctrl-C ends it"
PATIENCE = 45.0  # seconds: it starts four programs, beside other tests


@dataclass(slots=True)
class Demo:
    """A demo that was started in `directory`, which its own directory is made in."""

    directory: Path
    program: Program

    @property
    def address(self) -> str:
        """What it tells to open."""
        return self._told("Open")

    @property
    def user(self) -> str:
        """Who it tells to log in as."""
        return self._told("user")

    @property
    def password(self) -> str:
        """The password that it tells."""
        return self._told("password")

    def _told(self, name: str) -> str:
        found = re.search(rf"^{name}\s+(\S+)$", self.program.read_output(), re.MULTILINE)
        assert found is not None, self.program.read_output()
        return found[1]

    def find_own_directory(self) -> Path | None:
        """Return where its files are, None where they are gone or not yet there."""
        return next(self.directory.glob("sidecar-demo-*"), None)

    def find_processes(self) -> dict[int, str]:
        """Return id and command of every process that works in its directory."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                place = str((folder / "cwd").readlink()).removesuffix(" (deleted)")
                command = (folder / "cmdline").read_bytes()
            except OSError:  # somebody else's, or gone
                continue
            if Path(place).parent == self.directory and "sidecar-demo-" in place and command:
                found[int(folder.name)] = command.replace(b"\0", b" ").decode(errors="replace")
        return found

    async def await_text(self, text: str) -> None:
        """Wait until it has said this."""
        await self.await_that(lambda: text in self.program.read_output())

    async def await_that(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds, or the demo ends."""
        async with asyncio.timeout(PATIENCE):
            while not holds():
                assert self.program.process.returncode is None, self.program.read_output()
                await asyncio.sleep(0.01)

    def assert_nothing_left(self) -> None:
        """Nothing runs, and no file is left."""
        assert self.find_processes() == {}
        assert self.find_own_directory() is None


async def start_demo(
    directory: Path,
    *,
    command: Sequence[str | Path] = COMMAND,
    environ: Mapping[str, str] | None = None,
) -> Demo:
    """Start a demo and do not wait for it."""
    require("traefik", str(Path(sys.executable).parent))
    own = directory / "tmp"
    own.mkdir(exist_ok=True)
    program = await start(
        command, directory=directory, environ={"TMPDIR": str(own), **(environ or {})}
    )
    return Demo(own, program)


@asynccontextmanager
async def running_demo(
    directory: Path,
    *,
    command: Sequence[str | Path] = COMMAND,
    environ: Mapping[str, str] | None = None,
) -> AsyncIterator[Demo]:
    """Run a demo for the length of the block, from when it has greeted."""
    demo = await start_demo(directory, command=command, environ=environ)
    try:
        await demo.await_text(GREETED)
        yield demo
    finally:
        await demo.program.end(signal.SIGINT)
