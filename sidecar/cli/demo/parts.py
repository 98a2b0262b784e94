"""The programs of the demo: started in its directory, watched, and ended with the block."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from sidecar.errors import SidecarError

READY_TIMEOUT: Final = 20.0  # seconds
STOP_TIMEOUT: Final = 12.0  # seconds; the service takes at most ten
POLL_PERIOD: Final = 0.1  # seconds
LOG_TAIL: Final = 4096  # octets of a log in which its last line is looked for


@dataclass(frozen=True, slots=True)
class Part:
    """A program of the demo and the file that it logs to."""

    process: asyncio.subprocess.Process
    log: Path

    def read_last_line(self) -> str:
        """Return the last thing that it said."""
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - LOG_TAIL))
            lines = file.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


def clean_environ() -> dict[str, str]:
    """Return the environment without settings: those of another service are not meant here."""
    environ = os.environ  # noqa: TID251 - handed on, not read
    return {name: value for name, value in environ.items() if not name.startswith("SIDECAR_")}


@asynccontextmanager
async def running(directory: Path, name: str, *command: str) -> AsyncIterator[Part]:
    """Run a program in the demo's directory; it is ended, and in the end killed, with the block."""
    log = directory / f"{name}.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=directory,
            env=clean_environ(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for us: the parts end in their order
        )
    try:
        yield Part(process, log)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def await_answer(url: str, parts: Sequence[Part], stop: asyncio.Event) -> None:
    """Wait until `url` answers 200, or somebody stops the demo.

    Raises SidecarError where one of its parts ends, or after a while.
    """
    try:
        async with asyncio.timeout(READY_TIMEOUT):
            await _await_first(stop, parts, asyncio.create_task(_poll(url)))
    except TimeoutError:
        raise SidecarError(f"{url} does not answer: {parts[-1].read_last_line()}") from None


async def await_stop(parts: Sequence[Part], stop: asyncio.Event) -> None:
    """Wait until somebody stops the demo. Raises SidecarError where one of its parts ends."""
    await _await_first(stop, parts)


async def _await_first(
    stop: asyncio.Event, parts: Sequence[Part], *tasks: asyncio.Task[None]
) -> None:
    waiting = [
        *tasks,
        asyncio.create_task(stop.wait()),
        *(asyncio.create_task(part.process.wait()) for part in parts),
    ]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
    for part in parts:
        if part.process.returncode is not None and not stop.is_set():
            raise SidecarError(f"{part.log.stem} ended: {part.read_last_line()}")


async def _poll(url: str) -> None:
    """Return once `url` answers 200."""
    async with ClientSession(timeout=ClientTimeout(total=2)) as session:
        while True:
            with contextlib.suppress(ClientError, TimeoutError):
                async with session.get(url) as answer:
                    if answer.status == web.HTTPOk.status_code:
                        return
            await asyncio.sleep(POLL_PERIOD)
