"""A personal token: what somebody gives a script of theirs instead of a password.

Its text is `sidecar_pat_` and base64url(id || random || MAC): the prefix is what secret scanners
look for, and what fails the MAC costs no read of the store. The store holds its SHA-256 alone,
which is enough for 160 random bits.
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final, NamedTuple

from sidecar.core.access import is_within
from sidecar.core.addresses import Address, Network
from sidecar.core.claims import DAY, Claims, TokenKind
from sidecar.core.encoding import from_base64url, to_base64url
from sidecar.core.grant import OWN_CLIENT, PERSONAL_AMR, Issuer, find_scopes
from sidecar.core.text import is_plain_text
from sidecar.core.token import VerifiedToken
from sidecar.core.user import User
from sidecar.core.verdict import Deny, Reason
from sidecar.core.verify import Unknown

PREFIX: Final = "sidecar_pat_"
KEY_USE: Final = "personal tokens"  # for which the key is derived that seals them
ID_OCTETS: Final = 12
RANDOM_OCTETS: Final = 20
MAC_OCTETS: Final = 16
TOKEN_OCTETS: Final = ID_OCTETS + RANDOM_OCTETS + MAC_OCTETS
LONGEST_PERSONAL_TOKEN: Final = len(PREFIX) + 64  # characters: 48 octets
LONGEST_TOKEN_NAME: Final = 64
MOST_TOKENS: Final = 100  # of one person: a list of them is one page
MOST_NETWORKS: Final = 32  # of one token
LONGEST_TOKEN_LIFE: Final = 400 * DAY
USUAL_TOKEN_LIFE: Final = 90 * DAY


@dataclass(frozen=True, slots=True)
class PersonalToken:
    """One token of a user; dates are Unix seconds.

    It never has more `scopes` than its owner has today. Without `networks` it is good from
    anywhere. `used_at` is when it was last used, as far as that has been noted.
    """

    id: str
    user_id: str
    name: str
    scopes: tuple[str, ...]
    networks: tuple[Network, ...]
    created_at: int
    expires_at: int
    used_at: int | None = None


class ShownToken(NamedTuple):
    """A personal token that somebody showed: what it is worth, and whose it is where that is known.

    `networks` are where it is good; without any it is so everywhere. `created_at` and `expires_at`
    are its own dates in Unix seconds, where they are known: what stands in for it ends sooner.
    """

    opened: VerifiedToken | Deny | Unknown
    token: VerifiedToken | None = None
    networks: tuple[Network, ...] = ()
    created_at: int = 0
    expires_at: int = 0

    def at(self, address: Address | None) -> "ShownToken":
        """Return what it is worth to who shows it from there; None: it is not known from where."""
        if not self.networks or is_within(address, self.networks):
            return self
        if not isinstance(self.opened, VerifiedToken):
            return self
        return self._replace(opened=Deny(Reason.NETWORK_NOT_ALLOWED))


def is_token_name(text: str) -> bool:
    """Say whether a token can be called so."""
    return 0 < len(text) <= LONGEST_TOKEN_NAME and is_plain_text(text) and text.strip() == text


def is_token_id(text: str) -> bool:
    """Say whether `text` can be the id of a token: 12 octets in base64url."""
    octets = from_base64url(text) if len(text) <= LONGEST_PERSONAL_TOKEN else None
    return octets is not None and len(octets) == ID_OCTETS


def seal_personal_token(key: bytes, id_octets: bytes, random_octets: bytes) -> str:
    """Return the text of a new token; it is shown once and kept nowhere."""
    body = id_octets + random_octets
    if len(id_octets) != ID_OCTETS or len(body) != ID_OCTETS + RANDOM_OCTETS:
        raise ValueError(f"a token has {ID_OCTETS} octets of an id and {RANDOM_OCTETS} random ones")
    return PREFIX + to_base64url(body + _mac(key, body))


def open_personal_token(key: bytes, text: str) -> str | Deny:
    """Return the id of a token that `key` sealed."""
    if len(text) > LONGEST_PERSONAL_TOKEN:
        return Deny(Reason.TOKEN_TOO_LONG)
    octets = from_base64url(text[len(PREFIX) :]) if text.startswith(PREFIX) else None
    if octets is None or len(octets) != TOKEN_OCTETS:
        return Deny(Reason.TOKEN_MALFORMED)
    body, mac = octets[:-MAC_OCTETS], octets[-MAC_OCTETS:]
    if not hmac.compare_digest(mac, _mac(key, body)):
        return Deny(Reason.BAD_SIGNATURE)
    return to_base64url(body[:ID_OCTETS])


def hash_personal_token(text: str) -> str:
    """Return what the store keeps of a token: SHA-256 of its text, in hexadecimal."""
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _mac(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, b"personal\0" + body, hashlib.sha256)[:MAC_OCTETS]


def personal_claims(
    issuer: Issuer,
    token: PersonalToken,
    owner: User,
    epoch: tuple[int, int],
    *,
    jti: str,
    now: int,
    ttl: int,
) -> Claims:
    """Return who a token stands for at `now`: its owner with the rights of today.

    Of the scopes it has those that the owner has too. It lives `ttl` seconds, but no longer than
    the token. Its `sid` is the token's id, by which all that was made of it is taken away.
    """
    owned = find_scopes(owner.roles, issuer.role_scopes)
    return Claims(
        iss=issuer.name,
        sub=owner.id,
        aud=issuer.audience,
        exp=min(now + ttl, token.expires_at),
        iat=now,
        nbf=now,
        jti=jti,
        sid=token.id,
        epoch=epoch,
        client_id=OWN_CLIENT,
        scope=" ".join(scope for scope in owned if scope in token.scopes),
        roles=owner.roles,
        preferred_username=owner.username,
        email=owner.email,
        name=owner.name,
        auth_time=0,  # nobody is there: older than any `max_age` allows
        amr=PERSONAL_AMR,
    )


def stand_in(claims: Claims) -> VerifiedToken:
    """Return what the gate judges in place of a personal token: no key of the ring sealed it."""
    return VerifiedToken(TokenKind.ACCESS, None, claims)
