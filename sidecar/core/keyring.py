"""The key ring: which key signs, which are published, which are over, as their dates say."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from sidecar.core.encoding import to_base64url

ALGORITHM: Final = "RS256"
SMALLEST_RSA_BITS: Final = 2048  # RFC 7518 section 3.3
LARGEST_RSA_BITS: Final = 8192  # one verification grows with the square of the size


class Purpose(StrEnum):
    """What a key seals. Keys of purpose `cookie` are never published."""

    TOKEN = "token"
    COOKIE = "cookie"


class KeyState(StrEnum):
    """Where in its life a key is."""

    NEXT = "next"
    ACTIVE = "active"
    RETIRING = "retiring"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Key:
    """A key pair with its dates (Unix seconds); `private` is None where only its half is known."""

    kid: str
    purpose: Purpose
    public: RSAPublicKey
    private: RSAPrivateKey | None = field(repr=False)
    not_before: int
    sign_until: int
    publish_until: int

    def state(self, now: int) -> KeyState:
        """Return the state at `now`; each date is the first second of the next state."""
        if now < self.not_before:
            return KeyState.NEXT
        if now < self.sign_until:
            return KeyState.ACTIVE
        if now < self.publish_until:
            return KeyState.RETIRING
        return KeyState.RETIRED


def thumbprint(public: RSAPublicKey) -> str:
    """Return the RFC 7638 thumbprint of a key, base64url: its `kid`."""
    members = _public_members(public)
    canonical = json.dumps(members, sort_keys=True, separators=(",", ":")).encode("ascii")
    return to_base64url(hashlib.sha256(canonical).digest())


def _public_members(public: RSAPublicKey) -> dict[str, str]:
    numbers = public.public_numbers()
    return {"e": _integer(numbers.e), "kty": "RSA", "n": _integer(numbers.n)}


def _integer(value: int) -> str:
    """Base64urlUInt of RFC 7518 section 2."""
    return to_base64url(value.to_bytes((value.bit_length() + 7) // 8, "big"))


@dataclass(frozen=True, slots=True)
class KeyRing:
    """An immutable snapshot of all keys, by `kid`."""

    keys: Mapping[str, Key]

    @classmethod
    def of(cls, keys: Iterable[Key]) -> "KeyRing":
        """Return the ring of these keys."""
        return cls({key.kid: key for key in keys})

    def find(self, kid: str) -> Key | None:
        """Return the key of this `kid`, in whatever state it is."""
        return self.keys.get(kid)

    def find_signing_key(self, purpose: Purpose, now: int) -> Key | None:
        """Return the key that seals at `now`: of the active ones the one that became so last."""
        active = (
            key
            for key in self.keys.values()
            if key.purpose is purpose and key.private and key.state(now) is KeyState.ACTIVE
        )
        return max(active, key=lambda key: (key.not_before, key.kid), default=None)

    def jwks(self, now: int) -> dict[str, list[dict[str, str]]]:
        """Return the JWK Set (RFC 7517 section 5) of the token keys that are not retired."""
        return {
            "keys": [
                _public_members(key.public) | {"use": "sig", "alg": ALGORITHM, "kid": key.kid}
                for key in sorted(self.keys.values(), key=lambda key: (key.not_before, key.kid))
                if key.purpose is Purpose.TOKEN and key.state(now) is not KeyState.RETIRED
            ]
        }
