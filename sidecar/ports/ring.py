"""The ring as SQL remembers it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sidecar.core.keyring import Purpose


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

    async def remember_ring(self, keys: Sequence[RingKey], fingerprint: str) -> None:
        """Add keys that are not known yet; the first fingerprint stays."""
        ...
