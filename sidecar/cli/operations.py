"""Asking the operations listeners of the service on this machine; starts in milliseconds."""

import http.client
import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from sidecar.settings import Listen
from sidecar.settings.workers import worker_addresses

TIMEOUT: Final = 3.0  # seconds for each worker
LARGEST_ANSWER: Final = 4_194_304  # octets
FOREIGN: Final = "another program answers there"
SILENT: Final = "{} (server.operations_listen): {}: does the service run?"


def find_workers(first: Listen) -> list[Listen]:
    """Return where the workers can be asked, as the first one that answers says."""
    return worker_addresses(first, _count_workers(first))


def _count_workers(first: Listen) -> int:
    """Return how many processes there are, as the first one that answers says."""
    status, body = ask(first, "/healthz")
    if status != http.HTTPStatus.OK and first.path is not None:
        status, body = ask(worker_addresses(first, 2)[0], "/healthz")
    workers = read_members(body).get("workers") if status == http.HTTPStatus.OK else None
    return workers if type(workers) is int else 1


def read_members(body: str) -> Mapping[str, Any]:
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


def ask(address: Listen, path: str) -> tuple[int, str]:
    """Return status and body of an answer; 0 and a line that says so where there is none."""
    connection = (
        http.client.HTTPConnection(address.host, address.port, timeout=TIMEOUT)
        if address.path is None
        else _UnixConnection(address.path)
    )
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read(LARGEST_ANSWER).decode("utf-8", "replace")
    except OSError as error:
        return 0, SILENT.format(address, error.strerror or error)
    except http.client.HTTPException:
        return 0, f"{address}: {FOREIGN}"
    finally:
        connection.close()
