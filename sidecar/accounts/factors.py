"""Second factors: set up, confirmed with a code, taken away."""

from typing import Final

from sidecar.core.audit import Action, AuditEvent, Author
from sidecar.core.recovery import read_recovery_code
from sidecar.core.totp import ENROLMENT_TTL, spell_secret, spell_uri
from sidecar.core.user import User
from sidecar.credentials.factors import (
    FactorKeys,
    make_factor_id,
    make_recovery_codes,
    make_secret,
)
from sidecar.errors import FactorExists
from sidecar.ports import Factor, FactorStore

NO_STEP: Final = 0  # of 1970: no code was used yet


class SecondFactors:
    """The second factors of people; `issuer` is what their apps call this deployment."""

    def __init__(self, store: FactorStore, keys: FactorKeys, issuer: str) -> None:
        self._store = store
        self._keys = keys
        self._issuer = issuer

    async def has(self, user_id: str) -> bool:
        """Say whether somebody has a second factor that was confirmed."""
        return await self._store.has_factor(user_id)

    async def enrol(self, user: User, now: int) -> tuple[str, str]:
        """Begin to set up a second factor; return its secret in base32, and its `otpauth` address.

        It counts for nothing until it is confirmed, and replaces another one that was not. Raises
        FactorExists, and NotFound for somebody who is gone.
        """
        secret, factor_id = make_secret(), make_factor_id()
        sealed = self._keys.seal(secret, user.id, factor_id)
        if not await self._store.add_pending(Factor(factor_id, user.id, sealed, NO_STEP, now)):
            raise FactorExists("there is a second factor already")
        return spell_secret(secret), spell_uri(secret, self._issuer, user.username)

    async def confirm(self, user_id: str, otp: str, by: Author, now: int) -> tuple[str, ...] | None:
        """Confirm what was begun, by a code of it; return recovery codes, which nobody sees again.

        None: the code is not right, nothing was begun, or that is too long ago. Raises
        FactorUnreadable.
        """
        factor = await self._store.find_pending(user_id)
        if factor is None or now >= factor.created_at + ENROLMENT_TTL:
            return None
        step = self._keys.match_step(factor, otp, now)
        if step is None:
            return None
        codes = make_recovery_codes()
        hashes = [self._keys.hash_code(user_id, read_recovery_code(code) or "") for code in codes]
        event = AuditEvent(now, Action.OTP_ENABLED, by.actor, user_id, by.device)
        return codes if await self._store.confirm_factor(factor, step, hashes, event) else None

    async def disable(self, user_id: str, by: Author, now: int) -> bool:
        """Take somebody's second factor and recovery codes away; False where there was none."""
        event = AuditEvent(now, Action.OTP_DISABLED, by.actor, user_id, by.device)
        return await self._store.remove_factor(user_id, event)
