"""By the lane and by the ordinary way the same octets come back, and the same is counted.

Both stand before one gate, so that tokens, assertions and revocations are the same; what a moment
makes, `Date` and a new request id, is left out.
"""

import asyncio
import re
import socket
import tempfile
from collections.abc import AsyncIterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
import pytest_asyncio
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sidecar.credentials.assertions import Assertions
from sidecar.web import answering
from sidecar.web.cohort import ALONE, Cohort
from sidecar.web.lane import Lane
from sidecar.web.problems import PlainRefusal
from sidecar.web.protocol import Protocol, ProtocolServer
from sidecar.web.rendered import AllowHead
from tests.web.gated import COOKIE, DIALECTS, HOST, NAVIGATION, Gated, asked

pytestmark = pytest.mark.asyncio(loop_scope="module")

TIMEOUT = 20.0  # seconds; a body that never ends is waited for one
ASSERTION_TTL = 3600  # seconds
TURNS = 4  # of the event loop, in which what was sent comes in by itself
LAST = b"GET /nowhere HTTP/1.1\r\nHost: sidecar\r\nConnection: close\r\n\r\n"
DATE = re.compile(rb"\r\nDate: [^\r]+")
NEW_ID = re.compile(rb"X-Request-Id: ([0-9a-f]{18})\r")
LONG, LONGER = "a long value", 40_000  # which Hypothesis need not print; longer than a line may be
GIVEN_ID = b"X-Request-Id: given-by-the-proxy"


class Ways(NamedTuple):
    """One gate; at `lane` questions take the lane, at `ordinary` never."""

    people: Gated
    lane: int
    ordinary: int
    servers: tuple[ProtocolServer, ProtocolServer]


class Said(NamedTuple):
    """What came back, and what was counted: decisions by outcome, and messages of both ways."""

    octets: bytes
    decisions: dict[str, int]
    messages: int


class Eager(asyncio.Transport):
    """A gateway that asks `next` in the turn behind its first answer."""

    def __init__(self, protocol: asyncio.Protocol, following: bytes = b"") -> None:
        super().__init__()
        self.next = following
        self.answers: list[bytes] = []
        self.has_two = asyncio.Event()
        self._protocol = protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 1) if name == "peername" else default

    def is_closing(self) -> bool:
        return False

    def write(self, data: Any) -> None:
        self.answers.append(bytes(data))
        if self.next and len(self.answers) == 1:
            asyncio.get_running_loop().call_soon(self._protocol.data_received, self.next)
        else:
            self.has_two.set()

    def close(self) -> None:
        """Do nothing: nobody is there."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ways(gated: Gated) -> AsyncIterator[Ways]:
    fast = gated.web.runner.server
    assert isinstance(fast, ProtocolServer)
    slow = ProtocolServer(fast, fast.questions, Protocol)
    listener = await asyncio.get_running_loop().create_server(slow, "127.0.0.1", 0)
    with pytest.MonkeyPatch.context() as patched:
        # One assertion for as long as answers are compared octet by octet.
        patched.setattr(gated.web.serving.gate, "_assertions", Assertions(ASSERTION_TTL))
        async with listener:
            port = listener.sockets[0].getsockname()[1]
            yield Ways(gated, gated.web.port, port, (fast, slow))


def watch_requests(server: ProtocolServer, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return what fills with all that aiohttp makes a request of."""
    made = list[object]()
    factory = server.request_factory

    def make_request(*parts: Any) -> web.BaseRequest:
        made.append(parts)
        return factory(*parts)

    monkeypatch.setattr(server, "request_factory", make_request)
    return made


@pytest.fixture
def requests(ways: Ways, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    return watch_requests(ways.servers[0], monkeypatch)


async def talk(port: int, pieces: Sequence[bytes]) -> bytes:
    """Send the pieces one after the other, then a last request; return all that comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    came = bytearray()

    async def read() -> None:
        try:
            while chunk := await reader.read(65_536):
                came.extend(chunk)
        except ConnectionResetError:  # it was closed on what had not been read
            pass

    reading = asyncio.create_task(read())
    try:
        for piece in [*pieces, LAST]:
            if writer.is_closing():
                break
            writer.write(piece)
            for _ in range(TURNS):
                await asyncio.sleep(0)
        async with asyncio.timeout(TIMEOUT):
            await reading
    finally:
        reading.cancel()
        writer.transport.abort()
    octets = DATE.sub(b"", bytes(came))
    for new in set(NEW_ID.findall(octets)):
        octets = octets.replace(new, b"new")
    return octets


async def say(ways: Ways, port: int, pieces: Sequence[bytes]) -> Said:
    decisions = ways.people.web.serving.gate.decisions
    before, messages = dict(decisions), sum(each.requests_count for each in ways.servers)
    octets = await talk(port, pieces)
    counted = {name: count - before.get(name, 0) for name, count in decisions.items()}
    return Said(
        octets,
        {name: count for name, count in counted.items() if count},
        sum(each.requests_count for each in ways.servers) - messages,
    )


async def assert_alike(ways: Ways, pieces: Sequence[bytes]) -> Said:
    lane = await say(ways, ways.lane, pieces)
    assert lane == await say(ways, ways.ordinary, pieces)
    return lane


def cut(octets: bytes, places: Sequence[int]) -> list[bytes]:
    """Return the octets cut at these places."""
    ends = sorted({place % (len(octets) + 1) for place in places} | {0, len(octets)})
    return [octets[start:end] for start, end in pairwise(ends)]


def question(
    dialect: str,
    *lines: tuple[str, bytes | str],
    target: str = "/",
    path: str | None = None,
    method: str = "GET",
    version: str = "1.1",
    body: bytes = b"",
) -> bytes:
    """Return a question as a gateway sends it, and `lines` beside it."""
    said: dict[str, bytes | str] = {":path": "", ":method": method}
    head = b""
    for name, value in [*asked(dialect, target), *lines]:
        octets = value.encode() if isinstance(value, str) else value
        if value == LONG:
            octets = b"x" * LONGER
        if name in said:
            said[name] = octets
        else:
            head += name.encode() + b": " + octets + b"\r\n"
    if dialect != "envoy":
        head = b"Host: sidecar\r\n" + head
    behind = said[":path"] if dialect == "envoy" else b""
    assert isinstance(behind, bytes)
    start = f"{method} {path or f'/verify/{dialect}'}".encode() + behind
    return start + f" HTTP/{version}\r\n".encode() + head + GIVEN_ID + b"\r\n\r\n" + body


TARGETS = ["/", "/admin/", "/public/x?y=1", "/a%2fb", "/scoped/", "/recent/", "nothing"]
PATHS = [None, "/verify", "/verify/traefik?roles=staff", "/verify/nginx?x", "/%76erify", "/me"]
BESIDE = st.sampled_from(
    [
        *(("Connection", value) for value in ("close", "keep-alive", "upgrade", "Upgrade, close")),
        *(("Expect", value) for value in ("100-continue", "nothing", b"\xff")),
        *(("Upgrade", value) for value in ("websocket", "h2c", "tcp")),
        *(("Content-Length", value) for value in ("0", "5", "99999", "x")),
        *(("Transfer-Encoding", value) for value in ("chunked", "gzip", "identity")),
        *(("X-Forwarded-For", value) for value in ("192.0.2.7", "127.0.0.1, x", "10.1.2.3")),
        *(("Cookie", value) for value in ("a=b; c=d", b"a=\xff", f"{COOKIE}=x")),
        *NAVIGATION,
        ("Content-Encoding", "gzip"),
        ("X-Forwarded-Host", HOST),
        ("Origin", "https://evil.example"),
        ("X-Request-Id", "another-id"),
        ("X-Long", LONG),
    ]
)
QUESTIONS = st.fixed_dictionaries(
    {
        "dialect": st.sampled_from(DIALECTS),
        "who": st.integers(0, 99),
        "target": st.sampled_from(TARGETS),
        "path": st.sampled_from(PATHS),
        "method": st.sampled_from(["GET", "HEAD", "POST", "OPTIONS", "CONNECT", "get"]),
        "version": st.sampled_from(["1.1", "1.1", "1.0", "1.2", "2.0"]),
        "beside": st.lists(BESIDE, max_size=3),
        "body": st.sampled_from([b"", b"", b"", b"hello", b"5\r\nhello\r\n0\r\n\r\n", b"\r\n"]),
    }
)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(
    drawn=st.lists(QUESTIONS, min_size=1, max_size=3),
    places=st.lists(st.integers(0, 4000), max_size=4),
    whole=st.booleans(),
)
async def test_the_same_octets_come_back_by_both_ways(
    ways: Ways, drawn: list[dict[str, object]], places: list[int], whole: bool
) -> None:
    people = list(ways.people.credentials.values())
    each = []
    for said in drawn:
        who, beside = said.pop("who"), said.pop("beside")
        assert isinstance(who, int)
        assert isinstance(beside, list)
        lines = [*people[who % len(people)], *beside]
        each.append(question(said.pop("dialect"), *lines, **said))  # type: ignore[arg-type]  # drawn
    pieces = each if whole else cut(b"".join(each), places)
    await assert_alike(ways, pieces)


async def test_a_question_cut_at_any_place(ways: Ways) -> None:
    octets = question("traefik", *ways.people.credentials["alice"])
    said = await say(ways, ways.lane, [octets])
    assert said.octets.startswith(b"HTTP/1.1 200 OK\r\n")
    assert said.decisions == {"allow": 1}
    for place in range(1, len(octets)):
        assert await say(ways, ways.lane, [octets[:place], octets[place:]]) == said
    assert await say(ways, ways.ordinary, [octets]) == said


@pytest.mark.parametrize("bound", ["to nothing", "to a path", "to no file"])
async def test_a_gateway_at_a_unix_socket_is_believed_whatever_its_own_end_is_called(
    ways: Ways, bound: str
) -> None:
    octets = question("traefik", *ways.people.credentials["alice"], ("Connection", "close"))
    said = []
    for server in ways.servers:
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as client:
            client.setblocking(False)
            if bound != "to nothing":
                client.bind(f"{folder}/client" if bound == "to a path" else f"\0{folder}")
            loop = asyncio.get_running_loop()
            async with await loop.create_unix_server(server, f"{folder}/server"):
                await loop.sock_connect(client, f"{folder}/server")
                reader, writer = await asyncio.open_unix_connection(sock=client)
                writer.write(octets)
                async with asyncio.timeout(TIMEOUT):
                    said.append(DATE.sub(b"", await reader.read()))
                writer.close()
    assert said[0].startswith(b"HTTP/1.1 200 OK\r\n")
    assert said[0] == said[1]


@pytest.mark.parametrize("who", ["alice", "alice's cookie", "nobody", "garbage", "two bearers"])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
async def test_what_a_gateway_says_is_answered_alike(
    ways: Ways, who: str, version: str, method: str
) -> None:
    for dialect in DIALECTS:
        for line in (("X-Nothing", "x"), ("Connection", "close"), ("Connection", "keep-alive")):
            lines = [*ways.people.credentials[who], line]
            asked_now = question(dialect, *lines, version=version, method=method)
            said = await assert_alike(ways, [asked_now, asked_now])
            assert sum(said.decisions.values()) in {1, 2}


async def test_a_personal_token_that_only_the_store_knows(ways: Ways) -> None:
    unknown = ("Authorization", "Bearer sidecar_pat_" + "A" * 43)
    said = await assert_alike(ways, [question("nginx", unknown), question("nginx", unknown)])
    assert said.octets.count(b"HTTP/1.1 401") == 2
    assert sum(said.decisions.values()) == 2


async def test_questions_that_come_together_are_answered_in_their_order(ways: Ways) -> None:
    people = ways.people.credentials
    told = [people[name] for name in ("alice", "root", "nobody", "root", "alice")]
    octets = [question("caddy", *lines) for lines in told]
    for pieces in (
        [b"".join(octets)],
        [octets[0] + octets[1][:40], octets[1][40:] + octets[2], octets[3], octets[4]],
        [octets[0] + LAST[:-2], LAST[-2:]],
        [*octets, b"no request\r\n\r\n"],
        [octets[0] + b"no request\r\n\r\n"],
        [b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel", octets[0], octets[1]],
        [b"GET /me HTTP/1.1\r\nHost: x\r\n\r\n" + octets[0], octets[1]],
        [octets[0], b"GET /me HTTP/1.1\r\nHost: x\r\n\r\n", octets[1]],
    ):
        await assert_alike(ways, pieces)
    said = await assert_alike(ways, octets)
    names = re.findall(rb"Remote-User: (\w*)", said.octets)
    assert names == [b"alice", b"root", b"root", b"alice"]


@pytest.mark.parametrize("octets", [32_000, 65_536, 200_000])
async def test_long_heads(ways: Ways, octets: int) -> None:
    alice = ways.people.credentials["alice"]
    lines = [(f"X-Long-{number}", "x" * 8000) for number in range(octets // 8000)]
    await assert_alike(ways, [question("traefik", *alice, *lines)])
    await assert_alike(ways, [question("traefik", *alice, ("X-Long", "x" * octets))])


async def test_while_it_drains_every_answer_is_the_last(ways: Ways) -> None:
    octets = question("traefik", *ways.people.credentials["alice"])
    for server in ways.servers:
        server.last = True
    try:
        said = await assert_alike(ways, [octets, octets])
    finally:
        for server in ways.servers:
            server.last = False
    assert said.octets.count(b"Connection: close\r\n\r\n") == 1
    assert said.decisions == {"allow": 1}


async def test_a_bug_is_a_problem_with_status_500_by_both_ways(
    ways: Ways, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise LookupError("a bug")

    for name in ("decide", "allows_again"):
        monkeypatch.setattr(ways.people.web.serving.gate, name, fail)
    said = await assert_alike(ways, [question("traefik", *ways.people.credentials["alice"])])
    assert said.octets.startswith(b"HTTP/1.1 500 ")
    assert b'"reason": "internal"' in said.octets


@pytest.mark.parametrize(
    ("who", "lines"),
    [("alice", ()), ("nobody", ()), ("nobody", (("Accept", "text/html"),))],
    ids=["let in", "a program", "a person"],
)
async def test_a_bug_in_writing_is_a_problem_with_status_500(
    ways: Ways, monkeypatch: pytest.MonkeyPatch, who: str, lines: tuple[tuple[str, str], ...]
) -> None:
    def fail(*_: object, **__: object) -> bytes:
        raise LookupError("a bug")

    for owner, name in (
        (AllowHead, "render"),
        (PlainRefusal, "render"),
        (answering, "render_whole"),
    ):
        monkeypatch.setattr(owner, name, fail)
    octets = await talk(ways.lane, [question("traefik", *ways.people.credentials[who], *lines)])
    assert octets.startswith(b"HTTP/1.1 500 ")
    assert b'"reason": "internal"' in octets


@pytest.mark.parametrize(
    ("who", "line", "made"),
    [
        ("alice", ("X-Nothing", "x"), 0),
        ("alice's cookie", ("Connection", "close"), 0),
        ("alice", ("Content-Length", "0"), 0),
        ("nobody", ("X-Nothing", "x"), 0),
        ("alice", ("Upgrade", "websocket"), 0),  # not without `Connection: upgrade`
        ("alice", ("Transfer-Encoding", "chunked"), 1),
    ],
    ids=str,
)
async def test_no_request_is_made_for_a_question(
    ways: Ways, requests: list[object], who: str, line: tuple[str, str], made: int
) -> None:
    body = b"0\r\n\r\n" if line[1] == "chunked" else b""
    lines = [*ways.people.credentials[who], line]
    octets = await talk(ways.lane, [question("traefik", *lines, body=body)])
    assert octets.count(b"Remote-User: alice") == (who != "nobody")
    last = "close" not in line  # what `talk` asks at the end
    assert len(requests) == made + last


async def test_who_asks_on_before_the_handler_waits_again_has_the_lane(
    ways: Ways, requests: list[object]
) -> None:
    """As a busy gateway does: the second question is there as soon as the first is answered."""
    refused = question("envoy", method="HEAD")  # whose answer aiohttp writes
    ways.servers[0].cohort = Cohort(ALONE)
    protocol = ways.servers[0]()
    gateway = Eager(protocol, question("traefik", *ways.people.credentials["alice"]))
    protocol.connection_made(gateway)
    await asyncio.sleep(0)
    protocol.data_received(refused)
    async with asyncio.timeout(TIMEOUT):
        await gateway.has_two.wait()
    assert [answer[9:12] for answer in gateway.answers] == [b"401", b"200"]
    assert len(requests) == 1
    for _ in range(2):  # and behind it too, now that the handler waits
        protocol.data_received(gateway.next)
        await asyncio.sleep(0)
    assert [answer[9:12] for answer in gateway.answers[2:]] == [b"200", b"200"]
    assert len(requests) == 1
    protocol.force_close()


@pytest.mark.parametrize("line", ["close", "keep-alive"])
async def test_who_asks_as_soon_as_it_is_connected_has_the_lane(ways: Ways, line: str) -> None:
    """As a gateway does that makes a connection for each question."""
    protocol = ways.servers[0]()
    assert isinstance(protocol, Lane)
    gateway = Eager(protocol)
    protocol.connection_made(gateway)
    person = ways.people.credentials["alice"]
    protocol.data_received(question("traefik", *person, ("Connection", line)))
    protocol.catch_up()
    assert [answer[9:12] for answer in gateway.answers] == [b"200"]
    for _ in range(TURNS):  # the handler begins, and finds nothing to do, or the end
        await asyncio.sleep(0)
    protocol.data_received(question("traefik", *person))
    protocol.catch_up()
    assert len(gateway.answers) == (1 if line == "close" else 2)
    protocol.force_close()


async def test_a_connection_is_asked_on_as_often_as_its_gateway_likes(ways: Ways) -> None:
    octets = question("traefik", *ways.people.credentials["alice"])
    reader, writer = await asyncio.open_connection("127.0.0.1", ways.lane)
    try:
        async with asyncio.timeout(TIMEOUT):
            for _ in range(100):  # aiohttp lets 32 wait, and reads no further then
                writer.write(octets)
                assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
            writer.write(octets * 20)
            for _ in range(20):
                assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
    finally:
        writer.close()


async def test_who_asks_one_by_one_and_does_not_read_fills_no_memory(ways: Ways) -> None:
    octets = question("traefik", *ways.people.credentials["alice"])
    reader, writer = await asyncio.open_connection("127.0.0.1", ways.lane, limit=4096)
    try:
        writer.write(octets)
        await reader.readuntil(b"\r\n\r\n")
        transport = next(
            each.transport
            for each in ways.servers[0].connections
            if each.peername == writer.get_extra_info("sockname")
        )
        assert transport is not None
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # the kernel keeps little of it
        most = 0
        for _ in range(2000):
            writer.write(octets)
            for _ in range(TURNS):
                await asyncio.sleep(0)
            most = max(most, transport.get_write_buffer_size())
        assert 65_536 < most < 80_000  # what asyncio takes before it says so, and an answer
        async with asyncio.timeout(TIMEOUT):
            for _ in range(2000):
                assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
    finally:
        writer.transport.abort()


async def test_who_waits_for_nothing_more_is_let_go(
    ways: Ways, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = ways.servers[0]
    monkeypatch.setitem(server._kwargs, "keepalive_timeout", 0.2)
    octets = question("traefik", *ways.people.credentials["alice"])
    reader, writer = await asyncio.open_connection("127.0.0.1", ways.lane)
    try:
        async with asyncio.timeout(TIMEOUT):
            for _ in range(3):
                writer.write(octets)
                assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
            assert await reader.read() == b""
    finally:
        writer.close()
