"""The pages for operators, followed with the real programs."""

import re
from pathlib import Path

import pytest

from tests.browser.certificates import make_certificate
from tests.docs.markdown import ROOT, read_blocks
from tests.docs.reader import find_application, make_terminal, runs
from tests.docs.terminal import Lasting
from tests.programs.postgres import Postgres
from tests.programs.process import free_port, require
from tests.programs.redis import RedisServer

pytestmark = pytest.mark.asyncio

HOST = "app.example.com"
ANYWHERE = "0.0.0.0"  # noqa: S104 - what is replaced


def _be_the_host(directory: Path, port: int) -> None:
    """Let curl find the example's host here, and take its certificate."""
    (directory / ".curlrc").write_text(f'connect-to = "{HOST}:443:127.0.0.1:{port}"\ninsecure\n')


def _serving_tls(begins: str, directory: Path) -> Lasting:
    command = ("curl", "-sf", f"https://{HOST}/public/")
    return Lasting(
        begins, "gateway", runs(*command, directory=directory, environ={"HOME": str(directory)})
    )


async def test_the_page_about_traefik_does_what_it_says(tmp_path: Path) -> None:
    port = free_port()
    _be_the_host(tmp_path, port)
    terminal = make_terminal(
        tmp_path,
        lambda _: _serving_tls("traefik ", tmp_path),
        replaced={ANYWHERE: "127.0.0.1", "80": str(free_port()), "443": str(port)},
    )
    async with terminal:
        await terminal.follow(find_application())
        for block in read_blocks(ROOT / "docs/traefik.md"):
            await terminal.follow(block)
        assert terminal.running.keys() == {"application", "service", "gateway"}


async def test_the_page_about_nginx_does_what_it_says(tmp_path: Path) -> None:
    require("nginx")
    port = free_port()
    _be_the_host(tmp_path, port)
    terminal = make_terminal(
        tmp_path,
        lambda _: _serving_tls("nginx .*daemon off", tmp_path),
        replaced={ANYWHERE: "127.0.0.1", "443": str(port)},
    )
    certificate, key = make_certificate(tmp_path, HOST)
    async with terminal:
        await terminal.follow(find_application())
        # The page begins where the first blocks of the one about Traefik end.
        for block in read_blocks(ROOT / "docs/traefik.md")[:3]:
            await terminal.follow(block)
        for block in read_blocks(ROOT / "docs/nginx.md"):
            if block.language != "nginx":
                await terminal.follow(block)
                continue
            text = re.sub(r"\S+\.pem;", f"{certificate};", block.text)
            text = re.sub(r"\S+\.key;", f"{key};", text)
            assert text.count(str(tmp_path)) == 2
            file = tmp_path / "gateway" / "nginx.conf"
            file.write_text(file.read_text().replace("http {\n", f"http {{\n{text}", 1))
        assert terminal.running.keys() == {"application", "service", "gateway"}


async def test_the_page_about_running_it_does_what_it_says(
    tmp_path: Path, postgres: Postgres, redis_server: RedisServer
) -> None:
    terminal = make_terminal(
        tmp_path,
        replaced={
            "postgresql://sidecar@db.example.com/sidecar": postgres.make_database(),
            "redis://redis.example.com:6379/0": redis_server.url,
        },
    )
    async with terminal:
        for block in read_blocks(ROOT / "docs/running.md"):
            await terminal.follow(block)
        assert terminal.running.keys() == {"service"}
    assert (tmp_path / "backup" / "keys" / "secret").stat().st_mode & 0o077 == 0
