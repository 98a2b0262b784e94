"""One-time links: somebody who has forgotten their password sets another, once.

Whoever has the link has the account, but for its second factor: it is short-lived, and the store
holds its SHA-256 alone, which is enough for 256 random bits.
"""

import hashlib
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from sidecar.core.audit import Author, Device
from sidecar.core.encoding import from_base64url, to_base64url
from sidecar.core.user import User
from sidecar.credentials.passwords import PasswordHasher
from sidecar.credentials.strength import PasswordFault, PasswordRules
from sidecar.errors import UserDisabled
from sidecar.ports import Entry, Reset, ResetStore

RESET_OCTETS: Final = 32
RESET_LENGTH: Final = 43  # characters of that as base64url


class Resets:
    """Makes one-time links and lets each be spent; `publish` makes the revocations of that hold.

    A link holds for `ttl` seconds, and while whoever made it is an operator, or somebody enabled
    who has the role `admin_role`.
    """

    def __init__(
        self,
        store: ResetStore,
        passwords: PasswordHasher,
        rules: PasswordRules,
        publish: Callable[[Sequence[Entry]], Awaitable[None]],
        *,
        ttl: int,
        admin_role: str,
        keep_after: int,
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._rules = rules
        self._publish = publish
        self._ttl = ttl
        self._admin_role = admin_role
        self._keep_after = keep_after

    async def make(self, user_id: str, by: Author, now: int) -> tuple[str, int]:
        """Return the token of a new link, and until when it holds; the one before is worth nothing.

        Raises NotFound, UserDisabled.
        """
        token = to_base64url(secrets.token_bytes(RESET_OCTETS))
        expires_at = now + self._ttl
        if not await self._store.put_reset(Reset(user_id, _hash(token), now, expires_at), by):
            raise UserDisabled("the user is disabled, and no link would let them log in")
        return token, expires_at

    async def find(self, token: str, now: int) -> User | None:
        """Return whose link it is; None where it is over, spent, or was never one.

        None too where whoever made it could not make one now.
        """
        if not _is_token(token):
            return None
        return await self._store.find_reset(_hash(token), now, admin_role=self._admin_role)

    async def spend(
        self, token: str, new_password: str, device: Device, now: int
    ) -> User | PasswordFault | None:
        """Set a new password by a link, which ends all sessions and personal tokens of its user.

        Returns who that is; what is wrong with the password, where the link can still be spent; or
        None as with `find`.
        """
        user = await self.find(token, now)
        if user is None:
            return None
        fault = await self._passwords.judge(
            *(self._rules, new_password, user.username, user.name, user.email), chooser=user.id
        )
        if fault is not None:
            return fault
        spent = await self._store.spend_reset(
            _hash(token),
            await self._passwords.hash(new_password),
            device,
            now,
            admin_role=self._admin_role,
            keep_after=self._keep_after,
        )
        if spent is None:
            return None
        user, entries = spent
        await self._publish(entries)
        return user


def _is_token(text: str) -> bool:
    """Say whether a text can be a token: what cannot be one costs no read of the store."""
    return len(text) == RESET_LENGTH and from_base64url(text) is not None


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
