"""The key ring: which key signs, which are published, which are over, as their dates say."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, assert_never

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from sidecar.core.encoding import to_base64url

SMALLEST_RSA_BITS: Final = 2048  # RFC 7518 section 3.3
LARGEST_RSA_BITS: Final = 8192  # one verification grows with the square of the size
COORDINATE_OCTETS: Final = 32  # of a point on P-256 (RFC 7518 section 6.2.1.2)

FOREVER: Final = 1 << 62  # Unix seconds

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey
PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey


class Algorithm(StrEnum):
    """How a key signs (RFC 7518 section 3.1, RFC 8037 section 3.1): its type alone says."""

    RS256 = "RS256"
    ES256 = "ES256"
    EDDSA = "EdDSA"


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
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class KeyDates:
    """What a key is for, and when (Unix seconds)."""

    purpose: Purpose
    not_before: int
    sign_until: int
    publish_until: int


@dataclass(frozen=True, slots=True)
class Key:
    """A key pair with its dates (Unix seconds); `private` is None where only its half is known.

    Raises ValueError for a key with which nothing is signed here.
    """

    kid: str
    purpose: Purpose
    public: PublicKey
    private: PrivateKey | None = field(repr=False)
    not_before: int
    sign_until: int
    publish_until: int
    revoked: bool = False
    alg: Algorithm = field(init=False)

    def __post_init__(self) -> None:
        alg = find_algorithm(self.public)
        if alg is None:
            raise ValueError(f"key {self.kid} has no algorithm")
        object.__setattr__(self, "alg", alg)

    @property
    def dates(self) -> KeyDates:
        """The dates alone."""
        return KeyDates(self.purpose, self.not_before, self.sign_until, self.publish_until)

    def state(self, now: int) -> KeyState:
        """Return the state at `now`; each date is the first second of the next state."""
        if self.revoked:
            return KeyState.REVOKED
        if now < self.not_before:
            return KeyState.NEXT
        if now < self.sign_until:
            return KeyState.ACTIVE
        if now < self.publish_until:
            return KeyState.RETIRING
        return KeyState.RETIRED

    def next_change(self, now: int) -> int:
        """Return the first second after `now` at which the state is another one; never: FOREVER."""
        if now < self.not_before:
            return self.not_before
        if now < self.sign_until:
            return self.sign_until
        return self.publish_until if now < self.publish_until else FOREVER


def find_algorithm(public: object) -> Algorithm | None:
    """Return how the private half of a key signs; None for a type or size that is not taken."""
    match public:
        case RSAPublicKey() if SMALLEST_RSA_BITS <= public.key_size <= LARGEST_RSA_BITS:
            return Algorithm.RS256
        case EllipticCurvePublicKey() if isinstance(public.curve, SECP256R1):
            return Algorithm.ES256
        case Ed25519PublicKey():
            return Algorithm.EDDSA
        case _:
            return None


def thumbprint(public: PublicKey) -> str:
    """Return the RFC 7638 thumbprint of a key, base64url: its `kid`."""
    canonical = json.dumps(_public_members(public), sort_keys=True, separators=(",", ":"))
    return to_base64url(hashlib.sha256(canonical.encode("ascii")).digest())


def _public_members(public: PublicKey) -> dict[str, str]:
    """Return the members that RFC 7638 section 3.2 and RFC 8037 section 2 ask for."""
    match public:
        case RSAPublicKey():
            rsa = public.public_numbers()
            return {"e": _integer(rsa.e), "kty": "RSA", "n": _integer(rsa.n)}
        case EllipticCurvePublicKey():
            point = public.public_numbers()
            x, y = (to_base64url(each.to_bytes(COORDINATE_OCTETS)) for each in (point.x, point.y))
            return {"crv": "P-256", "kty": "EC", "x": x, "y": y}
        case Ed25519PublicKey():
            return {"crv": "Ed25519", "kty": "OKP", "x": to_base64url(public.public_bytes_raw())}
        case _:
            assert_never(public)


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

    def revoking(self, revokes: Callable[[str], bool]) -> "KeyRing":
        """Return this ring, in which each key is revoked too of whose `kid` `revokes` says so."""
        if not any(map(revokes, self.keys)):
            return self
        return KeyRing.of(
            replace(key, revoked=key.revoked or revokes(key.kid)) for key in self.keys.values()
        )

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

    def find_published(self, now: int) -> list[Key]:
        """Return the token keys that are neither retired nor revoked, the oldest first."""
        return [
            key
            for key in sorted(self.keys.values(), key=lambda key: (key.not_before, key.kid))
            if key.purpose is Purpose.TOKEN
            and key.state(now) not in {KeyState.RETIRED, KeyState.REVOKED}
        ]

    def jwks(self, now: int) -> dict[str, list[dict[str, str]]]:
        """Return the JWK Set (RFC 7517 section 5) of the keys that are published at `now`."""
        return {
            "keys": [
                _public_members(key.public) | {"use": "sig", "alg": key.alg.value, "kid": key.kid}
                for key in self.find_published(now)
            ]
        }
