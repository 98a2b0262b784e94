"""Programs, and what proves who they are."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sidecar.core.audit import AuditEvent
from sidecar.core.client import Client
from sidecar.ports.revocations import Entry


@dataclass(frozen=True, slots=True)
class ClientAccount:
    """A program with what its authentication needs.

    `secret_hashes` are those of one or two secrets, all of them valid. `epoch` is everyone's and
    the program's, read with them.
    """

    client: Client
    secret_hashes: tuple[str, ...] = field(repr=False)
    epoch: tuple[int, int]


@dataclass(frozen=True, slots=True)
class ClientChange:
    """What is to be different about a program; None leaves a field as it is."""

    name: str | None = None
    scopes: tuple[str, ...] | None = None
    audience: tuple[str, ...] | None = None


class ClientStore(Protocol):
    """Programs. What a method changes stands in its event, which is written with it."""

    async def find_client(self, client_id: str) -> ClientAccount | None:
        """Return the program of this `client_id`."""
        ...

    async def find_client_id(self, name: str) -> str | None:
        """Return the `client_id` of the program of this name."""
        ...

    async def read_clients(self, after: str, limit: int) -> Sequence[Client]:
        """Return the first `limit` programs by name that come behind the name `after`."""
        ...

    async def add_client(self, client: Client, secret_hash: str, event: AuditEvent) -> None:
        """Keep a new program. Raises NameTaken."""
        ...

    async def change_client(
        self,
        client_id: str,
        change: ClientChange,
        event: AuditEvent,
        *,
        seen: int | None,
        keep_after: int,
    ) -> tuple[Client, tuple[Entry, ...]]:
        """Change a program and move its epoch, which must be the one that the caller has `seen`.

        None has seen none. A change that changes nothing moves no epoch. Raises NotFound,
        NameTaken, VersionMismatch.
        """
        ...

    async def rotate_secret(
        self,
        client_id: str,
        secret_hash: str,
        event: AuditEvent,
        *,
        drop_previous: bool,
        keep_after: int,
    ) -> tuple[Entry, ...]:
        """Give a program another secret; the one before it stays valid beside it.

        With `drop_previous` it does not, and the epoch moves: what it was exchanged for is refused
        too. Raises NotFound.
        """
        ...

    async def remove_client(
        self, client_id: str, event: AuditEvent, *, seen: int | None, keep_after: int
    ) -> tuple[Entry, ...]:
        """Remove a program and refuse its tokens. Raises NotFound, VersionMismatch."""
        ...
