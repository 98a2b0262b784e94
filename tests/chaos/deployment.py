"""Three replicas on PostgreSQL and Redis behind a real nginx, all of them programs of this run."""

import asyncio
import re
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe
from typing import Any, Final

import yaml

from sidecar.accounts import NewUser
from sidecar.app.services import open_services
from sidecar.clock import read_clock
from sidecar.settings import load_settings
from tests.chaos.schedule import REPLICAS
from tests.chaos.weather import MAX_STALENESS, Weather
from tests.docs.markdown import ROOT
from tests.faults.redis_faults import Broken
from tests.faults.replicas import BELOW, BY, HOST
from tests.faults.wire import wiring
from tests.programs.gateways import Gateway, running_files, write_files
from tests.programs.postgres import Postgres, serving_postgres
from tests.programs.process import free_port, start
from tests.programs.redis import serving_redis
from tests.programs.service import PASSWORD, Service, end_quietly, make_service
from tests.programs.upstream import serving_upstream

ADMIN: Final = "root"
START_PATIENCE: Final = 90.0  # seconds; no replica starts while its database is away
RESTART: Final = 0.2  # seconds until one that ended while it started is started again
SETTINGS: Final[dict[str, dict[str, Any]]] = {
    # Nothing expires by itself: whatever is refused was taken away. A refresh whose answer was
    # lost in a fault is repeated behind it.
    "tokens": {"access_ttl": "2h", "refresh_grace": "5m"},
    "keys": {"publish_ahead": "2s"},
    "revocation": {"max_staleness": f"{MAX_STALENESS:.0f}s"},
    "throttle": {"logins_per_hour": 1_000_000},
    "session": {"max_per_user": 10_000},
}


@dataclass(slots=True)
class Replica(Service):
    """A service that may be started by a program of the tests instead of `python -m sidecar`."""

    launcher: tuple[str, ...] = ("sidecar",)

    async def start(self) -> None:
        """Start it and wait until it is ready."""
        self.config.write_text(yaml.safe_dump(self.settings))
        command = [sys.executable, "-m", *self.launcher, "serve", "--config", str(self.config)]
        self.program = await start(command, directory=self.directory, environ=self.environ)
        await self.await_ready()

    async def end_at_last(self) -> bool:
        """End it by SIGTERM; say whether it had to be killed, as what supervises services does."""
        try:
            await self.end()
        except AssertionError:  # what does not end in time has been killed
            return True
        return False

    async def start_again(self) -> None:
        """Start it as what supervises a service does: again and again, until it is ready."""
        patience = time.monotonic() + START_PATIENCE
        while True:
            try:
                if self.program is None or self.program.process.returncode is not None:
                    await self.start()
                else:  # it is slow, or what it needs is away
                    await self.await_ready()
            except AssertionError:
                if time.monotonic() > patience:
                    raise
                await asyncio.sleep(RESTART)
            else:
                return


@dataclass(slots=True)
class Deployment:
    """All programs of a run; `slow_ends` counts replicas that SIGTERM did not end in time."""

    replicas: dict[str, Replica]
    redis: Broken
    postgres: Postgres
    gateway: Gateway
    weather: Weather
    slow_ends: int = 0

    @property
    def host(self) -> str:
        """The guarded host as a browser names it here."""
        return f"{HOST}:{self.gateway.port}"


@asynccontextmanager
async def serving_deployment(
    directory: Path, people: Sequence[str], launcher: tuple[str, ...] = ("sidecar",)
) -> AsyncIterator[Deployment]:
    """Run all of it for the length of the block; these people can log in, and an administrator."""
    port, names = free_port(), [f"replica {number}" for number in range(REPLICAS)]
    (directory / "redis").mkdir()
    async with AsyncExitStack() as stack:
        postgres = stack.enter_context(serving_postgres())
        redis = await stack.enter_async_context(_serving_redis(directory / "redis"))
        wired = redis.server.url.replace(f":{redis.server.port}/", f":{redis.wire.port}/")
        settings = {
            **SETTINGS,
            "server": {"public_url": f"http://{HOST}:{port}{BELOW}"},
            "database": {"url": postgres.make_database()},
            "redis": {"url": wired},
        }
        replicas = {name: _make_replica(directory, settings, launcher) for name in names}
        first = replicas[names[0]]
        await _prepare(first, people)
        for replica in replicas.values():
            stack.push_async_callback(end_quietly, replica)
        await asyncio.gather(*(replica.start_again() for replica in replicas.values()))
        upstream = await stack.enter_async_context(serving_upstream())
        await _write_gateway(directory / "nginx", list(replicas.values()), upstream.url, port)
        gateway = await stack.enter_async_context(running_files("nginx", directory / "nginx", port))
        yield Deployment(replicas, redis, postgres, gateway, Weather(names))


@asynccontextmanager
async def _serving_redis(folder: Path) -> AsyncIterator[Broken]:
    """Run a Redis with a password, which the replicas reach by a wire."""
    async with (
        serving_redis(folder, password=token_urlsafe(16)) as server,
        wiring(server.port) as wire,
    ):
        yield Broken(server, wire)


async def _prepare(replica: Service, people: Sequence[str]) -> None:
    """Do what an operator does before the first start, without a process for each command."""
    settings = load_settings(replica.config, environ={}, flags={})
    async with open_services(settings) as services:
        await services.store.upgrade_schema()
        for new in (NewUser(ADMIN, roles=("admin",)), *map(NewUser, people)):
            await services.accounts.add(new, PASSWORD, BY, read_clock().unix)


def _make_replica(
    directory: Path, settings: dict[str, dict[str, Any]], launcher: tuple[str, ...]
) -> Replica:
    made = make_service(directory, settings)
    environ = {"PYTHONPATH": str(ROOT)}  # a launcher is a program of the tests
    return Replica(made.directory, made.settings, environ=environ, launcher=launcher)


async def _write_gateway(
    folder: Path, replicas: Sequence[Service], upstream: str, port: int
) -> None:
    """Write nginx's configuration, with every replica in the place of the one that it names.

    One that does not answer is passed over without being given up for a while.
    """
    words = ("nginx", "--host", HOST, "--upstream", upstream, "--listen", f"127.0.0.1:{port}")
    await write_files(replicas[0], folder, *words)
    addresses = [each.settings["server"]["listen"] for each in replicas]
    servers = " ".join(f"server {address} max_fails=0;" for address in addresses)
    file = folder / "nginx.conf"
    text, found = re.subn(rf"server {re.escape(addresses[0])};", servers, file.read_text())
    assert found == len(("sidecar_gate", "sidecar_pages"))
    file.write_text(text)
