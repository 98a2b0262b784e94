"""`sidecar serve` and `healthcheck`: ready, not ready, and what is not installed."""

import asyncio
import json
import socket
from pathlib import Path

import pytest

from sidecar.sources.watch import PERIOD
from tests.cli.running import sidecar
from tests.programs.process import READY_TIMEOUT, free_port
from tests.programs.service import make_service, serving

pytestmark = pytest.mark.asyncio


def _hide(folder: Path, package: str) -> dict[str, str]:
    """Return the environment of a machine on which a package is not installed."""
    place = folder / "hidden"
    place.mkdir()
    (place / f"{package}.py").write_text(
        f'raise ModuleNotFoundError("No module named {package!r}", name={package!r})\n'
    )
    return {"PYTHONPATH": str(place)}


async def test_a_platform_without_uvloop_has_a_loop_too(tmp_path: Path) -> None:
    service = make_service(tmp_path, environ=_hide(tmp_path, "uvloop"))
    async with serving(service):
        healthy = await service.run("healthcheck")
        assert (healthy.status, healthy.out, healthy.err) == (0, "ready\n", "")
        await asyncio.sleep(2 * PERIOD)  # the first start has made the keys: that is no change
    assert [line["message"] for line in service.read_log()][-3:] == ["ready", "draining", "stopped"]


@pytest.mark.parametrize(("level", "told"), [("info", ["INFO"]), ("warning", [])])
async def test_bytes_that_are_no_request_are_at_most_one_line_of_the_log(
    tmp_path: Path, level: str, told: list[str]
) -> None:
    service = make_service(tmp_path, {"log": {"level": level}})
    async with serving(service):
        reader, writer = await asyncio.open_connection(
            *service.settings["server"]["listen"].split(":")
        )
        writer.write(b"GET /login HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b" 200 " in await reader.readline()
        writer.write(b"\x16\x03\x01 nothing that HTTP knows\r\n\r\n")
        assert b" 400 " in await reader.read()
        writer.close()
        await writer.wait_closed()
    lines = service.read_log()  # every line of it is JSON
    strange = [line for line in lines if line["message"].startswith("not a request: ")]
    assert [line["level"] for line in strange] == told
    assert all("exc_info" not in line for line in lines)
    assert {line["logger"].partition(".")[0] for line in lines} <= {"sidecar", "aiohttp"}


async def test_several_workers_without_gunicorn_are_refused_by_the_extras_name(
    tmp_path: Path,
) -> None:
    environ = _hide(tmp_path, "gunicorn")
    ran = await sidecar(tmp_path, "serve", "--workers", "2", environ=environ)
    assert (ran.status, ran.out) == (1, "")
    assert ran.problems == [
        "serve --workers 2 needs an extra: pip install 'sidecar-auth[gunicorn]'"
    ]
    assert not (tmp_path / "data").exists()


async def test_several_workers_without_uvloop_are_all_ready(tmp_path: Path) -> None:
    service = make_service(tmp_path, None, "--workers", "2", environ=_hide(tmp_path, "uvloop"))
    async with serving(service):
        async with asyncio.timeout(20):
            while (await service.run("healthcheck")).status != 0:
                pass
    assert "Traceback" not in json.dumps(service.read_log())


async def test_a_service_that_is_degraded_is_ready_and_says_so(tmp_path: Path) -> None:
    service = make_service(tmp_path)
    async with serving(service):
        (tmp_path / "policy.yaml").write_text("hosts: [")
        async with asyncio.timeout(READY_TIMEOUT):
            while (ran := await service.run("healthcheck")).out == "ready\n":
                pass
    assert (ran.status, ran.out, ran.err) == (0, "ready (degraded: policy)\n", "")


async def test_the_line_that_says_ready_names_every_listener_of_requests(tmp_path: Path) -> None:
    gate = f"127.0.0.1:{free_port()}"
    told = []
    for server in ({}, {"gate_listen": gate}):
        service = make_service(tmp_path, {"server": server})
        async with serving(service):
            pass
        (line,) = [each for each in service.read_log() if each["message"] == "ready"]
        assert line["listen"] == service.settings["server"]["listen"]
        told.append(line.get("gate_listen"))
    assert told == [None, gate]


async def test_a_service_that_is_not_there_is_not_healthy(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        for listen, told in (
            ("unix:nobody", "No such file or directory"),
            (f"127.0.0.1:{port}", "timed out"),
        ):
            environ = {"SIDECAR_SERVER__OPERATIONS_LISTEN": listen}
            ran = await sidecar(tmp_path, "healthcheck", environ=environ)
            assert (ran.status, ran.out) == (1, "")
            (problem,) = ran.problems
            at = f"{listen.removeprefix('unix:')} (server.operations_listen)"
            assert problem.startswith("not ready: ")
            assert problem.endswith(f"{at}: {told}: does the service run?")


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    path = (await reader.readline()).split()[1]
    writer.write(ANSWERS[path])
    await writer.drain()
    writer.close()


ANSWERS: dict[bytes, bytes] = {}


@pytest.mark.parametrize(
    ("health", "ready", "told"),
    [
        (b"HTTP/1.0 200 OK\r\n\r\n{}", b"HTTP/1.0 200 OK\r\n\r\n[]",
         "not ready: another program answers there"),
        (b"HTTP/1.0 200 OK\r\n\r\n<html>", b"HTTP/1.0 404 No\r\n\r\n", "not ready: 404"),
        (b"SSH-2.0-x\r\n", b"SSH-2.0-x\r\n", "another program answers there"),
        (b"HTTP/1.0 200 OK\r\n\r\n{}", b'HTTP/1.0 200 OK\r\n\r\n{"ready": true}',
         "not ready: another program answers there"),
        (b"HTTP/1.0 200 OK\r\n\r\n{}", b"HTTP/1.0 503 No\r\n\r\n\x1b[31m",
         "not ready: \\x1b[31m"),
        (
            b'HTTP/1.0 200 OK\r\n\r\n{"workers": 1}',
            b'HTTP/1.0 503 No\r\n\r\n{"ready": false}',
            'not ready: {"ready": false}',
        ),
    ],
    ids=["no number", "another program", "no HTTP", "half ready", "colours", "not ready"],
)  # fmt: skip
async def test_another_program_at_the_address_is_not_healthy(
    tmp_path: Path, health: bytes, ready: bytes, told: str
) -> None:
    ANSWERS.update({b"/healthz": health, b"/readyz": ready})
    server = await asyncio.start_server(_answer, "127.0.0.1", 0)
    async with server:
        listen = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        environ = {"SIDECAR_SERVER__OPERATIONS_LISTEN": listen}
        ran = await sidecar(tmp_path, "healthcheck", environ=environ)
    assert (ran.status, ran.out) == (1, "")
    (problem,) = ran.problems
    assert problem.removeprefix("not ready: ").startswith(f"{listen}: {told}")
