"""Methods that no application behind a gateway needs reach none, not even where anyone may pass."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.gateways.conftest import HOST, PUBLIC_URL, Fleet, running_fleet
from tests.gateways.raw import compose, connecting
from tests.programs.upstream import serving_lenient_upstream

pytestmark = pytest.mark.asyncio(loop_scope="module")

POLICY = {"hosts": {HOST: [{"path": "/**", "allow": "anyone"}]}}
NEVER = [
    ("CONNECT", f"{HOST}:22"),
    ("CONNECT", f"{HOST}:80"),
    ("CONNECT", HOST),
    ("CONNECT", "10.9.8.7:22"),
    ("CONNECT", f"http://{HOST}/public/"),
    ("CONNECT", "/public/"),
    ("CONNECT", "/"),
    ("CONNECT", "*"),
    ("TRACE", "/public/"),
    ("TRACE", "/"),
    ("TRACE", f"http://{HOST}/public/"),
    ("TRACE", "*"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lenient(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    """Run an upstream that takes any method."""
    folder = tmp_path_factory.mktemp("methods")
    settings = {"server": {"public_url": PUBLIC_URL}}
    serve = serving_lenient_upstream
    async with running_fleet(folder, settings, HOST, policy=POLICY, serve=serve) as fleet:
        yield fleet


@pytest.mark.parametrize(("method", "target"), NEVER)
async def test_neither_a_tunnel_nor_an_echo_reaches_the_upstream(
    gateway_name: str, lenient: Fleet, method: str, target: str
) -> None:
    """RFC 9110 sections 9.3.6 and 9.3.8."""
    guarded = await lenient.guard(gateway_name)
    bearer = f"Authorization: {(await guarded.log_in())['Authorization']}"
    for host in (HOST, f"{HOST}:22", f"{HOST}:80", "10.9.8.7:22"):
        for lines in ((), (bearer,)):
            request = compose(target, f"Host: {host}", *lines, method=method)
            async with connecting(guarded.gateway.port) as client:
                assert 400 <= await client.ask(request) < 600
    assert guarded.upstream.received == []


async def test_every_other_method_reaches_it(gateway_name: str, lenient: Fleet) -> None:
    guarded = await lenient.guard(gateway_name)
    methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND"]
    for method in methods:
        async with connecting(guarded.gateway.port) as client:
            lines = (f"Host: {HOST}", "Content-Length: 0")
            assert await client.ask(compose("/public/", *lines, method=method)) == 200
    assert [received["method"] for received in guarded.upstream.received] == methods
