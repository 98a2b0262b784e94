"""Second factors: made, kept sealed, and held against what somebody typed."""

import secrets
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sidecar.core.audit import Action, AuditEvent, Device
from sidecar.core.encoding import from_base64url, to_base64url
from sidecar.core.recovery import (
    CODE_OCTETS,
    CODES,
    hash_recovery_code,
    read_recovery_code,
    spell_recovery_code,
)
from sidecar.core.totp import SECRET_OCTETS, match_code, read_code
from sidecar.errors import FactorUnreadable
from sidecar.ports import Factor, Proof, RecoveryProof, StepProof

FACTOR_KEY_USE: Final = "second factors"  # what the key is derived for that seals secrets
RECOVERY_KEY_USE: Final = "recovery codes"  # and the one that recovery codes are hashed with
ID_OCTETS: Final = 16
NONCE_OCTETS: Final = 12  # NIST SP 800-38D section 8.2: random ones are good for 2**32 secrets


@dataclass(frozen=True, slots=True)
class FactorKeys:
    """The keys that second factors are kept with, 32 octets each."""

    sealing: bytes = field(repr=False)
    recovery: bytes = field(repr=False)

    def seal(self, secret: bytes, user_id: str, factor_id: str) -> str:
        """Return a secret as it is kept: it opens for this factor of this user alone."""
        nonce = secrets.token_bytes(NONCE_OCTETS)
        sealed = AESGCM(self.sealing).encrypt(nonce, secret, _bind(user_id, factor_id))
        return to_base64url(nonce + sealed)

    def open(self, factor: Factor) -> bytes:
        """Return the secret of a factor. Raises FactorUnreadable."""
        octets = from_base64url(factor.sealed) or b""
        bound = _bind(factor.user_id, factor.id)
        try:
            opened = AESGCM(self.sealing).decrypt(
                octets[:NONCE_OCTETS], octets[NONCE_OCTETS:], bound
            )
        except (InvalidTag, ValueError):  # ValueError: too short for a nonce
            raise FactorUnreadable(f"the second factor of {factor.user_id} does not open") from None
        return opened

    def hash_code(self, user_id: str, code: str) -> str:
        """Return what is kept of a recovery code that was read."""
        return hash_recovery_code(self.recovery, user_id, code)

    def match_step(self, factor: Factor, otp: str, now: int) -> int | None:
        """Return the step that a typed code is of, where it is one. Raises FactorUnreadable."""
        code = read_code(otp)
        return None if code is None else match_code(self.open(factor), code, now, factor.last_step)

    def prove(self, factor: Factor, otp: str, device: Device, now: int) -> Proof | None:
        """Return what a code proves that the owner of a factor typed, or None.

        That is six digits, or a recovery code, which the store judges. Raises FactorUnreadable.
        """
        letters = read_recovery_code(otp)
        if letters is None:
            step = self.match_step(factor, otp, now)
            return None if step is None else StepProof(factor.id, step)
        owner = factor.user_id
        event = AuditEvent(now, Action.OTP_RECOVERED, owner, owner, device)
        return RecoveryProof(self.hash_code(owner, letters), event)


def make_secret() -> bytes:
    """Return a new secret for an authenticator app."""
    return secrets.token_bytes(SECRET_OCTETS)


def make_factor_id() -> str:
    """Return the id of a new factor."""
    return to_base64url(secrets.token_bytes(ID_OCTETS))


def make_recovery_codes() -> tuple[str, ...]:
    """Return new recovery codes, as people see them."""
    return tuple(spell_recovery_code(secrets.token_bytes(CODE_OCTETS)) for _ in range(CODES))


def _bind(user_id: str, factor_id: str) -> bytes:
    return f"{user_id}\0{factor_id}".encode()
