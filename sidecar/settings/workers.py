"""Where the operations listeners of several processes are."""

from dataclasses import replace
from pathlib import Path

from sidecar.schemas.values import Listen


def worker_addresses(first: Listen, count: int) -> list[Listen]:
    """Return an address for each process: the ports from `first` on, or numbered sockets."""
    if count == 1 or (first.path is None and first.port == 0):
        return [first]
    if first.path is not None:
        name = str(first.path)
        return [Listen(path=Path(f"{name}.{number}")) for number in range(count)]
    return [replace(first, port=first.port + number) for number in range(count)]
