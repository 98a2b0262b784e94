"""Several processes under gunicorn; they share nothing but the listening socket and the stores."""

import asyncio
import logging
import os
import signal
import socket
import sys
from contextlib import AsyncExitStack, suppress
from typing import Any, Final

from aiohttp import web
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.errors import HaltServer
from gunicorn.glogging import Logger

from sidecar.app.listeners import bind
from sidecar.app.runner import open_serving, prepare
from sidecar.cli.operations import connect
from sidecar.cli.serve import find_uvloop
from sidecar.errors import SidecarError
from sidecar.settings import Settings
from sidecar.settings.workers import worker_addresses

UVLOOP_WORKER: Final = "aiohttp.worker.GunicornUVLoopWebWorker"
ASYNCIO_WORKER: Final = "aiohttp.worker.GunicornWebWorker"
GRACEFUL_TIMEOUT: Final = 9  # seconds from SIGTERM to the end of a worker
TRY_AGAIN: Final = 1.0  # seconds after a start that failed

log = logging.getLogger("sidecar.workers")


def serve_workers(settings: Settings, workers: int) -> None:
    """Run the service in this many processes until SIGTERM. Raises SidecarError.

    What can be wrong at a start is found here, in one line, before there is a worker.
    """
    arbiter = os.getpid()
    server = settings.server
    listening = bind(server.listen)
    gate = None if server.gate_listen is None else bind(server.gate_listen)
    asyncio.run(prepare(settings))
    try:
        _Workers(settings, workers, listening.detach(), gate).run()
    except SystemExit as end:
        if os.getpid() != arbiter:  # a worker: gunicorn reads from its code what became of it
            raise
        sys.exit(1 if end.code else 0)
    except HaltServer:  # a second worker failed while gunicorn ended because of the first
        sys.exit(1)


class _Workers(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
    def __init__(
        self, settings: Settings, workers: int, descriptor: int, gate: socket.socket | None
    ) -> None:
        self._settings = settings
        self._workers = workers
        self._descriptor = descriptor
        self.gate = gate  # each worker inherits it: gunicorn would have it serve everything
        super().__init__()

    def load_config(self) -> None:
        """Hand gunicorn what the settings decide; everything else of it stays as it is."""
        for name, value in {
            "bind": [f"fd://{self._descriptor}"],
            "workers": self._workers,
            "worker_class": UVLOOP_WORKER if find_uvloop() else ASYNCIO_WORKER,
            "graceful_timeout": GRACEFUL_TIMEOUT,
            "control_socket_disable": True,
            "logger_class": _Log,
            "loglevel": "warning",
        }.items():
            self.cfg.set(name, value)

    def load(self) -> object:
        """Return the factory that each worker calls in its own event loop."""
        return self._make_runner

    def run(self) -> None:
        """Run until SIGTERM; ends in SystemExit."""
        _Arbiter(self).run()

    async def _make_runner(self) -> web.AppRunner:
        stack = AsyncExitStack()
        try:
            serving, runner = await stack.enter_async_context(
                open_serving(self._settings, workers=self._workers, ended=_end_worker)
            )
        except SidecarError as error:
            if not await asyncio.to_thread(self._is_served):
                raise  # gunicorn ends, and whatever started it sees that
            log.warning("a worker cannot start, and is tried again", extra={"cause": str(error)})
            await asyncio.sleep(TRY_AGAIN)
            raise SystemExit(1) from None  # gunicorn starts another: only an error ends them all
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, serving.reload)
        if self.gate is not None:
            await runner.open_gate(self.gate)

        async def close(_app: web.Application) -> None:
            await stack.aclose()

        runner.app.on_cleanup.append(close)
        return runner

    def _is_served(self) -> bool:
        """Return whether another worker is there, be it one that stands still or drains.

        With any free port (`operations_listen: …:0`) nobody knows where.
        """
        for address in worker_addresses(self._settings.server.operations_listen, self._workers):
            with suppress(OSError), connect(address):
                return True
        return False


def _end_worker() -> None:
    """Let another take the place of this worker."""
    os.kill(os.getpid(), signal.SIGTERM)


class _Arbiter(Arbiter):  # type: ignore[misc]  # as above
    def stop(self, graceful: bool = True) -> None:
        """Take no more connections, which no worker would serve, and end the workers."""
        if self.app.gate is not None:
            self.app.gate.close()
        super().stop(graceful)

    def handle_hup(self) -> None:
        """Have the workers read again.

        gunicorn would start others beside them, which find no operations address free, and which
        a policy that is wrong now keeps from starting.
        """
        self.kill_workers(signal.SIGHUP)


class _Log(Logger):  # type: ignore[misc]  # as above
    def setup(self, cfg: Any) -> None:
        """Leave it to the service's own log, which is JSON on standard output."""
        self.error_log.setLevel(cfg.loglevel.upper())
        self.error_log.propagate = True
