"""How long and how slow a body may be."""

import asyncio
import json
import logging
import time
from pathlib import Path

import pytest

from tests.web.asked import GOOD, JSON, ask, head, rows, send
from tests.web.conftest import Web, serving_web

pytestmark = pytest.mark.asyncio

LARGEST = 65_536  # octets
ENDPOINTS = ("/login", "/refresh", "/logout")
KIND = "Content-Type: application/json"
ACCEPTED = 5.0  # seconds within which bad input is answered


def padded(length: int) -> bytes:
    """Return a good login that is so long."""
    text = json.dumps(GOOD)
    return (text + " " * (length - len(text))).encode()


def chunked(body: bytes, size: int = 4096) -> bytes:
    """Return a body in chunks (RFC 9112 section 7.1)."""
    parts = (body[start : start + size] for start in range(0, len(body), size))
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


async def read_head(port: int, octets: bytes) -> bytes:
    """Send octets and return the head of the answer, whenever the service then closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(octets)
    answer = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    return answer


async def test_64_kib_is_the_longest(served: Web) -> None:
    await served.add_user()
    assert (await ask(served, "POST", "/login", JSON, padded(LARGEST))).status == 200
    answer = await ask(served, "POST", "/login", JSON, padded(LARGEST + 1))
    answer.assert_problem(413, "body_too_large")


async def test_so_it_is_in_chunks(served: Web) -> None:
    await served.add_user()
    start = head("POST", "/login", KIND, "Transfer-Encoding: chunked")
    fits = await send(served.port, start + chunked(padded(LARGEST)))
    assert fits.startswith(b"HTTP/1.1 200 ")
    over = await send(served.port, start + chunked(padded(LARGEST + 1)))
    assert over.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("path", ENDPOINTS)
async def test_a_body_without_end_is_cut_off(served: Web, path: str) -> None:
    before = await rows(served)
    start = head("POST", path, KIND, "Content-Length: 1000000000")
    answer = await send(served.port, start + b"x" * 200_000)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"application/problem+json" in answer
    assert b'"reason": "body_too_large"' in answer
    assert await rows(served) == before


async def test_a_body_that_stalls_is_given_up(served: Web) -> None:
    before = await rows(served)
    length = "Content-Length: 100"
    stalled = [
        *(head("POST", path, KIND, length) for path in ENDPOINTS),
        *(head("POST", path, KIND, length) + b'{"username": ' for path in ENDPOINTS),
        head("POST", "/login", KIND, "Transfer-Encoding: chunked"),
        head("POST", "/login", KIND, "Transfer-Encoding: chunked") + b"5\r\n{",
        head("POST", "/login", "Content-Type: application/x-www-form-urlencoded", length) + b"a",
    ]
    began = time.monotonic()
    async with asyncio.timeout(ACCEPTED):
        answers = await asyncio.gather(*(read_head(served.port, octets) for octets in stalled))
    assert time.monotonic() - began > ACCEPTED / 2  # nobody who is merely slow is sent away
    for answer in answers:
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"application/problem+json" in answer
        assert b"Connection: close" in answer
    assert await rows(served) == before


async def test_who_drips_a_body_is_given_up_too(served: Web) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(head("POST", "/login", KIND, "Content-Length: 1000"))
    answered = asyncio.create_task(reader.readline())
    async with asyncio.timeout(ACCEPTED):
        while not answered.done():
            writer.write(b" ")
            await asyncio.wait([answered], timeout=0.2)
    assert answered.result().startswith(b"HTTP/1.1 408 ")
    writer.close()


async def test_who_goes_away_in_the_middle_is_no_bug_of_ours(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving_web(tmp_path) as web:
        before = await rows(web)
        for path in ENDPOINTS:
            _, writer = await asyncio.open_connection("127.0.0.1", web.port)
            writer.write(head("POST", path, KIND, "Content-Length: 100") + b"{")
            # The head has been read once somebody who came later has been answered.
            assert (await ask(web, "GET", "/me")).status == 401
            writer.transport.abort()
            assert (await ask(web, "GET", "/me")).status == 401
        assert await rows(web) == before
    assert [record for record in caplog.records if record.exc_info] == []
    loud = [each for each in caplog.records if each.levelno > logging.INFO]
    assert [each for each in loud if each.name != "sidecar.app"] == []  # that one tells of settings


async def test_an_announced_body_is_waited_for(served: Web) -> None:
    await served.add_user()
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    body = padded(100)
    writer.write(head("POST", "/login", KIND, "Content-Length: 100", "Expect: 100-continue"))
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(body)
    assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
    writer.close()


async def test_a_compressed_body_is_not_unpacked(served: Web) -> None:
    for coding in ("gzip", "deflate", "br"):
        headers = {**JSON, "Content-Encoding": coding}
        answer = await ask(served, "POST", "/login", headers, b"\x1f\x8b\x08\x00" * 100)
        answer.assert_problem(400, "body_malformed")
