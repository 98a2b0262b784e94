"""Two workers of one service, and a connection to each."""

import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import ClientSession, DummyCookieJar

from tests.faults.asking import PATIENCE, ask
from tests.programs.process import free_port
from tests.programs.service import Service, make_service, serving

WORKERS = 2


@dataclass(frozen=True, slots=True)
class Workers:
    """A service of two workers; `second` is the same, seen at the other operations address."""

    service: Service
    second: Service

    @property
    def pids(self) -> set[int]:
        """The processes of the workers."""
        assert self.service.program is not None
        pid = self.service.program.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return {int(child) for child in children.split()}

    async def await_ready(self) -> None:
        """Wait until both say that they are ready."""
        await self.service.await_ready()
        await self.second.await_ready()

    @asynccontextmanager
    async def connections(self) -> AsyncIterator[tuple[ClientSession, ClientSession]]:
        """Open a client for each worker, each with a connection that it keeps."""
        found: dict[bool, ClientSession] = {}
        deadline = time.monotonic() + PATIENCE
        async with AsyncExitStack() as stack:
            looking = await stack.enter_async_context(ClientSession())
            while len(found) < WORKERS and time.monotonic() < deadline:
                client = ClientSession(cookie_jar=DummyCookieJar())
                await stack.enter_async_context(client)
                before = await count_decisions(looking, self.service)
                await ask(client, self.service, "nobody's", "/public/")
                found.setdefault(await count_decisions(looking, self.service) > before, client)
            yield found[True], found[False]


async def count_decisions(client: ClientSession, service: Service) -> float:
    """Return how many questions a worker has answered."""
    async with client.get(f"{service.operations}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    counts = (line for line in lines if line.startswith("sidecar_decisions_total{"))
    return sum(float(line.rpartition(" ")[2]) for line in counts)


def free_neighbours() -> tuple[str, str]:
    """Return two addresses whose ports follow each other, as those of the workers do."""
    while True:
        port = free_port()
        try:
            with socket.create_server(("127.0.0.1", port + 1)):
                return f"127.0.0.1:{port}", f"127.0.0.1:{port + 1}"
        except OSError:
            continue


def make_workers(directory: Path) -> Workers:
    """Return two workers that have not been started."""
    first, second = free_neighbours()
    settings = {"server": {"operations_listen": first}}
    service = make_service(directory, settings, "--workers", str(WORKERS))
    listen = service.settings["server"]["listen"]
    seen = {"server": {"listen": listen, "operations_listen": second}}
    return Workers(service, Service(directory, seen))


@asynccontextmanager
async def working(directory: Path) -> AsyncIterator[Workers]:
    """Run two workers for the length of the block; there is a user alice."""
    workers = make_workers(directory)
    await workers.service.add_user("alice")
    async with serving(workers.service):
        workers.second.program = workers.service.program
        await workers.await_ready()
        yield workers
