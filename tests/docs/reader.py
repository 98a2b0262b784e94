"""Somebody who follows a page on this machine: other ports, and how they see that things run."""

import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.docs.markdown import ROOT, Block, read_blocks
from tests.docs.terminal import Lasting, Running, Terminal
from tests.programs.gateways import environ_of
from tests.programs.process import free_port, require


def answers(url: str) -> Callable[[Running], bool]:
    """Return what holds once `url` answers 200."""

    def ready(_running: Running) -> bool:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - loopback
                return bool(answer.status == 200)
        except OSError:
            return False

    return ready


def runs(*command: str, directory: Path, environ: Mapping[str, str]) -> Callable[[Running], bool]:
    """Return what holds once a command exits 0."""

    def ready(_running: Running) -> bool:
        done = subprocess.run(
            command,
            cwd=directory,
            env={**os.environ, **environ},
            check=False,
            capture_output=True,
        )
        return done.returncode == 0

    return ready


def make_terminal(
    directory: Path, *others: Callable[[str], Lasting], replaced: Mapping[str, str]
) -> Terminal:
    """Return a terminal; `others` are given the port that stands for the gateway's 8080."""
    require("curl")
    operations = _free_pair()
    ports = {port: str(free_port()) for port in ("8000", "8080", "8420", "8422")}
    environ = {
        "SIDECAR_SERVER__LISTEN": f"127.0.0.1:{ports['8420']}",
        "SIDECAR_SERVER__OPERATIONS_LISTEN": f"127.0.0.1:{operations}",
        **environ_of(directory),
    }
    healthcheck = runs(
        *(sys.executable, "-m", "sidecar", "healthcheck"), directory=directory, environ=environ
    )
    application = answers(f"http://127.0.0.1:{ports['8000']}/")
    return Terminal(
        directory,
        lasting=(
            Lasting("python3 -m http.server", "application", application),
            Lasting("sidecar serve", "service", healthcheck),
            *(other(ports["8080"]) for other in others),
        ),
        replaced={**ports, "8421": str(operations), **replaced},
        environ=environ,
    )


def find_application() -> Block:
    """Return the block of the README that starts a stand-in for an application."""
    (block,) = (each for each in read_blocks(ROOT / "README.md") if "http.server" in each.text)
    return block


def _free_pair() -> int:
    """Return a port that was free just now, as was the one after it: for two workers."""
    while True:
        port = free_port()
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
        return port
