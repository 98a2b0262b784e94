"""A serving process from its first look at the stores to its last answer."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from aiohttp import web

from sidecar.app.applications import create_app
from sidecar.app.garbage import collecting_young, is_busy
from sidecar.app.listeners import open_first
from sidecar.app.services import open_services
from sidecar.app.serving import Serving
from sidecar.app.threads import switching_soon
from sidecar.settings import Settings
from sidecar.settings.workers import worker_addresses
from sidecar.web.protocol import Protocol, ProtocolServer
from sidecar.web.verify import QUESTIONS

# Together with the second in which a worker notices its signal, and the two and a half in which a
# frozen database is left, these stay below ten; a frozen Redis by TLS takes one more. Where all of
# that meets, a process ends by force (cli/serve.py).
DRAIN: Final = 1.0  # seconds in which a gateway's next request closes its connection
SHUTDOWN_TIMEOUT: Final = 5.0  # seconds for requests under way; a body may take four
CUT: Final = 0.1  # seconds for what is cut off to end; aiohttp waits them twice
LOOK: Final = 0.02  # seconds between looks whether everybody has gone
# Seconds; must outlast the gateway's, or a POST meets a connection that has just ended: nginx and
# Envoy keep one for 60, Traefik for 90, Caddy for 120.
KEEPALIVE: Final = 130.0
LONGEST_LINE: Final = 16_384  # octets of a request line: a target of 8 kB and its encoding
LONGEST_FIELD: Final = 32_768  # octets of a header line: the longest token, twice
LIMITS: Final[dict[str, Any]] = {
    "access_log": None,
    "keepalive_timeout": KEEPALIVE,
    "shutdown_timeout": CUT,
    "max_line_size": LONGEST_LINE,
    "max_field_size": LONGEST_FIELD,
    "lingering_time": 1.0,
    "auto_decompress": False,  # no body of ours is compressed; a small one must not become large
}


class Runner(web.AppRunner):
    """Serves an application within our limits, and by our protocol."""

    def __init__(self, app: web.Application, protocol: type[Protocol] = Protocol) -> None:
        super().__init__(app, **LIMITS)
        self._protocol = protocol

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return ProtocolServer(made, self.app.get(QUESTIONS, {}), self._protocol)


class DrainingRunner(Runner):
    """Serves an application, and ends so that no request is lost.

    A connection that is closed while it looks idle loses the request that is on its way. So for a
    moment every answer says that it is the last one, and only what is silent then is closed.
    """

    async def cleanup(self) -> None:
        """Take no more connections, let those that are there end, then end them."""
        if isinstance(self.server, ProtocolServer):
            self.server.last = True
            await self._drain(self.server)
        await super().cleanup()

    async def _drain(self, server: web.Server) -> None:
        loop = asyncio.get_running_loop()
        for site in list(self.sites):
            waiting = _take_waiting(site)
            await site.stop()
            for connection in waiting:
                await loop.connect_accepted_socket(server, connection)
        until = loop.time() + DRAIN
        while server.connections and loop.time() < until:  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(LOOK)
        # aiohttp would give those under way their time twice.
        server.pre_shutdown()
        until = loop.time() + SHUTDOWN_TIMEOUT
        while is_busy(server) and loop.time() < until:  # noqa: ASYNC110 - as above
            await asyncio.sleep(LOOK)


class PublicRunner(DrainingRunner):
    """Serves the public application.

    `gate` serves the gateways where they have a listener of their own, else it is None; it ends
    with this one.
    """

    def __init__(
        self, app: web.Application, serving: Serving, gate: web.Application | None
    ) -> None:
        super().__init__(app, serving.protocol)
        self.gate = None if gate is None else DrainingRunner(gate, serving.protocol)
        self._serving = serving
        self._gate_ends: asyncio.Task[None] | None = None

    async def open_gate(self, bound: socket.socket) -> None:
        """Serve the gateways that connect to this socket, which listens."""
        if self.gate is None:
            raise TypeError("the settings name no listener of the gate")
        await self.gate.setup()
        self._serving.garbage.watch(self.gate)
        await web.SockSite(self.gate, bound).start()

    async def setup(self) -> None:
        """Begin to serve; whoever looks is told that this process is ready from here on."""
        await super().setup()
        self._serving.garbage.watch(self)
        self._serving.listening = True

    async def cleanup(self) -> None:
        """End, the gate at the same time: one after the other they might take twice as long."""
        self._serving.draining = True
        if self.gate is not None:
            self._gate_ends = asyncio.create_task(self.gate.cleanup(), name="the end of the gate")
        await super().cleanup()

    async def _cleanup_server(self) -> None:
        if self._gate_ends is not None:  # what the application closes now the gate needs too
            await self._gate_ends
        await super()._cleanup_server()


def _take_waiting(site: web.BaseSite) -> list[socket.socket]:
    """Return the connections that wait at a listener: to close it would reset them."""
    taken = []
    listening: Any = site._server  # noqa: SLF001 - aiohttp tells addresses only
    for each in listening.sockets:
        with socket.socket(fileno=os.dup(each.fileno())) as listener:
            listener.setblocking(False)
            try:
                while True:
                    connection, _ = listener.accept()
                    connection.setblocking(False)
                    taken.append(connection)
            except OSError:  # nobody waits any longer
                pass
    return taken


@asynccontextmanager
async def open_serving(
    settings: Settings, *, workers: int = 1, ended: Callable[[], None] = lambda: None
) -> AsyncIterator[tuple[Serving, PublicRunner]]:
    """Yield what serves and the runner of the public application, feeds running.

    The operations listener takes the first free address of the workers'; it stays until all
    requests have ended, so that it can say that this process drains. `ended` is called where the
    block is to be left because of a bug. Raises SidecarError.
    """
    with collecting_young(), switching_soon():
        async with open_services(settings) as services:
            await services.store.prepare_schema()
            serving, apps = await create_app(services, workers)
            await serving.take_first_view()
            runner = Runner(apps.operations)
            serving.garbage.watch(runner)
            async with serving.run_feeds(ended):
                await runner.setup()
                try:
                    addresses = worker_addresses(settings.server.operations_listen, workers)
                    await open_first(runner, addresses)
                    yield serving, PublicRunner(apps.public, serving, apps.gate)
                finally:
                    await runner.cleanup()


async def prepare(settings: Settings) -> None:
    """Do once what a start may have to: schema, ring, first administrator. Raises SidecarError."""
    async with open_services(settings) as services:
        await services.store.prepare_schema()
        await create_app(services, 1)
