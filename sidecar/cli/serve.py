"""`sidecar serve`: the service."""

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click
from aiohttp import web

from sidecar.app.listeners import bind
from sidecar.app.runner import open_serving
from sidecar.cli.options import config_option, read_settings
from sidecar.errors import MissingExtra, SidecarError
from sidecar.settings import Settings
from sidecar.telemetry.log import configure_logging

LAST_RESORT: Final = 2.0  # seconds behind all that anybody waits for
IN_TIME: Final = 9.0  # seconds from the signal: behind ten, what runs this process may kill it

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
            try:
                runner.run(_serve(settings))
            except Exception as error:
                _end_at_last(LAST_RESORT, 1, str(error))
                raise
            _end_at_last(LAST_RESORT, 0)
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


def _end_at_last(seconds: float, status: int, cause: str | None = None) -> None:
    """Have this process end by then with this status, whatever is still under way.

    Else it would wait for each thread, such as one at a file system that is gone, and for each
    look-up of a name that has begun, though nobody wants what they bring any more. `cause` is what
    ended it.
    """
    timer = threading.Timer(seconds, _end_by_force, (status, cause))
    timer.daemon = True
    timer.start()


def _end_by_force(status: int, cause: str | None) -> None:
    waiting = [each.name for each in threading.enumerate() if not each.daemon]
    log.warning("ended by force", extra={"threads": waiting, "cause": cause})
    os._exit(status)


async def _serve(settings: Settings) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def end() -> None:
        _end_at_last(IN_TIME, 0)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
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
