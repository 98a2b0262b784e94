"""`sidecar serve`: the service."""

import asyncio
import logging
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import click
from aiohttp import web

from sidecar.app.listeners import bind
from sidecar.app.runner import open_serving
from sidecar.cli.options import config_option, read_settings
from sidecar.errors import MissingExtra, SidecarError
from sidecar.settings import Settings
from sidecar.telemetry.log import configure_logging

log = logging.getLogger("sidecar.serve")


@click.command()
@click.option("--listen", metavar="ADDRESS", help="Where to listen (server.listen).")
@click.option("--operations-listen", metavar="ADDRESS", help="server.operations_listen")
@click.option("--workers", type=click.IntRange(1, 64), default=1, help="Processes (gunicorn).")
@config_option
def serve(
    listen: str | None, operations_listen: str | None, workers: int, config_file: Path | None
) -> None:
    """Run the service until SIGTERM."""
    flags = {"server.listen": listen, "server.operations_listen": operations_listen}
    settings = read_settings(config_file, **flags)
    configure_logging(settings.log_level)
    if workers > 1:
        try:
            from sidecar.cli.workers import serve_workers
        except ModuleNotFoundError:
            raise MissingExtra(f"serve --workers {workers}", "gunicorn") from None

        serve_workers(settings, workers)
        return
    try:
        with asyncio.Runner(loop_factory=find_uvloop()) as runner:
            runner.run(_serve(settings))
    except SidecarError:
        raise
    except Exception:
        log.critical("a bug: this process ends", exc_info=True)
        sys.exit(1)


def find_uvloop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes uvloop's event loops; None where the platform has no uvloop."""
    try:
        import uvloop
    except ModuleNotFoundError:
        return None
    return uvloop.new_event_loop


async def _serve(settings: Settings) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # What is being read for the first time need not be read again; unheard, the signal would kill.
    loop.add_signal_handler(signal.SIGHUP, lambda: None)
    async with open_serving(settings, ended=stop.set) as (serving, runner):
        loop.add_signal_handler(signal.SIGHUP, serving.reload)
        server = settings.server
        bound = await asyncio.to_thread(bind, server.listen)
        try:
            if server.gate_listen is not None:
                await runner.open_gate(await asyncio.to_thread(bind, server.gate_listen))
            await runner.setup()
            await web.SockSite(runner, bound).start()
            gate = {} if server.gate_listen is None else {"gate_listen": str(server.gate_listen)}
            log.info("ready", extra={"listen": str(server.listen), **gate})
            await stop.wait()
            log.info("draining")
        finally:
            await runner.cleanup()
    log.info("stopped")
