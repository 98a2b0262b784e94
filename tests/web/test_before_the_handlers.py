"""What is answered before a handler is asked: no version, no echo of what is no request, no 500."""

import pytest

from tests.web.asked import head, send
from tests.web.conftest import Web

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(
    "octets",
    [
        b"G@T /login HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /login HTTP/1.1\r\n\r\n",
        b"GET /login HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /login HTTP/9.9\r\nHost: a\r\n\r\n",
        b"GET http://[/ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 40_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: a\r\nContent-Type: b\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
async def test_what_is_no_request_is_malformed(settled: Web, octets: bytes) -> None:
    answer = await send(settled.port, octets)
    first, *lines = answer.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert first.endswith(b" 400 Bad Request")
    assert b"Server: sidecar" in lines
    assert b"aiohttp" not in answer
    assert b"Traceback" not in answer


@pytest.mark.parametrize("expect", ["a miracle", "100-continue, x", "\udc80", "\udcff\udcfe", ""])
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/login", 200), ("PUT", "/login", 405), ("GET", "/nowhere", 404), ("GET", "/me", 401)],
)
async def test_an_expectation_that_is_none_is_passed_over(
    settled: Web, method: str, path: str, status: int, expect: str
) -> None:
    answer = await send(settled.port, head(method, path, f"Expect: {expect}"))
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert answer.count(b"Server: sidecar\r\n") == 1
