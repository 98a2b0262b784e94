"""A real Redis, or Valkey where it is installed."""

import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from redis.asyncio import Redis

from tests.programs.certificates import Certificates
from tests.programs.process import Program, await_listening, free_port, require, start

PLAIN: Final[dict[str, Any]] = {"decode_responses": True, "protocol": 2}
VALKEY: Final = "valkey-server"
# The program that every test runs which runs a Redis, where an operator has another one.
CHOSEN: Final = os.environ.get("SIDECAR_TEST_REDIS_SERVER")
REDIS: Final = CHOSEN or "redis-server"
# Programs that speak its protocol. No package of Debian 12 has the second one, so that a machine
# which lacks it has nothing to skip.
SERVERS: Final = (REDIS, *([VALKEY] if CHOSEN is None and shutil.which(VALKEY) else ()))


@dataclass(slots=True)
class RedisServer:
    """A server on a port of its own; `start` again brings it back empty.

    `arguments` come last on its command line, and so count.
    """

    directory: Path
    port: int
    password: str | None = None
    program: Program | None = None
    arguments: tuple[str, ...] = ()
    server: str = REDIS
    tls: Certificates | None = None

    @property
    def url(self) -> str:
        """Where clients find it."""
        secret = f":{self.password}@" if self.password else ""
        scheme = "redis" if self.tls is None else "rediss"
        return f"{scheme}://{secret}127.0.0.1:{self.port}/0"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Any]:
        """Open a client of it, for what an operator does."""
        options: dict[str, Any] = {} if self.tls is None else self.tls.options
        client = Redis(host="127.0.0.1", port=self.port, password=self.password, **PLAIN, **options)
        async with client:
            yield client

    def listen(self) -> tuple[str, ...]:
        """Return the arguments by which it listens: by TLS alone where it has certificates."""
        port = ("--port", str(self.port), "--bind", "127.0.0.1")
        if self.tls is None:
            return port
        return (*port, "--port", "0", "--tls-port", str(self.port), *self.tls.arguments)

    async def start(self) -> None:
        """Start it and wait until it listens."""
        secret = ["--requirepass", self.password] if self.password else []
        self.program = await start(
            [
                *(require(self.server), *self.listen()),
                *("--save", "", "--appendonly", "no", "--dir", str(self.directory)),
                *secret,
                *self.arguments,
            ],
            directory=self.directory,
        )
        await await_listening(self.program, ("127.0.0.1", self.port))

    async def end(self) -> None:
        """End it where it runs, frozen or not."""
        if self.program is not None and self.program.process.returncode is None:
            self.program.process.send_signal(signal.SIGCONT)
            await self.program.end()

    async def kill(self) -> None:
        """End it as a crash does."""
        assert self.program is not None
        await self.program.end(signal.SIGKILL)


@asynccontextmanager
async def serving_redis(
    directory: Path,
    password: str | None = None,
    arguments: tuple[str, ...] = (),
    server: str = REDIS,
    tls: Certificates | None = None,
) -> AsyncIterator[RedisServer]:
    """Run a server for the length of the block."""
    redis = RedisServer(directory, free_port(), password, None, arguments, server, tls)
    await redis.start()
    try:
        yield redis
    finally:
        await redis.end()
