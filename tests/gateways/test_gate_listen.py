"""With `server.gate_listen` the gate answers gateways there, and nobody at the public listener."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
import pytest_asyncio

from tests.gateways.conftest import HOST, PUBLIC_URL, Fleet, running_fleet
from tests.programs.process import free_port
from tests.programs.upstream import header_values

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def apart(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Fleet]]:
    """Run a service whose gate is at another port, and one whose gate is at a socket."""
    folder = tmp_path_factory.mktemp("gate")
    gates = {"port": f"127.0.0.1:{free_port()}", "socket": f"unix:{folder}/gate.sock"}
    async with AsyncExitStack() as stack:
        yield {
            kind: await stack.enter_async_context(
                running_fleet(
                    tmp_path_factory.mktemp(kind),
                    {"server": {"public_url": PUBLIC_URL, "gate_listen": gate}},
                    HOST,
                    people={"alice": ()},
                )
            )
            for kind, gate in gates.items()
        }


@pytest.mark.parametrize("kind", ["port", "socket"])
async def test_the_gateway_asks_where_the_gate_listens(
    gateway_name: str, apart: dict[str, Fleet], kind: str
) -> None:
    if (gateway_name, kind) == ("traefik", "socket"):
        refused = await apart[kind].service.run("gateway", "traefik")
        assert refused.status == 1
        assert refused.err == "--auth: Traefik knows no Unix sockets; say HOST:PORT\n"
        return
    guarded = await apart[kind].guard(gateway_name)
    bearer = await guarded.log_in()
    assert (await guarded.ask("/orders"))[0] == 401
    assert (await guarded.ask("/admin/", bearer))[0] == 403
    assert (await guarded.ask("/auth/login"))[0] == 200
    assert guarded.upstream.received == []
    assert (await guarded.ask("/orders", bearer))[0] == 200
    assert header_values(guarded.upstream.received[-1], "Remote-User") == ["alice"]
    async with guarded.session.get(f"{guarded.service.url}/verify/{gateway_name}") as answer:
        assert answer.status == 404


async def test_a_gateway_that_is_not_trusted_gets_nothing(
    gateway_name: str, distrusted: Fleet
) -> None:
    guarded = await distrusted.guard(gateway_name)
    bearer = await guarded.log_in()
    for path in ("/public/", "/orders", "/admin/"):
        for headers in ({}, bearer):
            assert (await guarded.ask(path, headers))[0] == 403
    assert guarded.upstream.received == []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def distrusted(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    """Run a service that believes proxies elsewhere alone."""
    settings: dict[str, dict[str, Any]] = {
        "server": {"public_url": PUBLIC_URL},
        "gateway": {"trusted_proxies": ["192.0.2.1/32"]},
    }
    folder = tmp_path_factory.mktemp("distrusted")
    async with running_fleet(folder, settings, HOST, people={"alice": ()}) as fleet:
        yield fleet
