"""What stands behind a body (RFC 9112 section 7.1.2) becomes no header of the upstream."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.gateways.conftest import HOST, PUBLIC_URL, Fleet, running_fleet
from tests.gateways.raw import compose, connecting
from tests.gateways.test_outcomes import IDENTITY
from tests.programs.upstream import header_values, serving_lenient_upstream

pytestmark = pytest.mark.asyncio(loop_scope="module")

TRAILERS = "".join(f"{name}: bob\r\n" for name in (*IDENTITY, "X-User"))
BODY = f"3\r\nabc\r\n0\r\n{TRAILERS}\r\n".encode()
ANNOUNCED = [
    (),
    ("TE: trailers",),
    (f"Trailer: {', '.join(IDENTITY)}",),
    ("Trailer: X-User", "Trailer: Remote-User", "TE: trailers", "Connection: TE"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lenient(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    """Run an upstream that takes trailers."""
    folder = tmp_path_factory.mktemp("trailers")
    settings = {"server": {"public_url": PUBLIC_URL}}
    async with running_fleet(folder, settings, HOST, serve=serving_lenient_upstream) as fleet:
        yield fleet


@pytest.mark.parametrize("lines", ANNOUNCED)
async def test_a_trailer_reaches_the_upstream_through_haproxy_alone_and_announced_to_nobody(
    gateway_name: str, lenient: Fleet, lines: tuple[str, ...]
) -> None:
    guarded = await lenient.guard(gateway_name)
    framing = ("Transfer-Encoding: chunked", *lines)
    request = compose("/public/", f"Host: {HOST}", *framing, method="POST") + BODY
    async with connecting(guarded.gateway.port) as client:
        assert await client.ask(request) == 200
    (received,) = guarded.upstream.received
    assert "bob" not in str(received["headers"])
    if gateway_name == "haproxy":
        assert header_values(received, "Trailer") == []
        assert "Remote-User: bob".lower() in received["trailers"]  # as docs/haproxy.md says
    else:
        assert received.get("trailers", []) == []
