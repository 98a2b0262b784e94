"""The service itself, as an operator runs it: a settings file, a policy, and the commands."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from aiohttp import ClientError, ClientSession, ClientTimeout

from tests.programs.commands import find_program
from tests.programs.process import READY_TIMEOUT, Program, free_port, start

PASSWORD = "a long enough passphrase"
COMMAND_TIMEOUT = 60.0  # seconds; `serve` too, where it cannot begin
POLICY = {
    "hosts": {
        "app.example.com": [
            {"path": "/public/**", "allow": "anyone"},
            {"path": "/admin/**", "allow": {"roles": ["admin"]}},
            {"path": "/**", "allow": "signed-in"},
        ]
    }
}


@dataclass(slots=True)
class Commanded:
    """What a command did."""

    status: int
    out: str
    err: str


@dataclass(slots=True)
class Service:
    """One process of the service; several share a directory."""

    directory: Path
    settings: dict[str, dict[str, Any]]
    arguments: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()  # a program that runs it, such as setpriv
    program: Program | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self.settings['server']['listen']}"

    @property
    def operations(self) -> str:
        """Where its operations listener is."""
        return f"http://{self.settings['server']['operations_listen']}"

    @property
    def config(self) -> Path:
        """Its settings file."""
        return (
            self.directory / f"sidecar-{self.settings['server']['listen'].rpartition(':')[2]}.yaml"
        )

    async def start(self) -> None:
        """Start it and wait until it is ready."""
        self.config.write_text(yaml.safe_dump(self.settings))
        command = [
            *self.prefix,
            sys.executable,
            "-m",
            "sidecar",
            "serve",
            "--config",
            str(self.config),
        ]
        self.program = await start(
            [*command, *self.arguments], directory=self.directory, environ=self.environ
        )
        await self.await_ready()

    async def await_ready(self) -> None:
        """Wait until it says that it is ready."""
        assert self.program is not None
        async with ClientSession(timeout=ClientTimeout(total=2)) as session:
            try:
                async with asyncio.timeout(READY_TIMEOUT):
                    while self.program.process.returncode is None:
                        try:
                            async with session.get(f"{self.operations}/readyz") as answer:
                                if answer.status == 200:
                                    return
                        except (ClientError, TimeoutError):
                            pass
                        await asyncio.sleep(0.02)
            except TimeoutError:
                pass
        raise AssertionError(f"not ready: {self.program.read_output()[-3000:]}")

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it; SIGTERM drains, SIGKILL is a crash."""
        assert self.program is not None
        return await self.program.end(number)

    async def run(self, *arguments: str, stdin: str = "") -> Commanded:
        """Run a command of the service with its settings."""
        process = await asyncio.create_subprocess_exec(
            *find_program((*arguments, "--config", str(self.config)), self.environ),
            cwd=self.directory,
            env={**os.environ, **self.environ},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(COMMAND_TIMEOUT):
                out, err = await process.communicate(stdin.encode())
        except TimeoutError:
            process.kill()
            await process.wait()
            raise AssertionError(f"{arguments} does not end") from None
        return Commanded(process.returncode or 0, out.decode(), err.decode())

    async def add_user(self, name: str, *arguments: str, password: str = PASSWORD) -> None:
        """Add somebody who can log in."""
        made = await self.run("user", "add", name, "--password-stdin", *arguments, stdin=password)
        assert made.status == 0, made.err

    def read_log(self) -> list[dict[str, Any]]:
        """Return its log lines."""
        assert self.program is not None
        return [json.loads(line) for line in self.program.read_output().splitlines()]


def make_service(
    directory: Path,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    *arguments: str,
    policy: Mapping[str, Any] = POLICY,
    environ: Mapping[str, str] | None = None,
) -> Service:
    """Return a service in `directory` that has not been started."""
    listen = {
        "listen": f"127.0.0.1:{free_port()}",
        "operations_listen": f"127.0.0.1:{free_port()}",
    }
    merged: dict[str, dict[str, Any]] = {"server": listen}
    for section, keys in (settings or {}).items():
        merged[section] = {**merged.get(section, {}), **keys}
    (directory / "policy.yaml").write_text(yaml.safe_dump(dict(policy), sort_keys=False))
    service = Service(directory, merged, arguments, environ or {})
    service.config.write_text(yaml.safe_dump(merged))
    return service


@asynccontextmanager
async def serving(service: Service) -> AsyncIterator[Service]:
    """Run a service for the length of the block."""
    try:
        await service.start()
        yield service
    finally:
        await end_quietly(service)


async def end_quietly(service: Service) -> None:
    """End a service, whatever has become of it."""
    program = service.program
    if program is not None and program.process.returncode is None:
        program.process.send_signal(signal.SIGCONT)
        await program.end()
