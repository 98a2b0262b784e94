"""One service and one upstream behind each real gateway, for all tests of a module."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import ClientSession, TCPConnector

from tests.programs.gateways import GATEWAYS, Gateway, guarding
from tests.programs.process import free_port
from tests.programs.service import PASSWORD, Service, make_service, serving
from tests.programs.upstream import Upstream, serving_upstream

HOST = "app.example.com"


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
        self, path: str, headers: dict[str, str] | None = None, method: str = "GET"
    ) -> tuple[int, dict[str, str]]:
        """Ask the gateway for a path of the guarded host; return status and headers."""
        async with self.session.request(
            method,
            f"{self.gateway.url}{path}",
            headers={"Host": self.host, **(headers or {})},
            allow_redirects=False,
        ) as answer:
            await answer.read()
            return answer.status, dict(answer.headers)

    async def log_in(self, name: str = "alice") -> str:
        """Return an access token."""
        body = {"username": name, "password": PASSWORD}
        async with self.session.post(f"{self.service.url}/login", json=body) as answer:
            token: str = (await answer.json())["access_token"]
            return token

    async def log_in_cookie(self, name: str = "alice") -> str:
        """Return a session cookie as a `Cookie` header holds it."""
        body = {"username": name, "password": PASSWORD, "cookie": True}
        async with self.session.post(f"{self.service.url}/login", json=body) as answer:
            cookie = answer.cookies["__Host-sidecar"]
            return f"__Host-sidecar={cookie.value}"


@pytest.fixture(params=GATEWAYS)
def gateway_name(request: pytest.FixtureRequest) -> str:
    """Name each gateway in turn."""
    name: str = request.param
    return name


@pytest_asyncio.fixture
async def guarded(gateway_name: str, tmp_path: Path) -> AsyncIterator[Guarded]:
    """Run everything that a guarded application needs."""
    port = free_port()
    service = make_service(
        tmp_path,
        {
            "server": {"public_url": f"http://{HOST}:{port}/auth"},
            "gateway": {"dialect": gateway_name},
        },
    )
    await service.add_user("alice", "--role", "staff", "--email", "alice@example.com")
    async with (
        serving(service),
        serving_upstream() as upstream,
        guarding(gateway_name, service, upstream, HOST, port=port) as gateway,
        ClientSession(connector=TCPConnector(force_close=True)) as session,
    ):
        yield Guarded(service, gateway, upstream, session)
