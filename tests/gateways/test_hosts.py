"""The service on a host of its own, below a path, and under a wildcard, through each gateway."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession, TCPConnector

from tests.gateways.conftest import Guarded
from tests.programs.gateways import guarding
from tests.programs.process import free_port
from tests.programs.service import make_service, serving
from tests.programs.upstream import serving_upstream

pytestmark = pytest.mark.asyncio

QUESTION = {
    "X-Original-Method": "GET",
    "X-Original-URL": "http://app.example.com/",
    "X-Forwarded-Method": "GET",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Host": "app.example.com",
    "X-Forwarded-Uri": "/",
}


@asynccontextmanager
async def _guarding(
    name: str, folder: Path, own: str, path: str, guarded: str
) -> AsyncIterator[Guarded]:
    """Run a gateway for hosts like `guarded`, with the service at `own` below `path`."""
    port = free_port()
    policy = {"hosts": {guarded: [{"path": "/**", "allow": "signed-in"}]}}
    service = make_service(
        folder, {"server": {"public_url": f"http://{own}:{port}{path}"}}, policy=policy
    )
    await service.add_user("alice")
    async with (
        serving(service),
        serving_upstream() as upstream,
        guarding(name, service, upstream, guarded, port=port) as gateway,
        ClientSession(connector=TCPConnector(force_close=True)) as session,
    ):
        yield Guarded(service, gateway, upstream, session)


def _at(guarded: Guarded, host: str) -> dict[str, str]:
    return {"Host": f"{host}:{guarded.gateway.port}"}


@pytest.mark.parametrize("path", ["", "/sso"])
async def test_the_service_has_a_host_of_its_own_but_no_gate_there(
    gateway_name: str, tmp_path: Path, path: str
) -> None:
    async with _guarding(
        gateway_name, tmp_path, "auth.example.com", path, "app.example.com"
    ) as guarded:
        own = _at(guarded, "auth.example.com")
        for page in ("/login", "/logout", "/.well-known/jwks.json", "/static/sidecar.css"):
            assert (await guarded.ask(path + page, own))[0] == 200, page
        token = await guarded.log_in()
        asking = {**own, **QUESTION, "Authorization": f"Bearer {token}"}
        assert (await guarded.ask("/", {**asking, **_at(guarded, "app.example.com")}))[0] == 200
        for prefix in {path, ""}:
            for gate in ("/verify", "/verify/nginx", "/verify/traefik", "/%76erify", "//verify"):
                assert (await guarded.ask(prefix + gate, asking))[0] == 404, prefix + gate
        assert len(guarded.upstream.received) == 1


async def test_a_wildcard_holds_the_host_of_the_service_too(
    gateway_name: str, tmp_path: Path
) -> None:
    async with _guarding(
        gateway_name, tmp_path, "app.example.com", "/auth", "*.example.com"
    ) as guarded:
        token = await guarded.log_in()
        bearer = {"Authorization": f"Bearer {token}"}
        for host in ("app.example.com", "other.example.com", "a.deep.example.com"):
            at = _at(guarded, host)
            assert (await guarded.ask("/orders", at))[0] == 401, host
            assert (await guarded.ask("/orders", {**at, **bearer}))[0] == 200, host
        assert len(guarded.upstream.received) == 3
        assert (await guarded.ask("/auth/login", _at(guarded, "app.example.com")))[0] == 200
        for host in ("example.com", "appxexample.com", "app.example.com.evil.org"):
            status, _ = await guarded.ask("/orders", {**_at(guarded, host), **bearer})
            assert status in {404, 421}, host
        assert len(guarded.upstream.received) == 3


async def test_the_metadata_are_where_rfc_8414_looks_for_them(guarded: Guarded) -> None:
    for path in (
        "/.well-known/oauth-authorization-server/auth",
        "/auth/.well-known/oauth-authorization-server",
        "/auth/.well-known/openid-configuration",
    ):
        status, headers = await guarded.ask(path)
        assert status == 200, path
        assert headers["Content-Type"].startswith("application/json")
    status, _ = await guarded.ask("/.well-known/oauth-authorization-server")
    assert status == 401
    assert guarded.upstream.received == []
