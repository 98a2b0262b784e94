"""What a session or a program is worth at one moment, sealed: access and refresh token, cookie."""

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from sidecar.core.claims import Claims, TokenKind
from sidecar.core.encoding import to_base64url
from sidecar.core.grant import Issuer, person_claims, program_claims
from sidecar.core.keyring import KeyRing
from sidecar.core.session import SID_OCTETS, Session, seal_refresh_token
from sidecar.core.token import PURPOSES, seal_token
from sidecar.errors import NoVerdict
from sidecar.ports import Account, ClientAccount

JTI_OCTETS: Final = 16


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long what a login gives lives, in seconds."""

    access: int
    refresh: int
    bearer_session: int
    cookie_session: int
    remembered_session: int


@dataclass(frozen=True, slots=True)
class TokenGrant:
    """What a frontend is given: an access token and, to get the next one, a refresh token."""

    access_token: str = field(repr=False)
    expires_in: int
    refresh_token: str = field(repr=False)
    refresh_expires_in: int
    scope: str


@dataclass(frozen=True, slots=True)
class ProgramGrant:
    """What a program or a script is given; it comes again with its secret or personal token."""

    access_token: str = field(repr=False)
    expires_in: int
    scope: str


@dataclass(frozen=True, slots=True)
class CookieGrant:
    """What a browser is given; `max_age` is None where it forgets the cookie at its end."""

    cookie: str = field(repr=False)
    expires_in: int
    max_age: int | None
    scope: str


class Mint:
    """Seals what a session or a program is worth at one moment, with the key that signs then.

    All raise NoVerdict where none does.
    """

    def __init__(
        self, issuer: Issuer, lifetimes: Lifetimes, refresh_key: bytes, ring: Callable[[], KeyRing]
    ) -> None:
        self.lifetimes = lifetimes
        self._issuer = issuer
        self._refresh_key = refresh_key
        self._ring = ring

    def bearer(
        self, account: Account, session: Session, now: int, scopes: Iterable[str] | None = None
    ) -> TokenGrant:
        """Return an access token and the refresh token of the present generation.

        `scopes` are some of the person's; None: all of them.
        """
        ttl = self.lifetimes.access
        access_token, claims = self._seal_person(
            TokenKind.ACCESS, account, session, now, ttl, scopes
        )
        return TokenGrant(
            access_token=access_token,
            expires_in=claims.exp - now,
            refresh_token=seal_refresh_token(self._refresh_key, session.sid, session.generation),
            refresh_expires_in=min(session.rotated_at + self.lifetimes.refresh, session.expires_at)
            - now,
            scope=claims.scope,
        )

    def cookie(
        self, account: Account, session: Session, now: int, *, remember: bool
    ) -> CookieGrant:
        """Return the cookie token of a session; it lives as long as the session."""
        ttl = session.expires_at - now
        cookie, claims = self._seal_person(TokenKind.SESSION, account, session, now, ttl)
        ttl = claims.exp - now
        return CookieGrant(
            cookie=cookie, expires_in=ttl, max_age=ttl if remember else None, scope=claims.scope
        )

    def cookie_anew(self, account: Account, session: Session, now: int) -> CookieGrant:
        """Return the cookie of a session that goes on; it is remembered where the first one was."""
        life = session.expires_at - session.created_at
        remember = life > self.lifetimes.cookie_session
        return self.cookie(account, session, now, remember=remember)

    def program(
        self, account: ClientAccount, scopes: Iterable[str], audience: tuple[str, ...], now: int
    ) -> ProgramGrant:
        """Return an access token with these of a program's scopes, for these of its audience."""
        claims = program_claims(
            self._issuer,
            account.client,
            account.epoch,
            scopes=scopes,
            audience=audience,
            jti=make_jti(),
            now=now,
            ttl=self.lifetimes.access,
        )
        access_token, claims = self._seal(TokenKind.ACCESS, claims, now)
        return ProgramGrant(access_token, claims.exp - now, claims.scope)

    def personal(
        self, principal: Claims, scopes: Iterable[str], expires_at: int, now: int
    ) -> ProgramGrant:
        """Return an access token for a personal token that ends then, with these of its scopes.

        `principal` says for whom it stands.
        """
        end = min(now + self.lifetimes.access, expires_at)
        claims = principal._replace(
            scope=" ".join(scopes), jti=make_jti(), iat=now, nbf=now, exp=end
        )
        access_token, claims = self._seal(TokenKind.ACCESS, claims, now)
        return ProgramGrant(access_token, claims.exp - now, claims.scope)

    def _seal_person(
        self,
        kind: TokenKind,
        account: Account,
        session: Session,
        now: int,
        ttl: int,
        scopes: Iterable[str] | None = None,
    ) -> tuple[str, Claims]:
        claims = person_claims(
            self._issuer,
            kind,
            account.user,
            session,
            account.epoch,
            jti=make_jti(),
            now=now,
            ttl=ttl,
            scopes=scopes,
        )
        return self._seal(kind, claims, now)

    def _seal(self, kind: TokenKind, claims: Claims, now: int) -> tuple[str, Claims]:
        """Seal claims; they end with their key at the latest, which nobody finds after that."""
        key = self._ring().find_signing_key(PURPOSES[kind], now)
        if key is None:
            raise NoVerdict("no key of the ring signs at this time")
        claims = claims._replace(exp=min(claims.exp, key.publish_until))
        return seal_token(claims, kind, key), claims


def make_sid() -> str:
    """Return a `sid` that no other session has."""
    return to_base64url(secrets.token_bytes(SID_OCTETS))


def make_jti() -> str:
    """Return a `jti` that no other token has."""
    return secrets.token_urlsafe(JTI_OCTETS)
