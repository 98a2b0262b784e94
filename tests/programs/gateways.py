"""Real gateways, run with what `sidecar gateway` prints."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import ClientSession

from sidecar.cli.gateway import gateway as gateway_command
from tests.programs.process import READY_TIMEOUT, Program, free_port, require, running
from tests.programs.service import Service
from tests.programs.upstream import Upstream

GATEWAYS = ("nginx", "traefik", "caddy", "envoy", "haproxy")
BESIDE_PYTHON = str(Path(sys.executable).parent)  # where packages put their programs


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
    match name:
        case "nginx":
            # Sockets and folders of a test are its user's alone; root's workers would be nobody's.
            user = "user root; " if os.geteuid() == 0 else ""
            return [require("nginx"), "-p", folder, "-c", "nginx.conf", "-g", f"{user}daemon off;"]
        case "traefik":
            return [require("traefik", BESIDE_PYTHON), "--configfile", "traefik.yaml"]
        case "caddy":
            return [require("caddy", BESIDE_PYTHON), "run", "--config", "Caddyfile"]
        case "envoy":
            # Several on one machine would share memory by their base id.
            options = ("--disable-hot-restart", "--concurrency", "1", "--log-level", "warning")
            envoy = require("envoy", BESIDE_PYTHON)
            return [envoy, "--config-path", "envoy.yaml", *options]
        case "haproxy":
            return [require("haproxy"), "-db", "-f", folder / "haproxy.cfg"]
        case _:
            raise ValueError(name)


def environ_of(folder: Path) -> dict[str, str]:
    """Return what of a gateway's environment is its own: where Caddy keeps an id and a lock."""
    return {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}


def checker_of(name: str, folder: Path) -> list[str | Path]:
    """Return how a gateway checks the files of `folder` without running; Traefik cannot."""
    match name:
        case "nginx":
            return [require("nginx"), "-p", folder, "-c", "nginx.conf", "-t"]
        case "caddy":
            return [require("caddy", BESIDE_PYTHON), "validate", "--config", folder / "Caddyfile"]
        case "envoy":
            envoy = require("envoy", BESIDE_PYTHON)
            return [envoy, "--mode", "validate", "--config-path", folder / "envoy.yaml"]
        case "haproxy":
            return [require("haproxy"), "-c", "-dW", "-f", folder / "haproxy.cfg"]
        case _:
            raise ValueError(name)


@asynccontextmanager
async def guarding(
    name: str,
    service: Service,
    upstream: Upstream,
    *hosts: str,
    port: int | None = None,
    asking: str | None = None,
) -> AsyncIterator[Gateway]:
    """Run a gateway for the length of the block, with the configuration that the command writes.

    `asking` is the HOST:PORT where it asks in place of the service.
    """
    port = port or free_port()
    folder = service.directory / f"{name}-{port}"
    named = [word for host in hosts for word in ("--host", host)]
    words = [name, *named, "--upstream", upstream.url, "--listen", f"127.0.0.1:{port}"]
    if asking is not None:
        words += ["--auth", asking]
    await write_files(service, folder, *words)
    async with running_files(name, folder, port) as gateway:
        await _await_routes(gateway, f"{hosts[0].replace('*', 'any')}:{port}")
        upstream.received.clear()
        yield gateway


async def write_files(service: Service, folder: Path, *words: str) -> None:
    """Let `sidecar gateway` write its files into `folder`; here, a process costs half a second."""
    command = [*words, "--out", str(folder), "--config", str(service.config)]
    await asyncio.to_thread(gateway_command.main, command, standalone_mode=False)


@asynccontextmanager
async def running_files(name: str, folder: Path, port: int) -> AsyncIterator[Gateway]:
    """Run a gateway with the files of `folder`, from when it listens."""
    command, address = command_of(name, folder), ("127.0.0.1", port)
    async with running(
        command, directory=folder, address=address, environ=environ_of(folder)
    ) as program:
        yield Gateway(name, port, program)


async def _await_routes(gateway: Gateway, host: str) -> None:
    """Wait until the gateway knows the host: Traefik listens before it has read its routes."""
    async with ClientSession() as session, asyncio.timeout(READY_TIMEOUT):
        while True:
            async with session.get(f"{gateway.url}/public/", headers={"Host": host}) as answer:
                if answer.status not in {404, 503}:
                    return
            await asyncio.sleep(0.02)
