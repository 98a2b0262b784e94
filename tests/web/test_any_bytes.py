"""Whatever is sent gets an answer, and never one that says that we failed."""

import asyncio
import json
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.web.asked import ANSWER_TIMEOUT
from tests.web.conftest import Web

pytestmark = pytest.mark.asyncio(loop_scope="module")

FUZZ = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
PATIENCE = 0.1  # seconds; what is no request at all is refused at once
POSTED = st.sampled_from(["/login", "/refresh", "/logout"])
KINDS = st.sampled_from(["application/json", "application/x-www-form-urlencoded"])
# What a client library refuses to send; line ends would begin another line.
VALUES = st.binary(max_size=300).map(lambda octets: octets.translate(None, b"\r\n"))
NAMES = st.sampled_from(
    [
        *("Accept", "Authorization", "Connection", "Content-Encoding", "Content-Length"),
        *("Content-Type", "Cookie", "Expect", "Forwarded", "Host", "If-Match", "If-None-Match"),
        *("Origin", "Range", "Referer", "Sec-Fetch-Mode", "Sec-Fetch-Site", "TE", "Trailer"),
        *("Transfer-Encoding", "Upgrade", "X-Forwarded-For", "X-Forwarded-Host"),
        *("X-Forwarded-Proto", "X-HTTP-Method-Override", "X-Request-Id"),
    ]
)
PREFIXES = st.sampled_from([b"", b"Bearer ", b"__Host-sidecar=", b'"', b"W/", b"application/json;"])
ENDPOINTS = st.sampled_from(
    [
        *("GET /login", "GET /logout", "GET /me", "POST /login", "POST /logout", "POST /refresh"),
        *("GET /.well-known/jwks.json", "OPTIONS /login", "HEAD /me", "GET /static/sidecar.css"),
    ]
)


def status_of(answer: bytes) -> int:
    """Return the status of an answer; fail where there is none."""
    version, status, *_ = answer.split(b" ", 2)
    assert version in {b"HTTP/1.1", b"HTTP/1.0", b"HTTP/0.9"}
    return int(status)


def assert_answered(answer: bytes) -> None:
    """Fail unless there is an answer, and not one of ours about a failure of ours."""
    assert 100 <= status_of(answer) < 500
    assert b"Traceback" not in answer
    assert b'File "' not in answer


async def send_any(port: int, octets: bytes, *, patience: float = ANSWER_TIMEOUT) -> bytes:
    """Send octets and return the head of the answer; nothing where none came for so long."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(octets)
        async with asyncio.timeout(patience):
            return await reader.readuntil(b"\r\n\r\n")
    except TimeoutError:
        return b""
    finally:
        writer.close()


def request(start: str | bytes, *lines: bytes, body: bytes = b"") -> bytes:
    """Return a request after which the connection ends."""
    first = start.encode() if isinstance(start, str) else start
    every = (first + b" HTTP/1.1", b"Host: auth.example.com", b"Connection: close", *lines)
    return b"\r\n".join((*every, b"", body))


@FUZZ
@given(path=POSTED, kind=KINDS, body=st.binary(max_size=2000))
@example("/login", "application/json", b"[" * 60_000)
@example("/login", "application/json", b'{"username": "\\ud800", "password": "\\udfff"}')
@example("/login", "application/x-www-form-urlencoded", b"username=%00&password=%ff")
@example("/login", "application/json", b'{"username": 1e999, "password": -0}')
async def test_any_bytes_as_a_body(settled: Web, path: str, kind: str, body: bytes) -> None:
    lines = (f"Content-Type: {kind}".encode(), b"Content-Length: %d" % len(body))
    assert_answered(await send_any(settled.port, request(f"POST {path}", *lines, body=body)))


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
MEMBERS = st.sampled_from(
    ["username", "password", "remember", "cookie", "refresh_token", "everywhere", "rd", "\ud800"]
)


@FUZZ
@given(path=POSTED, members=st.dictionaries(MEMBERS | st.text(max_size=5), JSON_VALUES))
async def test_any_members_of_a_body(settled: Web, path: str, members: dict[str, object]) -> None:
    body = json.dumps(members).encode()
    lines = (b"Content-Type: application/json", b"Content-Length: %d" % len(body))
    assert_answered(await send_any(settled.port, request(f"POST {path}", *lines, body=body)))


@FUZZ
@given(start=ENDPOINTS, name=NAMES, prefix=PREFIXES, value=VALUES)
@example("GET /.well-known/jwks.json", "If-None-Match", b"", b'"')
@example("POST /login", "Content-Type", b"", b"application/json\xff")
@example("GET /me", "Cookie", b"", b"__Host-sidecar=\xff; \x80=1;;=")
@example("GET /me", "Authorization", b"Bearer ", b"\xe2\x84\xaa")
@example("GET /me", "X-Forwarded-For", b"", b"," * 300)
@example("POST /login", "Expect", b"", b"100-continue")
@example("POST /login", "Expect", b"", b"a miracle")
@example("GET /login", "Expect", b"", b"\x80")
@example("GET /me", "Upgrade", b"", b"websocket")
async def test_any_value_of_a_header(
    settled: Web, start: str, name: str, prefix: bytes, value: bytes
) -> None:
    line = name.encode() + b": " + prefix + value
    assert_answered(await send_any(settled.port, request(start, line)))


@FUZZ
@given(method=st.sampled_from([b"GET", b"POST", b"HEAD", b"OPTIONS", b"PUT"]), path=VALUES)
@example(b"GET", b"login?rd=%ff%00\xff")
@example(b"GET", b"login?rd=" + b"x" * 8000)
@example(b"GET", b"static/../../../etc/passwd")
@example(b"GET", b"x" * 16_000)
async def test_any_path(settled: Web, method: bytes, path: bytes) -> None:
    assert_answered(await send_any(settled.port, request(method + b" /" + path)))


@FUZZ
@given(query=st.text(max_size=200))
async def test_any_target_of_a_login(settled: Web, query: str) -> None:
    start = f"GET /login?rd={quote(query, safe='', errors='surrogatepass')}"
    answer = await send_any(settled.port, request(start))
    assert status_of(answer) == 200


@FUZZ
@given(octets=st.binary(min_size=1, max_size=300))
@example(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
@example(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
@example(b"GET /login\r\n\r\n")
@example(b"G@T /login HTTP/1.1\r\n\r\n")
@example(b"GET /login HTTP/1.1\r\n\r\n")
@example(b"GET /login HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
@example(b"GET http://[/ HTTP/1.1\r\nHost: a\r\n\r\n")
@example(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 40_000 + b"\r\n\r\n")
@example(b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 200 + b"\r\n")
@example(b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n")
@example(
    b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
)
async def test_any_bytes_as_a_request(settled: Web, octets: bytes) -> None:
    answer = await send_any(settled.port, octets, patience=PATIENCE)
    if answer:  # half a request is waited for until its sender ends it
        assert_answered(answer)
