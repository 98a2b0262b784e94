"""`server.gate_listen`: gateways ask there and nowhere else, and it ends as all listeners do."""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientSession,
    DummyCookieJar,
    TCPConnector,
    UnixConnector,
)

from tests.faults.asking import QUESTION, log_in_token
from tests.faults.workers import count_decisions, free_neighbours
from tests.programs.process import free_port
from tests.programs.service import Service, make_service, serving

pytestmark = pytest.mark.asyncio

PROMISE = 10.0  # seconds from SIGTERM to the end
WORKERS = pytest.mark.parametrize(
    "arguments", [(), ("--workers", "2")], ids=["one process", "workers"]
)
DIALECTS = ("nginx", "traefik", "caddy", "haproxy", "envoy")
VERIFY = (
    *("/verify", "/verify/", "/verify?mode=api", "/%76erify", "/verify/x"),
    *(f"/verify/{dialect}" for dialect in DIALECTS),
    *("/verify/envoy/", "/verify/envoy/orders", "/verify/envoy/verify", "/verify/envoy?x"),
)
ELSEWHERE = (
    *("/", "/login", "/logout", "/refresh", "/me", "/static/sidecar.css", "/verifyx", "/Verify"),
    *("/.well-known/jwks.json", "/.well-known/openid-configuration"),
    *("/healthz", "/readyz", "/metrics", "/x/verify", "/x//verify", "/verify/x", "/login/verify"),
)


@dataclass(frozen=True, slots=True)
class Gate:
    """A service with a listener for gateways, and a client of each of its listeners."""

    service: Service
    gate: str | Path

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[ClientSession]:
        """Open a gateway's connections."""
        connector: Any = TCPConnector()
        if isinstance(self.gate, Path):
            connector = UnixConnector(str(self.gate))
        base = "http://sidecar" if isinstance(self.gate, Path) else f"http://{self.gate}"
        async with ClientSession(base, connector=connector, cookie_jar=DummyCookieJar()) as session:
            session._retry_connection = False  # what a gateway may not do with every request
            yield session


@asynccontextmanager
async def gated(
    directory: Path,
    arguments: tuple[str, ...] = (),
    *,
    socket: bool = False,
    trusted: list[str] | None = None,
) -> AsyncIterator[Gate]:
    """Run a service for the length of the block; there is a user alice."""
    gate: str | Path = directory / "gate" if socket else f"127.0.0.1:{free_port()}"
    settings: dict[str, Any] = {
        "server": {
            "gate_listen": f"unix:{gate}" if socket else gate,
            "operations_listen": free_neighbours()[0],
        }
    }
    if trusted is not None:
        settings["gateway"] = {"trusted_proxies": trusted}
    service = make_service(directory, settings, *arguments)
    await service.add_user("alice")
    async with serving(service):
        yield Gate(service, gate)


async def answer(session: ClientSession, method: str, url: str) -> tuple[int, dict[str, Any]]:
    async with session.request(method, url, headers=QUESTION, allow_redirects=False) as got:
        members: dict[str, Any] = {} if method == "HEAD" else await got.json()
        members.pop("request_id", None)
        return got.status, members


@pytest.mark.parametrize(
    ("arguments", "socket"),
    [((), False), (("--workers", "2"), True)],
    ids=["one process at an address", "workers at a socket"],
)
async def test_gateways_ask_there_and_nowhere_else(
    tmp_path: Path, client: ClientSession, arguments: tuple[str, ...], *, socket: bool
) -> None:
    async with gated(tmp_path, arguments, socket=socket) as running, running.asking() as gateway:
        service = running.service
        token = await log_in_token(client, service)
        known = QUESTION | {"Authorization": f"Bearer {token}"}
        for path in ("/verify", "/verify/traefik"):
            for method in ("GET", "POST", "HEAD"):
                async with gateway.request(method, path, headers=known) as let_in:
                    assert (let_in.status, let_in.headers["Remote-User"]) == (200, "alice")
                async with gateway.request(method, path, headers=QUESTION) as refused:
                    assert refused.status == 401
        for listener in (service.url, service.operations):
            unknown = await answer(client, "GET", f"{listener}/unknown")
            assert (unknown[0], unknown[1]["reason"]) == (404, "not_found")
            for path in VERIFY:
                for method in ("GET", "POST"):
                    async with client.request(
                        method, f"{listener}{path}", headers=known, allow_redirects=False
                    ) as got:
                        members = await got.json()
                        assert "Remote-User" not in got.headers
                        members.pop("request_id")
                        assert (got.status, members) == unknown, (listener, path, method)


async def test_nothing_else_is_answered_there(tmp_path: Path) -> None:
    async with gated(tmp_path) as running, running.asking() as gateway:
        for path in ELSEWHERE:
            for method in ("GET", "POST", "DELETE", "HEAD"):
                status, members = await answer(gateway, method, path)
                assert status == 404, (path, method)
                assert method == "HEAD" or members["reason"] == "not_found"


async def test_its_limits_and_counts_are_those_of_every_question(
    tmp_path: Path, client: ClientSession
) -> None:
    async with gated(tmp_path) as running, running.asking() as gateway:
        before = await count_decisions(client, running.service)
        for length, status in ((32_000, 401), (33_000, 400)):
            async with gateway.get("/verify", headers=QUESTION | {"X-Long": "x" * length}) as got:
                assert got.status == status
                assert got.headers["Content-Type"] == "application/problem+json"
        assert await count_decisions(client, running.service) == before + 1


async def test_a_socket_counts_as_trusted_and_an_address_only_where_it_is_listed(
    tmp_path: Path, client: ClientSession
) -> None:
    for socket, status in ((True, 200), (False, 403)):
        directory = tmp_path / str(socket)
        directory.mkdir()
        async with (
            gated(directory, socket=socket, trusted=[]) as running,
            running.asking() as gateway,
        ):
            token = await log_in_token(client, running.service)
            known = QUESTION | {"Authorization": f"Bearer {token}"}
            async with gateway.get("/verify", headers=known) as got:
                assert got.status == status
                assert status == 200 or (await got.json())["reason"] == "untrusted_peer"


@WORKERS
async def test_sigterm_loses_no_question_of_a_busy_gateway(
    tmp_path: Path, client: ClientSession, arguments: tuple[str, ...]
) -> None:
    async with gated(tmp_path, arguments) as running:
        token = await log_in_token(client, running.service)
        known = QUESTION | {"Authorization": f"Bearer {token}"}
        answered: Counter[int] = Counter()
        lost: list[ClientError] = []
        busy = asyncio.Event()

        async def go_on_asking(gateway: ClientSession) -> None:
            while True:
                try:
                    async with gateway.get("/verify", headers=known) as got:
                        answered[got.status] += 1
                except ClientConnectorError:
                    return
                except ClientError as error:
                    lost.append(error)
                    return
                if answered.total() > 300:
                    busy.set()

        async with AsyncExitStack() as stack:
            asking = []
            for _ in range(8):
                gateway = await stack.enter_async_context(running.asking())
                asking.append(asyncio.create_task(go_on_asking(gateway)))
            await busy.wait()
            since = time.monotonic()
            assert await running.service.end(signal.SIGTERM) == 0
            assert time.monotonic() - since < PROMISE
            await asyncio.gather(*asking)
        assert lost == []
        assert set(answered) == {200}


@WORKERS
@pytest.mark.parametrize("taken", ["listen", "gate_listen"])
async def test_an_address_that_is_taken_is_one_line_and_exit_1(
    tmp_path: Path, arguments: tuple[str, ...], taken: str
) -> None:
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0) as other:
        address = f"127.0.0.1:{other.sockets[0].getsockname()[1]}"
        settings = {"server": {"gate_listen": f"127.0.0.1:{free_port()}", taken: address}}
        service = make_service(tmp_path, settings, *arguments)
        ended = await service.run("serve", *arguments)
    assert ended.status == 1
    assert ended.err == f"cannot listen on {address}: Address already in use\n"
