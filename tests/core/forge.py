"""A workshop for good tokens and for forged ones whose only fault is the named one.

It signs any octets as header and payload with the ring's own keys, past `seal_token`.
"""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from sidecar.core.claims import Claims, TokenKind
from sidecar.core.keyring import Algorithm, Key, KeyRing, PrivateKey, Purpose, thumbprint
from sidecar.core.token import PURPOSES, VerifiedToken, open_token
from sidecar.core.verdict import Deny, Reason

NOW: Final = 1_800_000_000
ISSUER: Final = "https://auth.example.com"
HOST: Final = "app.example.com"
AUDIENCES: Final[Mapping[TokenKind, tuple[str, ...]]] = {
    TokenKind.ACCESS: ("api",),
    TokenKind.SESSION: (ISSUER,),
    TokenKind.ASSERTION: (HOST,),
}
ABSENT: Final = object()


def base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def to_json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def generate_key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


def generate(alg: Algorithm) -> PrivateKey:
    match alg:
        case Algorithm.RS256:
            return generate_key()
        case Algorithm.ES256:
            return ec.generate_private_key(ec.SECP256R1())
        case Algorithm.EDDSA:
            return Ed25519PrivateKey.generate()


def make_key(private: PrivateKey, purpose: Purpose, begin: int = NOW - 1000) -> Key:
    """Return a key that signs from `begin` for 2000 s and is published for 1000 s more."""
    return Key(
        kid=thumbprint(private.public_key()),
        purpose=purpose,
        public=private.public_key(),
        private=private,
        not_before=begin,
        sign_until=begin + 2000,
        publish_until=begin + 3000,
    )


def make_claims(kind: TokenKind = TokenKind.ACCESS) -> Claims:
    of_gate = kind is not TokenKind.ASSERTION
    return Claims(
        iss=ISSUER,
        sub="u-1",
        aud=AUDIENCES[kind],
        exp=NOW + 600,
        iat=NOW,
        nbf=NOW,
        jti="j-1",
        sid="s-1",
        scope="",
        roles=("staff",),
        preferred_username="alice",
        auth_time=NOW,
        amr=("pwd",),
        epoch=(3, 5) if of_gate else (0, 0),
        client_id="sidecar" if of_gate else "",
        email="alice@example.com",
        name="Alice",
    )


def make_program_claims(kind: TokenKind = TokenKind.ACCESS) -> Claims:
    of_gate = kind is not TokenKind.ASSERTION
    return Claims(
        iss=ISSUER,
        sub="c-1",
        aud=AUDIENCES[kind],
        exp=NOW + 600,
        iat=NOW,
        nbf=NOW,
        jti="j-2",
        scope="orders:read",
        roles=(),
        epoch=(3, 5) if of_gate else (0, 0),
        client_id="c-1" if of_gate else "",
    )


@dataclass(frozen=True, slots=True)
class Draft:
    """The parts of a good token, before they are signed; `foreign` is a key outside the ring."""

    kind: TokenKind
    header: dict[str, object]
    members: dict[str, object]
    key: Key
    other_purpose: Key
    foreign: PrivateKey

    def text(self) -> str:
        return self.signed(to_json(self.header), to_json(self.members))

    def signed(self, header: bytes, payload: bytes) -> str:
        """Return a token of exactly these octets, signed by the right key."""
        signed = f"{base64url(header)}.{base64url(payload)}"
        assert self.key.private is not None
        return f"{signed}.{base64url(sign(self.key.private, signed))}"

    def with_header(self, **changes: object) -> "Draft":
        return replace(self, header=_changed(self.header, changes))

    def with_members(self, **changes: object) -> "Draft":
        return replace(self, members=_changed(self.members, changes))


def _changed(members: dict[str, object], changes: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in (members | changes).items() if value is not ABSENT}


def sign(private: PrivateKey, signed: str) -> bytes:
    """Sign as the type of the key has it (RFC 7518 section 3, RFC 8037 section 3.1)."""
    match private:
        case RSAPrivateKey():
            return private.sign(signed.encode(), padding.PKCS1v15(), SHA256())
        case EllipticCurvePrivateKey():
            pair = decode_dss_signature(private.sign(signed.encode(), ECDSA(SHA256())))
            return b"".join(number.to_bytes(32) for number in pair)
        case Ed25519PrivateKey():
            return private.sign(signed.encode())


@dataclass(frozen=True, slots=True)
class Workshop:
    """A ring of one token key and one cookie key, and a key of nobody's."""

    token_key: Key
    cookie_key: Key
    foreign: PrivateKey

    @property
    def ring(self) -> KeyRing:
        return KeyRing.of([self.token_key, self.cookie_key])

    def key(self, purpose: Purpose) -> Key:
        return self.token_key if purpose is Purpose.TOKEN else self.cookie_key

    def draft(self, kind: TokenKind, claims: Claims | None = None) -> Draft:
        """Return the draft of a token with these claims, a person's where none are given."""
        claims = claims or make_claims(kind)
        members: dict[str, object] = {
            name: list(value) if isinstance(value, tuple) else value
            for name in Claims._fields
            if (value := getattr(claims, name)) is not None
        }
        if kind is TokenKind.ASSERTION:
            del members["epoch"], members["client_id"]
        key = self.key(PURPOSES[kind])
        other = self.cookie_key if key is self.token_key else self.token_key
        header: dict[str, object] = {"alg": key.alg.value, "typ": kind.value, "kid": key.kid}
        return Draft(kind, header, members, key, other, self.foreign)

    def verified(self, kind: TokenKind = TokenKind.ACCESS, /, **dates: int) -> VerifiedToken:
        """Return an opened token as of `make_claims`, with these dates changed."""
        claims = make_claims(kind)._replace(**dates)  # type: ignore[arg-type]  # only integers
        return VerifiedToken(kind, self.key(PURPOSES[kind]).kid, claims)

    def open(self, text: str, kind: TokenKind) -> VerifiedToken | Deny:
        return open_token(text, kind, self.ring, issuer=ISSUER, audience=AUDIENCES[kind])


Make = Callable[[Draft], str]


class Forgery(NamedTuple):
    """One row: what is wrong, how it is made from a good token, and why it is refused."""

    name: str
    make: Make
    reason: Reason


def header(**changes: object) -> Make:
    """Change header members, and sign that."""
    return lambda good: good.with_header(**changes).text()


def claims(**changes: object) -> Make:
    """Change payload members, and sign that."""
    return lambda good: good.with_members(**changes).text()


def header_octets(change: Callable[[bytes], bytes]) -> Make:
    """Change the header's octets, and sign that."""
    return lambda good: good.signed(change(to_json(good.header)), to_json(good.members))


def payload_octets(change: Callable[[bytes], bytes]) -> Make:
    """Change the payload's octets, and sign that."""
    return lambda good: good.signed(to_json(good.header), change(to_json(good.members)))


def spelling(change: Callable[[str], str]) -> Make:
    """Change the text of a token that was good."""
    return lambda good: change(good.text())


def parts(change: Callable[[str, str, str], str]) -> Make:
    """Put the three parts of a token that was good together in another way."""

    def make(good: Draft) -> str:
        first, second, third = good.text().split(".")
        return change(first, second, third)

    return make
