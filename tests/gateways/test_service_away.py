"""Nothing is let in while the service cannot be asked, or answers as it never does."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.gateways.conftest import Fleet
from tests.programs.gateways import GATEWAYS

pytestmark = pytest.mark.asyncio(loop_scope="module")

BOUND = 40.0  # seconds; Traefik waits 30 of them, the others at most 5


async def _ask_all(fleet: Fleet, path: str, headers: dict[str, str]) -> dict[str, int]:
    """Ask through all gateways at once; return the status by gateway."""
    guarded = [await fleet.guard(name) for name in GATEWAYS]
    async with asyncio.timeout(BOUND):
        answers = await asyncio.gather(*(each.ask(path, headers) for each in guarded))
    return dict(zip(GATEWAYS, (status for status, _ in answers), strict=True))


async def _log_in(fleet: Fleet) -> dict[str, str]:
    return await (await fleet.guard(GATEWAYS[0])).log_in()


@asynccontextmanager
async def _stopping(fleet: Fleet) -> AsyncIterator[None]:
    """End the service, and start it again after the block."""
    for name in GATEWAYS:
        await fleet.guard(name)
    await fleet.service.end(signal.SIGKILL)
    try:
        yield
    finally:
        await fleet.service.start()


async def test_nothing_is_let_in_while_the_service_is_down(fleet: Fleet) -> None:
    bearer = await _log_in(fleet)
    async with _stopping(fleet):
        for path, headers in (("/orders", bearer), ("/public/", {}), ("/auth/login", {})):
            for name, status in (await _ask_all(fleet, path, headers)).items():
                assert status >= 500, (name, path)
        assert fleet.upstream.received == []
    assert set((await _ask_all(fleet, "/orders", bearer)).values()) == {200}
    # Of all gateways only HAProxy has nothing of its own to say about it.
    told = fleet.gateways["haproxy"].program.read_output()
    assert "/verify/haproxy answered with status 5" in told


async def test_nothing_is_let_in_while_the_service_is_frozen(fleet: Fleet) -> None:
    bearer = await _log_in(fleet)
    assert set((await _ask_all(fleet, "/orders", bearer)).values()) == {200}
    assert fleet.service.program is not None
    process = fleet.service.program.process
    process.send_signal(signal.SIGSTOP)
    try:
        statuses = await _ask_all(fleet, "/orders", bearer)
    finally:
        process.send_signal(signal.SIGCONT)
    assert all(status >= 500 for status in statuses.values()), statuses
    assert fleet.upstream.received == []
    await fleet.service.await_ready()  # it has not looked for revocations for too long
    assert set((await _ask_all(fleet, "/orders", bearer)).values()) == {200}


WHO = "Remote-User: root\r\nRemote-Groups: admin\r\nX-Auth-Assertion: x\r\n"
WRONG = [
    ("503", f"HTTP/1.1 503 Service Unavailable\r\n{WHO}Content-Length: 0\r\n\r\n"),
    ("500", f"HTTP/1.1 500 Internal Server Error\r\n{WHO}Content-Length: 0\r\n\r\n"),
    ("429", f"HTTP/1.1 429 Too Many Requests\r\n{WHO}Retry-After: 1\r\nContent-Length: 0\r\n\r\n"),
    ("404", f"HTTP/1.1 404 Not Found\r\n{WHO}Content-Length: 0\r\n\r\n"),
    ("half a head", f"HTTP/1.1 200 OK\r\n{WHO}"),
    ("half a status", "HTTP/1.1 20"),
    ("no HTTP", "200 OK\r\n\r\n"),
    ("nothing", ""),
]


@asynccontextmanager
async def _answering(port: int, answer: str) -> AsyncIterator[None]:
    """Answer every request at a port with the same octets, and hang up."""

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer.encode())
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(reply, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()


async def test_nothing_is_let_in_while_the_service_answers_as_it_never_does(fleet: Fleet) -> None:
    bearer = await _log_in(fleet)
    port = int(fleet.service.url.rpartition(":")[2])
    async with _stopping(fleet):
        for what, answer in WRONG:
            async with _answering(port, answer):
                for path in ("/orders", "/public/"):
                    for name, status in (await _ask_all(fleet, path, bearer)).items():
                        assert status >= 400, (name, what)
                        assert status in {500, 502, 503, 504} or what in {"429", "404"}, name
        assert fleet.upstream.received == []
