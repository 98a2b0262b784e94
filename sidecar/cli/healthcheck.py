"""`sidecar healthcheck`: whether the service on this machine is ready. Starts in milliseconds."""

import http.client
import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

from sidecar.cli.options import config_option, read_settings
from sidecar.errors import SidecarError
from sidecar.settings import Listen
from sidecar.settings.workers import worker_addresses

TIMEOUT: Final = 3.0  # seconds for each worker
LARGEST_ANSWER: Final = 65_536  # octets
FOREIGN: Final = "another program answers there"
LONGEST_TOLD: Final = 200  # characters of an answer that is not the right one


@click.command()
@config_option
def healthcheck(config_file: Path | None) -> None:
    """Exit 0 where every worker is ready, else 1 with a line that says which is not."""
    first = read_settings(config_file).server.operations_listen
    for address in worker_addresses(first, _count_workers(first)):
        status, body = _ask(address, "/readyz")
        if status != http.HTTPStatus.OK or _members(body).get("ready") is not True:
            told = FOREIGN if status == http.HTTPStatus.OK else body[:LONGEST_TOLD] or status
            raise SidecarError(f"{address}: not ready: {told}")
    click.echo("ready")


def _count_workers(first: Listen) -> int:
    """Return how many processes there are, as the first one that answers says."""
    status, body = _ask(first, "/healthz")
    if status != http.HTTPStatus.OK and first.path is not None:
        status, body = _ask(worker_addresses(first, 2)[0], "/healthz")
    workers = _members(body).get("workers") if status == http.HTTPStatus.OK else None
    return workers if type(workers) is int else 1


def _members(body: str) -> Mapping[str, Any]:
    """Return the members of an answer of ours; another program may listen there."""
    try:
        members = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return members if isinstance(members, dict) else {}


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=TIMEOUT)
        self._path = path

    def connect(self) -> None:
        """Open the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(TIMEOUT)
        self.sock.connect(str(self._path))


def _ask(address: Listen, path: str) -> tuple[int, str]:
    """Return status and body of an answer; 0 and the cause where there is none."""
    connection = (
        http.client.HTTPConnection(address.host, address.port, timeout=TIMEOUT)
        if address.path is None
        else _UnixConnection(address.path)
    )
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read(LARGEST_ANSWER).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        return 0, str(error) or type(error).__name__
    finally:
        connection.close()
