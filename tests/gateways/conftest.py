"""One service and one upstream for all tests of a module, behind every real gateway."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientSession, TCPConnector
from multidict import CIMultiDict
from yarl import URL

from tests.programs.gateways import GATEWAYS, Gateway, guarding
from tests.programs.service import PASSWORD, POLICY, Service, make_service, serving
from tests.programs.upstream import Upstream, serving_upstream

HOST = "app.example.com"
PUBLIC_URL = f"http://{HOST}/auth"
GATEWAY_ADDRESS = "127.0.0.1"
CLIENT_ADDRESS = "127.0.0.2"  # not the gateways': what is said of the client is not said of them

PEOPLE = {
    "alice": ("--role", "staff", "--email", "alice@example.com"),
    "bob": ("--role", "admin", "--role", "staff"),
}

Headers = Mapping[str, str] | CIMultiDict[str]


@dataclass(slots=True)
class Guarded:
    """A service, the gateway that asks it, and the upstream behind both."""

    service: Service
    gateway: Gateway
    upstream: Upstream
    session: ClientSession

    @property
    def host(self) -> str:
        """The guarded host as a browser names it here."""
        return f"{HOST}:{self.gateway.port}"

    async def ask(
        self, path: str, headers: Headers | None = None, method: str = "GET"
    ) -> tuple[int, CIMultiDict[str]]:
        """Ask the gateway for a path of the guarded host; return status and headers."""
        sent = CIMultiDict({"Host": self.host})
        for name in headers or ():
            sent.popall(name, None)
        sent.extend(headers or {})
        url = URL(f"{self.gateway.url}{path}", encoded=True)
        async with self.session.request(method, url, headers=sent, allow_redirects=False) as answer:
            await answer.read()
            return answer.status, CIMultiDict(answer.headers)

    async def log_in(self, name: str = "alice") -> dict[str, str]:
        """Return the headers of a request with an access token."""
        body = {"username": name, "password": PASSWORD}
        async with self.session.post(f"{self.service.url}/login", json=body) as answer:
            return {"Authorization": f"Bearer {(await answer.json())['access_token']}"}

    async def log_in_cookie(self, name: str = "alice") -> str:
        """Return a session cookie as a `Cookie` header holds it."""
        body = {"username": name, "password": PASSWORD, "cookie": True}
        async with self.session.post(f"{self.service.url}/login", json=body) as answer:
            cookie = answer.cookies["__Host-sidecar"]
            return f"__Host-sidecar={cookie.value}"


@dataclass(slots=True)
class Fleet:
    """A service and an upstream, and each gateway from when it is first asked for."""

    service: Service
    upstream: Upstream
    session: ClientSession
    hosts: tuple[str, ...]
    stack: AsyncExitStack
    gateways: dict[str, Gateway] = field(default_factory=dict)

    async def guard(self, name: str) -> Guarded:
        """Return all with this gateway, the upstream as if nothing had ever come."""
        if name not in self.gateways:
            running = guarding(name, self.service, self.upstream, *self.hosts)
            self.gateways[name] = await self.stack.enter_async_context(running)
        self.upstream.received.clear()
        return Guarded(self.service, self.gateways[name], self.upstream, self.session)


@asynccontextmanager
async def running_fleet(
    directory: Path,
    settings: Mapping[str, Mapping[str, Any]],
    *hosts: str,
    policy: Mapping[str, Any] = POLICY,
    people: Mapping[str, tuple[str, ...]] = PEOPLE,
    serve: Callable[[], AbstractAsyncContextManager[Upstream]] = serving_upstream,
) -> AsyncIterator[Fleet]:
    """Run a service that believes its gateways alone, and an upstream."""
    trusted = {"gateway": {"trusted_proxies": [f"{GATEWAY_ADDRESS}/32"]}}
    service = make_service(directory, {**trusted, **settings}, policy=policy)
    for name, options in people.items():
        await service.add_user(name, *options)
    connector = TCPConnector(force_close=True, local_addr=(CLIENT_ADDRESS, 0))
    async with (
        serving(service),
        serve() as upstream,
        ClientSession(connector=connector) as session,
        AsyncExitStack() as stack,
    ):
        yield Fleet(service, upstream, session, hosts, stack)


@pytest.fixture(params=GATEWAYS)
def gateway_name(request: pytest.FixtureRequest) -> str:
    """Name each gateway in turn."""
    name: str = request.param
    return name


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fleet(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    """Run what all tests of a module share; they leave it as they found it."""
    directory = tmp_path_factory.mktemp("fleet")
    async with running_fleet(directory, {"server": {"public_url": PUBLIC_URL}}, HOST) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def guarded(gateway_name: str, fleet: Fleet) -> Guarded:
    """Give each test every gateway in turn."""
    return await fleet.guard(gateway_name)
