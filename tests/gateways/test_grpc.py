"""HTTP/2 and gRPC through each gateway; nginx takes HTTP/2 over TLS alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from tests.browser.certificates import make_certificate
from tests.gateways.conftest import HOST, PUBLIC_URL, Fleet, Guarded, running_fleet
from tests.programs.gateways import (
    Gateway,
    command_of,
    environ_of,
    running_files,
    write_files,
)
from tests.programs.process import free_port, require, running
from tests.programs.upstream import Upstream

pytestmark = pytest.mark.asyncio(loop_scope="module")

WRITTEN = "\\n%{http_version} %{http_code}+%header{grpc-status}"
GRPC = ("Content-Type: application/grpc", "TE: trailers")

# Says in which version it was asked, and for whom.
SPEAKER = """
{{
	admin off
	auto_https off
	persist_config off
	servers {{
		protocols h1 h2c
	}}
}}
http://:{port} {{
	bind 127.0.0.1
	respond "{{http.request.proto}} {{http.request.header.Remote-User}}"
}}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def speaking(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    """Run an upstream that speaks HTTP/1.1 and unencrypted HTTP/2."""
    port, folder = free_port(), tmp_path_factory.mktemp("speaker")
    (folder / "Caddyfile").write_text(SPEAKER.format(port=port))
    command = command_of("caddy", folder)
    address = ("127.0.0.1", port)
    settings = {"server": {"public_url": PUBLIC_URL}}
    async with (
        running(command, directory=folder, address=address, environ=environ_of(folder)),
        running_fleet(tmp_path_factory.mktemp("fleet"), settings, HOST) as fleet,
    ):
        fleet.upstream = Upstream(port)
        yield fleet


@pytest_asyncio.fixture(loop_scope="module")
async def guarded(gateway_name: str, speaking: Fleet) -> Guarded:
    """Give each test every gateway in turn."""
    if gateway_name == "nginx" and gateway_name not in speaking.gateways:
        running_tls = _running_nginx(speaking)
        speaking.gateways[gateway_name] = await speaking.stack.enter_async_context(running_tls)
    return await speaking.guard(gateway_name)


@asynccontextmanager
async def _running_nginx(fleet: Fleet) -> AsyncIterator[Gateway]:
    """Run what the command writes for nginx, with what TLS and HTTP/2 need."""
    port, folder = free_port(), fleet.service.directory / "nginx"
    words = ("nginx", "--host", HOST, "--upstream", fleet.upstream.url)
    await write_files(fleet.service, folder, *words, "--listen", f"127.0.0.1:{port}")
    certificate, key = make_certificate(folder, HOST)
    file, listen = folder / "nginx.conf", f"listen 127.0.0.1:{port}"
    plain = file.read_text()
    secured = plain.replace(listen, f"{listen} ssl http2").replace(
        "http {", f"http {{ ssl_certificate {certificate}; ssl_certificate_key {key};", 1
    )
    file.write_text(secured)
    async with running_files("nginx", folder, port) as gateway:
        yield gateway


async def _ask(guarded: Guarded, path: str, *lines: str) -> tuple[str, str]:
    """Ask over HTTP/2 without TLS; return the version with the status, and the body.

    Where the answer is one of gRPC's own, its status stands behind a plus.
    """
    named = [word for line in lines for word in ("-H", line)]
    secured = guarded.gateway.name == "nginx"
    scheme, how = ("https", "--http2") if secured else ("http", "--http2-prior-knowledge")
    process = await asyncio.create_subprocess_exec(
        *(require("curl"), "--silent", "--insecure", how, "--max-time", "20"),
        *("--write-out", WRITTEN, "-H", f"Host: {guarded.host}", *named),
        f"{scheme}://127.0.0.1:{guarded.gateway.port}{path}",
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    body, _, told = out.decode().rpartition("\n")
    return told.removesuffix("+"), body


async def test_http_2_reaches_an_upstream_as_http_1_but_for_grpc(guarded: Guarded) -> None:
    (line,) = [f"{name}: {value}" for name, value in (await guarded.log_in()).items()]
    assert (await _ask(guarded, "/orders"))[0] == "2 401"
    for asked, answer in ((GRPC, "HTTP/2.0 alice"), ((), "HTTP/1.1 alice")) * 2:
        assert await _ask(guarded, "/orders", *asked, line) == ("2 200", answer)
    assert (await _ask(guarded, "/admin/", line))[0] == "2 403"


async def test_grpc_reaches_an_upstream_as_http_2(guarded: Guarded) -> None:
    (line,) = [f"{name}: {value}" for name, value in (await guarded.log_in()).items()]
    assert await _ask(guarded, "/orders", *GRPC, line) == ("2 200", "HTTP/2.0 alice")
    for forged in ("Remote-User: root", "Remote_User: root", "Connection: Remote-User"):
        assert await _ask(guarded, "/public/", *GRPC, forged) == ("2 200", "HTTP/2.0 ")
    # Envoy refuses as gRPC does: 200, with the status of a call (7 permission denied, 16 nobody).
    own_way = guarded.gateway.name == "envoy"
    forbidden, nobody = ("2 200+7", "2 200+16") if own_way else ("2 403", "2 401")
    assert (await _ask(guarded, "/admin/", *GRPC, line))[0] == forbidden
    # A program is sent to no login page, whatever it says that it takes.
    for said in ("Accept: text/html", "Remote-User: root"):
        told, body = await _ask(guarded, "/orders", *GRPC, said)
        assert told == nobody
        assert not body.startswith("HTTP/")
