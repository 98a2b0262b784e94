"""`sidecar serve`: the service."""

import asyncio
import logging
import signal
from pathlib import Path

import click
import uvloop

from sidecar.app import open_serving, open_site
from sidecar.cli.options import config_option, read_settings
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
        from sidecar.cli.workers import serve_workers

        serve_workers(settings, workers)
        return
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with open_serving(settings) as (serving, runner):
        reloads: set[asyncio.Task[None]] = set()
        loop.add_signal_handler(
            signal.SIGHUP, lambda: reloads.add(loop.create_task(serving.reload()))
        )
        await runner.setup()
        try:
            await open_site(runner, settings.server.listen)
            log.info("ready", extra={"listen": str(settings.server.listen)})
            await stop.wait()
        finally:
            serving.draining = True
            log.info("draining")
            await runner.cleanup()
    log.info("stopped")
