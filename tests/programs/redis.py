"""A real Redis."""

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.programs.process import Program, await_listening, free_port, require, start


@dataclass(slots=True)
class RedisServer:
    """A server on a port of its own; `start` again brings it back empty."""

    directory: Path
    port: int
    password: str | None = None
    program: Program | None = None

    @property
    def url(self) -> str:
        """Where clients find it."""
        secret = f":{self.password}@" if self.password else ""
        return f"redis://{secret}127.0.0.1:{self.port}/0"

    async def start(self) -> None:
        """Start it and wait until it listens."""
        secret = ["--requirepass", self.password] if self.password else []
        self.program = await start(
            [
                *(require("redis-server"), "--port", str(self.port), "--bind", "127.0.0.1"),
                *("--save", "", "--appendonly", "no", "--dir", str(self.directory)),
                *secret,
            ],
            directory=self.directory,
        )
        await await_listening(self.program, ("127.0.0.1", self.port))


@asynccontextmanager
async def serving_redis(directory: Path, password: str | None = None) -> AsyncIterator[RedisServer]:
    """Run a server for the length of the block."""
    server = RedisServer(directory, free_port(), password)
    await server.start()
    try:
        yield server
    finally:
        if server.program is not None and server.program.process.returncode is None:
            server.program.process.send_signal(signal.SIGCONT)
            await server.program.end()
