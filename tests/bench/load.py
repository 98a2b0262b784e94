"""Requests sent: one after the other to look at each answer, or by wrk, which counts them."""

import asyncio
import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

SCRIPT: Final = Path(__file__).with_name("replay.lua")
PATIENCE: Final = 5.0  # seconds for one answer, and for wrk to end after its time


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
    """One answer; the names of its headers are in lower case."""

    status: int
    headers: dict[str, str]


async def ask(url: str, requests: Iterable[bytes]) -> list[Answer]:
    """Send requests on one connection, each when the one before has been answered."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    answers = []
    try:
        for request in requests:
            writer.write(request)
            async with asyncio.timeout(PATIENCE):
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                status, *lines = head.rstrip("\r\n").split("\r\n")
                pairs = (line.partition(":") for line in lines)
                headers = {name.lower(): value.strip() for name, _, value in pairs}
                await reader.readexactly(int(headers["content-length"]))
            answers.append(Answer(int(status.split(" ", 2)[1]), headers))
    finally:
        writer.close()
        await writer.wait_closed()
    return answers


def write_requests(file: Path, requests: Iterable[bytes]) -> Path:
    """Write the file that `send` reads."""
    file.write_bytes(b"".join(request + b"\0" for request in requests))
    return file


async def send(
    url: str, requests: Path, *, seconds: int, connections: int, once: bool = False
) -> Answers:
    """Send the requests of a file for that long; where `once` is set, each of them once at most."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise LoadFailed("wrk is not installed (scripts/programs.sh)")
    process = await asyncio.create_subprocess_exec(
        *(wrk, "-t", "1", "-c", str(connections), "-d", f"{seconds}s", "-s", str(SCRIPT)),
        *(url, "--", str(requests), *(["once"] if once else [])),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(seconds + PATIENCE):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise LoadFailed(f"wrk: {(err or out).decode(errors='replace').strip()}")
    return Answers(**json.loads(out.splitlines()[-1]))
