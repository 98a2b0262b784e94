"""Real gateways, run with what `sidecar gateway` prints."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import ClientSession

from tests.programs.process import READY_TIMEOUT, Program, free_port, require, running
from tests.programs.service import Service
from tests.programs.upstream import Upstream

GATEWAYS = ("nginx", "traefik")


@dataclass(slots=True)
class Gateway:
    """A gateway that runs in front of an upstream."""

    name: str
    port: int
    program: Program

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"


def command_of(name: str, folder: Path) -> list[str | Path]:
    """Return how a gateway is started with the files of `folder`."""
    if name == "nginx":
        return [require("nginx"), "-p", folder, "-c", "nginx.conf", "-g", "daemon off;"]
    traefik = require("traefik", str(Path(sys.executable).parent))
    return [traefik, "--configfile", "traefik.yaml"]


@asynccontextmanager
async def guarding(
    name: str, service: Service, upstream: Upstream, *hosts: str, port: int | None = None
) -> AsyncIterator[Gateway]:
    """Run a gateway for the length of the block, with the configuration that the command writes."""
    port = port or free_port()
    folder = service.directory / f"{name}-{port}"
    named = [word for host in hosts for word in ("--host", host)]
    made = await service.run(
        *("gateway", name, *named, "--upstream", upstream.url),
        *("--listen", f"127.0.0.1:{port}", "--out", str(folder)),
    )
    assert made.status == 0, made.err
    command = command_of(name, folder)
    async with running(command, directory=folder, address=("127.0.0.1", port)) as program:
        gateway = Gateway(name, port, program)
        await _await_routes(gateway, f"{hosts[0]}:{port}")
        upstream.received.clear()
        yield gateway


async def _await_routes(gateway: Gateway, host: str) -> None:
    """Wait until the gateway knows the host: Traefik listens before it has read its routes."""
    async with ClientSession() as session, asyncio.timeout(READY_TIMEOUT):
        while True:
            async with session.get(f"{gateway.url}/public/", headers={"Host": host}) as answer:
                if answer.status not in {404, 503}:
                    return
            await asyncio.sleep(0.02)
