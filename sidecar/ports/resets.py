"""One-time links that set a password, as the store keeps them."""

from dataclasses import dataclass
from typing import Protocol

from sidecar.core.audit import Author, Device
from sidecar.core.user import User
from sidecar.ports.revocations import Entry


@dataclass(frozen=True, slots=True)
class Reset:
    """A link, by the SHA-256 of its text in hex; dates are Unix seconds."""

    user_id: str
    token_hash: str
    created_at: int
    expires_at: int


class ResetStore(Protocol):
    """One-time links; of a user the newest alone counts."""

    async def put_reset(self, reset: Reset, by: Author) -> bool:
        """Keep a link in place of the one before; False for a disabled user. Raises NotFound."""
        ...

    async def find_reset(self, token_hash: str, now: int, *, admin_role: str) -> User | None:
        """Return whose link it is; None where it is over, spent, or its user disabled.

        None too where it was made by somebody who may make none any more: neither an operator nor
        an enabled user who has `admin_role`.
        """
        ...

    async def spend_reset(
        self,
        token_hash: str,
        password_hash: str,
        device: Device,
        now: int,
        *,
        admin_role: str,
        keep_after: int,
    ) -> tuple[User, tuple[Entry, ...]] | None:
        """Set the password of whose link it is, and end all that was theirs; the link is gone then.

        Their second factor stays. Of two at once one succeeds; None, and nothing happens, as with
        `find_reset`.
        """
        ...
