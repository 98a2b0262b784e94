"""Two replicas on PostgreSQL and Redis behind a real nginx that finds a way round either."""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sidecar.accounts import NewUser
from sidecar.app.services import open_services
from sidecar.clock import read_clock
from sidecar.core.audit import OPERATOR, Author
from sidecar.settings import load_settings
from tests.faults.pairs import Pair, serving_pair
from tests.programs.gateways import running_files, write_files
from tests.programs.process import free_port
from tests.programs.service import PASSWORD, Service
from tests.programs.upstream import serving_upstream

BY: Final = Author(OPERATOR)
HOST: Final = "app.example.com"
BELOW: Final = "/auth"  # where nginx serves the replicas' own endpoints


@dataclass(slots=True)
class Replicas:
    """Both replicas, and the address at which nginx serves what they guard."""

    pair: Pair
    url: str
    restarts: int = 0

    async def restart_in_turn(self, pause: float) -> None:
        """End and start one after the other, for ever; `pause` is in seconds."""
        for service in itertools.cycle((self.pair.one, self.pair.other)):
            await asyncio.sleep(pause)
            assert await service.end() == 0
            await service.start()
            self.restarts += 1


@asynccontextmanager
async def serving_replicas(
    directory: Path, settings: Mapping[str, Mapping[str, Any]], people: Sequence[str]
) -> AsyncIterator[Replicas]:
    """Run all of it for the length of the block; these people can log in."""
    port = free_port()
    server = {"server": {"public_url": f"http://{HOST}:{port}{BELOW}"}}
    async with (
        serving_pair(directory, {**settings, **server}, upgrade=True, user=None) as pair,
        serving_upstream() as upstream,
    ):
        await add_people(pair.one, people)
        folder = directory / "nginx"
        words = ("nginx", "--host", HOST, "--upstream", upstream.url)
        await write_files(pair.one, folder, *words, "--listen", f"127.0.0.1:{port}")
        file = folder / "nginx.conf"
        file.write_text(spread(file.read_text(), pair))
        async with running_files("nginx", folder, port):
            yield Replicas(pair, f"http://127.0.0.1:{port}")


def spread(text: str, pair: Pair) -> str:
    """Return a configuration in which both replicas are asked.

    One that does not answer is passed over without being given up for a while, and what it may not
    have seen is sent to the other one: a refresh that comes twice gets one successor.
    """
    addresses = [each.settings["server"]["listen"] for each in (pair.one, pair.other)]
    servers = " ".join(f"server {address} max_fails=0;" for address in addresses)
    text, found = re.subn(rf"server {re.escape(addresses[0])};", servers, text)
    assert found == len(("sidecar_gate", "sidecar_pages"))
    retry = "proxy_next_upstream error timeout non_idempotent;"
    assert text.count("http {\n") == 1
    return text.replace("http {\n", f"http {{\n    {retry}\n")


async def add_people(service: Service, names: Sequence[str]) -> None:
    """Add people whose password is PASSWORD."""
    settings = load_settings(service.config, environ={}, flags={})
    async with open_services(settings) as services:
        for name in names:
            await services.accounts.add(NewUser(name), PASSWORD, BY, read_clock().unix)
