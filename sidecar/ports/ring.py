"""The ring as SQL remembers it, and the directory in which it lies."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sidecar.core.audit import AuditEvent
from sidecar.core.keyring import Key, Purpose
from sidecar.core.turn import RingTurn
from sidecar.ports.revocations import Entry


@dataclass(frozen=True, slots=True)
class RingKey:
    """What SQL remembers of a key: its public half (SubjectPublicKeyInfo) and its dates.

    `revoked_at` is None where nobody revoked it.
    """

    kid: str
    purpose: Purpose
    public_pem: str
    not_before: int
    sign_until: int
    publish_until: int
    revoked_at: int | None = None


class RingStore(Protocol):
    """The ring as SQL remembers it, so that replicas and restarts agree about one."""

    async def read_ring(self) -> tuple[Sequence[RingKey], str | None]:
        """Return all keys that were ever in the ring, and the fingerprint of `secret` if known."""
        ...

    async def remember_ring(
        self,
        keys: Sequence[RingKey],
        fingerprint: str,
        *,
        dated: frozenset[str],
        older: AuditEvent | None = None,
    ) -> None:
        """Add keys that are not known yet, and keep the dates of those in `dated` (by `kid`).

        The first fingerprint stays; beside another nothing is done. A revoked key stays revoked.
        Where the keys are `older` than what SQL remembers, which knew no ring yet, everyone is
        ended with that event: what these keys sealed may have been revoked in another database.
        """
        ...

    async def revoke_key(
        self, kid: str, *, keep_after: int, event: AuditEvent
    ) -> tuple[Entry, ...]:
        """Refuse everything that a key sealed, `event.at` being now.

        The entry is kept for `keep_after` seconds longer than the key is published. Nothing where
        it is revoked already. Raises NotFound.
        """
        ...

    async def note_rotation(self, event: AuditEvent) -> None:
        """Write that a key was made, or brought forward: its files are there already."""
        ...


class KeyFolder(Protocol):
    """The directory of the keys, as their turn writes it."""

    async def turn(
        self, now: int, plan: Callable[[Sequence[Key]], RingTurn], *, removing: bool = False
    ) -> tuple[Key, ...] | None:
        """Do what `plan` says of the keys that lie there; return those that were made.

        `removing` also takes away dates that have had no key for a day.
        None: nothing was to be done. `plan` is asked again under the lock of the directory; what it
        raises is passed on. Raises DocumentInvalid where a file is wrong or cannot be written, and
        StoreUnavailable.
        """
        ...
