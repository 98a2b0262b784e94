"""Tokens, sealed and opened: the only file that speaks JOSE.

`open_token` answers the question "did this ring seal this, for us?", and what it opens may be
cached: nothing in it depends on the time. Expiry, the state of the key and revocation are judged on
every request, by core/verify.py.

What PyJWT lets pass (an `exp` as text, duplicate members, padding, foreign header members) is
refused here; the signature itself is PyJWT's to check. Ahead of it stands what is cheaper; behind
it the claims, so that a stranger's JSON is never parsed but for one short header. Of the claims the
end alone is looked at before, as text: what is over by its own word is refused unopened
(docs/decisions/0029).
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, NoReturn

import jwt

from sidecar.core.cache import BoundedCache
from sidecar.core.claims import (
    GATE,
    Claims,
    TokenKind,
    claims_members,
    judge_life,
    parse_claims,
)
from sidecar.core.encoding import from_base64url
from sidecar.core.keyring import Algorithm, Key, KeyRing, PrivateKey, Purpose
from sidecar.core.principal import Principal
from sidecar.core.spelled import read_spelled
from sidecar.core.verdict import Deny, Reason

LONGEST_TOKEN: Final = (
    16_384  # characters: 4 kB of roles and 4 kB of scopes, base64, and room for the rest
)
LONGEST_HEADER: Final = 512  # characters of the first part
LONGEST_SIGNATURE: Final = 1366  # characters: RSA with 8192 bits
SEGMENTS: Final = 3
REMEMBERED: Final = 32  # headers, twice over: rings have a few keys
HEADER_MEMBERS: Final = frozenset({"alg", "typ", "kid"})
PURPOSES: Final = {
    TokenKind.ACCESS: Purpose.TOKEN,
    TokenKind.SESSION: Purpose.COOKIE,
    TokenKind.ASSERTION: Purpose.TOKEN,
}

OVER: Final = Deny(Reason.EXPIRED)  # a token that is refused unopened

_JWS: Final = jwt.PyJWS()
_ALGORITHMS: Final[Mapping[Algorithm, jwt.algorithms.Algorithm]] = {
    each: jwt.get_algorithm_by_name(each.value) for each in Algorithm
}
_PROOF: Final = b"one pair"
# The member as `seal_token` spells it; within a text its quotes would be escaped.
_END: Final = re.compile(rb'"exp":([0-9]{1,15})[,}]')


@dataclass(slots=True)
class VerifiedToken:
    """A token that this ring sealed, of the kind asked for, for this issuer and audience.

    `kid` is None where no key sealed it: what the store vouched for (core/personal.py). No part of
    what it says is what was last found of it: that it is good by `good_by`, None before that, and
    the state `good_in` of the view, from `good_since` until `good_until`, in Unix seconds; the
    latter is the first at which another look is needed.
    """

    kind: TokenKind
    kid: str | None
    claims: Claims
    principal: Principal = field(init=False)
    good_by: KeyRing | None = field(init=False, default=None, repr=False, compare=False)
    good_in: object = field(init=False, default=None, repr=False, compare=False)
    good_since: int = field(init=False, default=0, repr=False, compare=False)
    good_until: int = field(init=False, default=0, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.principal = Principal.of(self.claims)


class _Header(NamedTuple):
    """The three members of a header, of whatever type; nothing is verified."""

    alg: object
    typ: object
    kid: object


class _NotStrictError(ValueError):
    """JSON that two readers could read differently."""


def seal_token(claims: Claims, kind: TokenKind, key: Key) -> str:
    """Return these claims sealed by `key`, in the compact serialisation (RFC 7515 section 7.1)."""
    if key.private is None or key.purpose is not PURPOSES[kind]:
        raise ValueError(f"key {key.kid} does not seal {kind.value}")
    payload = json.dumps(claims_members(claims, kind), separators=(",", ":"), ensure_ascii=False)
    header = {"typ": kind.value, "kid": key.kid}
    return _JWS.encode(payload.encode(), key.private, algorithm=key.alg.value, headers=header)


def is_pair(private: PrivateKey, alg: Algorithm) -> bool:
    """Say whether what a private key signs is verified by its own public half."""
    algorithm = _ALGORITHMS[alg]
    try:
        return bool(algorithm.verify(_PROOF, private.public_key(), algorithm.sign(_PROOF, private)))
    except ValueError:  # its numbers do not even fit together
        return False


def open_token(
    text: str,
    kind: TokenKind,
    ring: KeyRing,
    *,
    issuer: str,
    audience: Sequence[str] | None,
    now: int | None = None,
) -> VerifiedToken | Deny:
    """Return what `text` says if `ring` sealed it as a token of `kind`.

    `issuer` is the one that it must name, `audience` the names of which it must bear one. None is
    for what lets nobody in: to tell of a token, or to take it away, whomever it is for. What is
    over by its own word at `now` (Unix seconds) is refused unopened; None opens that too.
    """
    # 1. Bounds, three parts of canonical base64url (RFC 7515 section 5.2, steps 1 and 2), and a
    # header of exactly three members (section 4).
    parts = _parse_parts(text)
    if isinstance(parts, Deny):
        return parts
    header, payload, signature = parts

    # 2. The key: none of the three is a choice.
    key = _find_key(header, kind, ring)
    if isinstance(key, Deny):
        return key

    # 3. Its end, where it matters: a signature takes longer than all of this together.
    if now is not None and (end := _END.search(payload)) is not None and now >= int(end[1]):
        return OVER

    # 4. The signature (RFC 7515 section 5.2, step 8).
    signed = text.rpartition(".")[0].encode("ascii")
    if not _ALGORITHMS[key.alg].verify(signed, key.public, signature):
        return Deny(Reason.BAD_SIGNATURE)

    # 5. The claims: shapes and bounds (RFC 7519 section 4.1), then whose they are and for whom.
    claims = _read_claims(payload, kind)
    if isinstance(claims, Deny):
        return claims
    if claims.iss != issuer:
        return Deny(Reason.ISSUER)
    if audience is not None and not any(name in claims.aud for name in audience):
        return Deny(Reason.AUDIENCE)  # also where we have no audience at all
    return VerifiedToken(kind, key.kid, claims)


def _parse_parts(text: str) -> tuple[_Header, bytes, bytes] | Deny:
    if len(text) > LONGEST_TOKEN:
        return Deny(Reason.TOKEN_TOO_LONG)
    parts = text.split(".", SEGMENTS)
    if len(parts) != SEGMENTS or not all(parts):
        return Deny(Reason.TOKEN_MALFORMED)
    first, second, third = parts
    if len(first) > LONGEST_HEADER or len(third) > LONGEST_SIGNATURE:
        return Deny(Reason.TOKEN_TOO_LONG)
    payload, signature = from_base64url(second), from_base64url(third)
    if payload is None or signature is None:
        return Deny(Reason.TOKEN_MALFORMED)
    header = _HEADERS.get(first) or _read_header(first)
    return header if isinstance(header, Deny) else (header, payload, signature)


def _read_header(text: str) -> _Header | Deny:
    octets = from_base64url(text)
    members = None if octets is None else _parse_object(octets)
    if members is None:
        return Deny(Reason.TOKEN_MALFORMED)
    if members.keys() != HEADER_MEMBERS:
        return Deny(Reason.TOKEN_HEADER)
    header = _Header(members["alg"], members["typ"], members["kid"])
    _HEADERS.put(text, header)
    return header


def _find_key(header: _Header, kind: TokenKind, ring: KeyRing) -> Key | Deny:
    if header.typ != kind.value:
        return Deny(Reason.TOKEN_TYPE)
    kid = header.kid
    key = ring.find(kid) if type(kid) is str else None
    if key is None:
        return Deny(Reason.UNKNOWN_KEY)
    if header.alg != key.alg:  # pinned to the key, never the token's choice (RFC 8725 3.1)
        return Deny(Reason.TOKEN_ALGORITHM)
    return key if key.purpose is PURPOSES[kind] else Deny(Reason.KEY_PURPOSE)


def _read_claims(payload: bytes, kind: TokenKind) -> Claims | Deny:
    spelled = read_spelled(payload) if kind in GATE else None
    if spelled is not None:
        return judge_life(spelled, kind)
    members = _parse_object(payload)
    return Deny(Reason.TOKEN_MALFORMED) if members is None else parse_claims(members, kind)


def _parse_object(octets: bytes) -> dict[str, object] | None:
    """Return the members of a JSON object in UTF-8, or None for what readers disagree about."""
    try:
        value = _JSON.decode(octets.decode("utf-8"))
    except (ValueError, RecursionError):  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        return None
    return value if type(value) is dict else None


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _NotStrictError("a member stands twice")
    return members


def _refuse(constant: str) -> NoReturn:
    raise _NotStrictError(f"{constant} is not JSON")


# What was read of a header, by its whole text: all tokens of a key have the same one.
_HEADERS: Final[BoundedCache[str, _Header]] = BoundedCache(REMEMBERED)
_JSON: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse)
