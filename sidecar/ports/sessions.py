"""Sessions and the turn of their refresh tokens."""

from typing import Protocol

from sidecar.core.session import Session
from sidecar.ports.accounts import Account


class SessionStore(Protocol):
    """Sessions and the turn of their refresh tokens."""

    async def find_session(self, sid: str) -> tuple[Session, Account] | None:
        """Return a session that has not been ended, with today's account."""
        ...

    async def rotate_session(
        self, sid: str, generation: int, *, rotated_at: int, tokens_until: int
    ) -> bool:
        """Move a living session from this generation to the next, in one compare-and-set.

        False says that no such session was in this generation.
        """
        ...
