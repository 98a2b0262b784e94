"""The listeners of a serving process: opened once it is ready, closed once requests have ended."""

import logging
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

from sidecar.app.services import open_services
from sidecar.app.serving import Serving, create_app
from sidecar.errors import SidecarError
from sidecar.settings import Listen, Settings
from sidecar.settings.workers import worker_addresses

SHUTDOWN_TIMEOUT: Final = 7.0  # seconds for requests under way; with the rest it stays below ten
KEEPALIVE: Final = 75.0  # seconds; must outlast the gateway's (nginx: 60)
LONGEST_LINE: Final = 16_384  # octets of a request line: a target of 8 kB and its encoding
LONGEST_FIELD: Final = 32_768  # octets of a header line: the longest token, twice
SOCKET_MODE: Final = 0o660

log = logging.getLogger("sidecar.listen")


class CannotListen(SidecarError):
    """An address is taken or not ours."""


def make_runner(app: web.Application) -> web.AppRunner:
    """Return the runner of an application, with the limits that hold on every listener."""
    return web.AppRunner(
        app,
        access_log=None,
        keepalive_timeout=KEEPALIVE,
        shutdown_timeout=SHUTDOWN_TIMEOUT,
        max_line_size=LONGEST_LINE,
        max_field_size=LONGEST_FIELD,
        lingering_time=1.0,
        auto_decompress=False,  # no body of ours is compressed; a small one must not become large
    )


async def open_site(runner: web.AppRunner, listen: Listen) -> None:
    """Listen. Raises CannotListen."""
    try:
        if listen.path is not None:
            await web.UnixSite(runner, listen.path).start()
            listen.path.chmod(SOCKET_MODE)
        else:
            await web.TCPSite(runner, listen.host, listen.port).start()
    except OSError as error:
        raise CannotListen(f"cannot listen on {listen}: {os.strerror(error.errno or 0)}") from None


@asynccontextmanager
async def open_serving(
    settings: Settings, *, workers: int = 1
) -> AsyncIterator[tuple[Serving, web.AppRunner]]:
    """Yield what serves and the runner of the public application, feeds running.

    The operations listener takes the first free address of the workers'; it stays until all
    requests have ended, so that it can say that this process drains. Raises SidecarError.
    """
    async with open_services(settings) as services:
        await services.store.prepare_schema()
        serving, public, operations_app = await create_app(services, workers)
        operations_runner = make_runner(operations_app)
        async with serving.run_feeds():
            await operations_runner.setup()
            try:
                addresses = worker_addresses(settings.server.operations_listen, workers)
                await _open_first(operations_runner, addresses)
                yield serving, make_runner(public)
            finally:
                await operations_runner.cleanup()


async def _open_first(runner: web.AppRunner, addresses: Sequence[Listen]) -> None:
    for address in addresses[:-1]:
        try:
            await open_site(runner, address)
        except CannotListen:
            continue
        return
    await open_site(runner, addresses[-1])
