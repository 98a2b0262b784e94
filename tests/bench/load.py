"""Requests sent: one after the other to look at each answer, or by a program that counts them."""

import asyncio
import contextlib
import json
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

SCRIPT: Final = Path(__file__).with_name("replay.lua")
CLIENT: Final = Path(__file__).with_name("client.py")
UNIX: Final = "unix:"
# Seconds for one answer, and for a program to end after its time, on a machine that does much else.
PATIENCE: Final = 30.0
SLOW: Final = 10  # seconds; for wrk an answer that takes longer has failed
MARK: Final = "@" * 12  # stands for a number that is another in each request


class LoadFailed(Exception):
    """What came back is not what this row measures."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What came back; `refused` are statuses from 400, `failed` got no answer."""

    answered: int
    refused: int
    failed: int


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of so many octets; the names of its headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes
    octets: int


async def ask(url: str, requests: Iterable[bytes]) -> list[Answer]:
    """Send requests on one connection, each when the one before has been answered.

    Raises LoadFailed where an answer does not come, or the connection ends.
    """
    if url.startswith(UNIX):
        reader, writer = await asyncio.open_unix_connection(url.removeprefix(UNIX))
    else:
        parts = urlsplit(url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    answers = []
    try:
        for request in requests:
            writer.write(request)
            async with asyncio.timeout(PATIENCE):
                octets = await reader.readuntil(b"\r\n\r\n")
                head = octets.decode("latin-1")
                status, *lines = head.rstrip("\r\n").split("\r\n")
                pairs = (line.partition(":") for line in lines)
                headers = {name.lower(): value.strip() for name, _, value in pairs}
                body = await reader.readexactly(int(headers["content-length"]))
            number = int(status.split(" ", 2)[1])
            answers.append(Answer(number, headers, body, len(octets) + len(body)))
    except (TimeoutError, EOFError, OSError) as error:
        raise LoadFailed(f"{url}: no answer: {error!r}") from error
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    return answers


def write_requests(file: Path, requests: Iterable[bytes]) -> Path:
    """Write the file that `send` reads."""
    file.write_bytes(b"".join(request + b"\0" for request in requests))
    return file


async def send(
    url: str,
    requests: Path,
    *,
    seconds: int,
    connections: int,
    most: int | None = None,
    first: int = 0,
    awake: bool = False,
) -> Answers:
    """Send the requests of a file in turn by wrk, for that long or until `most` have been sent.

    `first` is the first number that stands in the place of a mark. `awake`: it never sleeps, so
    that no server is charged for waking it; it needs a core for itself. Raises LoadFailed.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        raise LoadFailed("wrk is not installed (scripts/programs.sh)")
    command = (wrk, "-t", "1", "-c", str(connections), "-d", f"{seconds}s", "-s", str(SCRIPT))
    slow = ("--timeout", f"{SLOW}s")
    words = (str(requests), str(most or 0), str(first), "awake" if awake else "sleeping")
    return await _count((*command, *slow, url, "--", *words), seconds + PATIENCE)


async def send_slowly(
    url: str, requests: Path, *, seconds: int, connections: int, most: int | None = None
) -> Answers:
    """Send as `send` does, by a client that also speaks to `unix:PATH`. Raises LoadFailed.

    Where an answer says that it is the last one of its connection, the next request has a new one.
    """
    command = (sys.executable, "-P", str(CLIENT), url, str(requests))
    numbers = (str(seconds), str(connections), str(most or 0))
    return await _count((*command, *numbers), seconds + PATIENCE)


async def _count(command: tuple[str, ...], patience: float) -> Answers:
    """Run a program whose last line says what came back."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(patience):
            out, err = await process.communicate()
    except TimeoutError:
        raise LoadFailed(f"{Path(command[0]).name} did not end within {patience:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise LoadFailed(
            f"{Path(command[0]).name}: {(err or out).decode(errors='replace').strip()}"
        )
    return Answers(**json.loads(out.splitlines()[-1]))
