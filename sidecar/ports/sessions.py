"""Sessions and the turn of their refresh tokens."""

from collections.abc import Sequence
from typing import Protocol

from sidecar.core.audit import AuditEvent, Device
from sidecar.core.session import Session
from sidecar.ports.accounts import Account


class SessionStore(Protocol):
    """Sessions and the turn of their refresh tokens."""

    async def find_session(self, sid: str) -> tuple[Session, Account] | None:
        """Return a session that has not been ended, with today's account."""
        ...

    async def list_sessions(self, user_id: str, *, now: int, refresh_ttl: int) -> Sequence[Session]:
        """Return the living sessions of a user, the newest login first.

        A session that nobody refreshed for `refresh_ttl` seconds lives no longer.
        """
        ...

    async def rotate_session(
        self, sid: str, generation: int, *, rotated_at: int, tokens_until: int, device: Device
    ) -> bool:
        """Move a living session from this generation to the next, in one compare-and-set.

        `device` is from where it was refreshed. False says that no such session was in this
        generation.
        """
        ...

    async def note_replay(self, event: AuditEvent) -> None:
        """Write that a refresh token came again, from elsewhere; nothing else changes."""
        ...
