"""Asking the operations listeners of the service on this machine; starts in milliseconds."""

import json
import re
import socket
from collections.abc import Mapping
from http import HTTPStatus
from time import monotonic
from typing import Any, Final

from sidecar.schemas.values import Listen
from sidecar.settings.workers import worker_addresses

TIMEOUT: Final = 3.0  # seconds for each worker
SHORTEST: Final = 0.001  # seconds
MOST_WORKERS: Final = 1024  # that are asked
LARGEST_ANSWER: Final = 4_194_304  # octets
FOREIGN: Final = "another program answers there"
_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?=[ \r]|\Z)")
SILENT: Final = "{} (server.operations_listen): {}: does the service run?"


def find_workers(first: Listen) -> list[Listen]:
    """Return where the workers can be asked, as the first one that answers says."""
    return worker_addresses(first, _count_workers(first))


def _count_workers(first: Listen) -> int:
    """Return how many processes there are, as the first one that answers says."""
    status, body = ask(first, "/healthz")
    if status != HTTPStatus.OK and first.path is not None:
        status, body = ask(worker_addresses(first, 2)[0], "/healthz")
    workers = read_members(body).get("workers") if status == HTTPStatus.OK else None
    return workers if type(workers) is int and 0 < workers <= MOST_WORKERS else 1


def read_members(body: str) -> Mapping[str, Any]:
    """Return the members of an answer of ours; another program may listen there."""
    try:
        members = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return members if isinstance(members, dict) else {}


def ask(address: Listen, path: str) -> tuple[int, str]:
    """Return status and body of an answer; 0 and a line that says so where there is none.

    By HTTP/1.0: the answer ends with its connection. `http.client` would take longer to import than
    all of this takes.
    """
    try:
        with connect(address) as connection:
            connection.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode("ascii"))
            octets = _read(connection)
    except OSError as error:
        return 0, SILENT.format(address, error.strerror or error)
    if not octets:
        return 0, SILENT.format(address, "it closed the connection")
    head, end, body = octets.partition(b"\r\n\r\n")
    status = _STATUS.match(head)
    if status is None or not end:
        return 0, f"{address}: {FOREIGN}"
    return int(status[1]), body.decode("utf-8", "replace")


def connect(address: Listen) -> socket.socket:
    """Return a connection, which waits for TIMEOUT at the most. Raises OSError."""
    if address.path is None:
        return socket.create_connection((address.host, address.port), TIMEOUT)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(TIMEOUT)
        connection.connect(str(address.path))
    except OSError:
        connection.close()
        raise
    return connection


def _read(connection: socket.socket) -> bytes:
    """Return what comes until the connection ends, or there is too much of it.

    Raises TimeoutError.
    """
    octets, until = bytearray(), monotonic() + TIMEOUT
    while len(octets) < LARGEST_ANSWER:
        connection.settimeout(max(until - monotonic(), SHORTEST))  # 0 would not wait at all
        chunk = connection.recv(65_536)
        if not chunk:
            break
        if monotonic() > until:
            raise TimeoutError
        octets += chunk
    return bytes(octets)
