"""Several processes under gunicorn; they share nothing but the listening socket and the stores."""

from contextlib import AsyncExitStack
from dataclasses import replace

from aiohttp import web
from gunicorn.app.base import BaseApplication

from sidecar.app import open_serving
from sidecar.errors import SidecarError
from sidecar.settings import Listen, Settings

WORKER_CLASS = "aiohttp.worker.GunicornUVLoopWebWorker"
GRACEFUL_TIMEOUT = 9  # seconds from SIGTERM to the end of a worker


class _Workers(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
    def __init__(self, settings: Settings, workers: int) -> None:
        self._settings = settings
        self._workers = workers
        super().__init__()

    def load_config(self) -> None:
        """Hand gunicorn what settings decide; everything else of it stays as it is."""
        listen = self._settings.server.listen
        self.cfg.set("bind", [str(listen)])
        self.cfg.set("workers", self._workers)
        self.cfg.set("worker_class", WORKER_CLASS)
        self.cfg.set("graceful_timeout", GRACEFUL_TIMEOUT)
        self.cfg.set("umask", 0o117 if listen.path else 0)
        self.cfg.set("control_socket_disable", True)

    def load(self) -> object:
        """Return the factory that each worker calls in its own event loop."""
        return self._make_runner

    async def _make_runner(self) -> web.AppRunner: ...
