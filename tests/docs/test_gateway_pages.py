"""The pages about gateways, followed with the real programs."""

import textwrap
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.browser.certificates import make_certificate
from tests.docs.markdown import ROOT, read_blocks
from tests.docs.reader import find_application, make_terminal, runs
from tests.docs.terminal import Lasting
from tests.programs.gateways import BESIDE_PYTHON
from tests.programs.process import free_port, require

pytestmark = pytest.mark.asyncio

HOST = "app.example.com"
ANYWHERE = "0.0.0.0"  # noqa: S104 - what is replaced
CERTIFICATE = f"/etc/ssl/{HOST}.pem"
KEY = f"/etc/ssl/{HOST}.key"


class Gateway(NamedTuple):
    """A page about a gateway: the file that it has a reader edit, and where its parts go."""

    begins: str
    file: str
    parts: dict[str, str]  # the line before a part, by its language


GATEWAYS = {
    "nginx": Gateway("nginx .*daemon off", "nginx.conf", {"nginx": "http {\n"}),
    "traefik": Gateway("traefik ", "", {}),
    "caddy": Gateway("caddy run ", "Caddyfile", {"caddyfile": f"https://{HOST}:443 {{\n"}),
    "envoy": Gateway("envoy --config-path ", "envoy.yaml", {"yaml": "    filter_chains:\n    - "}),
    "haproxy": Gateway("haproxy -f ", "haproxy.cfg", {}),
}


def _be_the_host(directory: Path, port: int) -> None:
    """Let curl find the example's host here, and take its certificate."""
    (directory / ".curlrc").write_text(f'connect-to = "{HOST}:443:127.0.0.1:{port}"\ninsecure\n')


def _serving_tls(begins: str, directory: Path) -> Lasting:
    command = ("curl", "-sf", f"https://{HOST}/public/")
    return Lasting(
        begins, "gateway", runs(*command, directory=directory, environ={"HOME": str(directory)})
    )


def _write_part(file: Path, before: str, part: str) -> None:
    """Write a part of a configuration behind a line, indented as what stands there."""
    text = file.read_text()
    assert text.count(before) == 1, before
    ahead, behind = text.split(before)
    if not before.endswith("\n"):  # the first of a list's item
        indent = " " * len(before.rpartition("\n")[2])
        part = textwrap.indent(part, indent).removeprefix(indent)
        behind = indent + behind
    file.write_text(f"{ahead}{before}{part}{behind}")


@pytest.mark.parametrize("name", GATEWAYS)
async def test_the_page_about_a_gateway_does_what_it_says(name: str, tmp_path: Path) -> None:
    require(name, BESIDE_PYTHON)
    gateway, port = GATEWAYS[name], str(free_port())
    _be_the_host(tmp_path, int(port))
    certificate, key = make_certificate(tmp_path, HOST)
    if name == "haproxy":  # takes both out of one file
        certificate.write_bytes(certificate.read_bytes() + key.read_bytes())
    terminal = make_terminal(
        tmp_path,
        lambda _: _serving_tls(gateway.begins, tmp_path),
        replaced={
            ANYWHERE: "127.0.0.1",
            "80": str(free_port()),
            "443": port,
            CERTIFICATE: str(certificate),
            KEY: str(key),
            # It would also listen at port 80, to send browsers on.
            "/auto_https off/d": f"s/auto_https off/http_port {free_port()}/",
            # Several on one machine would share memory by their base id.
            "gateway/envoy.yaml": "gateway/envoy.yaml --use-dynamic-base-id",
        },
    )
    async with terminal:
        await terminal.follow(find_application())
        # Each page begins where the example of the page about all of them ends.
        for block in read_blocks(ROOT / "docs/gateways.md")[:3]:
            await terminal.follow(block)
        for block in read_blocks(ROOT / f"docs/{name}.md"):
            before = None if block.file else gateway.parts.get(block.language)
            if before is None:
                await terminal.follow(block)
            else:
                file = tmp_path / "gateway" / gateway.file
                _write_part(file, terminal.replace(before), terminal.replace(block.text))
        assert terminal.running.keys() == {"application", "service", "gateway"}


async def test_the_page_about_all_gateways_does_what_it_says(tmp_path: Path) -> None:
    terminal = make_terminal(tmp_path, replaced={})
    async with terminal:
        for block in read_blocks(ROOT / "docs/gateways.md"):
            await terminal.follow(block)
        assert terminal.running.keys() == {"service"}
