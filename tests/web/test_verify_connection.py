"""What stands around a 200: versions of HTTP, who closes, and a peer that does not read.

The head of a 200 is written by hand, so all this is looked at by hand.
"""

import asyncio
import socket
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import pytest

from sidecar.clock import read_clock
from tests.web.gated import BOTH_WAYS, HOST, Answer, Gated, parse_answer

pytestmark = [pytest.mark.asyncio(loop_scope="module"), BOTH_WAYS]

TIMEOUT = 10.0  # seconds
SMALLEST_BUFFER = 4096  # octets; the kernel doubles it
FLOOD = 12_000  # questions whose answers fill every buffer between the two ends
SETTLED = 0.5  # seconds without another decision


def _question(gated: Gated, version: str, *lines: str, method: str = "GET") -> bytes:
    said = (
        "X-Forwarded-Method: GET",
        "X-Forwarded-Proto: https",
        f"X-Forwarded-Host: {HOST}",
        "X-Forwarded-Uri: /",
        f"Authorization: Bearer {gated.tokens['alice']}",
    )
    every = [f"{method} /verify/traefik HTTP/{version}", "Host: sidecar", *said, *lines]
    return "\r\n".join([*every, "", ""]).encode("ascii")


async def _receive(reader: asyncio.StreamReader) -> Answer:
    async with asyncio.timeout(TIMEOUT):
        return parse_answer(await reader.readuntil(b"\r\n\r\n"))


async def _settle(decisions: Mapping[str, int], start: int) -> int:
    """Return how many have been let in, once that is more than `start` and stands still."""
    seen = start
    while True:
        await asyncio.sleep(SETTLED)  # nothing tells what does not happen
        if start < decisions["allow"] == seen:
            return seen
        seen = decisions["allow"]


@pytest.mark.parametrize(
    ("version", "line", "said", "stays"),
    [
        ("1.1", "X-Nothing: said", None, True),
        ("1.1", "Connection: keep-alive", None, True),
        ("1.1", "Connection: close", "close", False),
        ("1.0", "X-Nothing: said", None, False),
        ("1.0", "Connection: keep-alive", "keep-alive", True),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_the_connection_stays_as_its_version_says(
    gated: Gated, version: str, line: str, said: str | None, stays: bool, method: str
) -> None:
    question = _question(gated, version, line, method=method)
    reader, writer = await asyncio.open_connection("127.0.0.1", gated.web.port)
    try:
        for _ in range(2 if stays else 1):
            writer.write(question)
            answer = await _receive(reader)
            assert answer.status == 200
            assert answer.headers.getall("Content-Length") == ["0"]
            assert answer.headers.get("Connection") == said
            (date,) = answer.headers.getall("Date")
            age = read_clock().unix - parsedate_to_datetime(date).timestamp()
            assert 0 <= age <= 2
        if not stays:
            async with asyncio.timeout(TIMEOUT):
                assert await reader.read() == b""
    finally:
        writer.close()


async def test_who_does_not_read_is_not_answered_further(gated: Gated) -> None:
    decisions = gated.web.serving.gate.decisions
    before = decisions["allow"]
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALLEST_BUFFER)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", gated.web.port))
    reader, writer = await asyncio.open_connection(sock=sock, limit=SMALLEST_BUFFER)
    try:
        writer.write(_question(gated, "1.1") * FLOOD)
        assert await _settle(decisions, before) - before < FLOOD
        async with asyncio.timeout(60):
            for _ in range(FLOOD):
                assert (await _receive(reader)).status == 200
        assert decisions["allow"] - before == FLOOD
    finally:
        writer.close()
