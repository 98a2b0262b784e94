"""Several processes under gunicorn; they share nothing but the listening socket and the stores."""

from contextlib import AsyncExitStack
from typing import Final

from aiohttp import web
from gunicorn.app.base import BaseApplication

from sidecar.app import open_serving
from sidecar.settings import Settings

WORKER_CLASS: Final = "aiohttp.worker.GunicornUVLoopWebWorker"
GRACEFUL_TIMEOUT: Final = 9  # seconds from SIGTERM to the end of a worker
PRIVATE_UMASK: Final = 0o117  # a Unix socket of mode 0660


def serve_workers(settings: Settings, workers: int) -> None:
    """Run the service in this many processes until SIGTERM."""
    _Workers(settings, workers).run()


class _Workers(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
    def __init__(self, settings: Settings, workers: int) -> None:
        self._settings = settings
        self._workers = workers
        super().__init__()

    def load_config(self) -> None:
        """Hand gunicorn what the settings decide; everything else of it stays as it is."""
        listen = self._settings.server.listen
        for name, value in {
            "bind": [str(listen)],
            "workers": self._workers,
            "worker_class": WORKER_CLASS,
            "graceful_timeout": GRACEFUL_TIMEOUT,
            "umask": PRIVATE_UMASK if listen.path else 0,
            "control_socket_disable": True,
            "loglevel": "warning",
        }.items():
            self.cfg.set(name, value)

    def load(self) -> object:
        """Return the factory that each worker calls in its own event loop."""
        return self._make_runner

    async def _make_runner(self) -> web.AppRunner:
        stack = AsyncExitStack()
        serving, runner = await stack.enter_async_context(
            open_serving(self._settings, workers=self._workers)
        )

        async def drain(_app: web.Application) -> None:
            serving.draining = True

        async def close(_app: web.Application) -> None:
            await stack.aclose()

        runner.app.on_shutdown.append(drain)
        runner.app.on_cleanup.append(close)
        return runner
