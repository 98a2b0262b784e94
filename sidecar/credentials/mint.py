"""What a session is worth at one moment, sealed: access token, refresh token, cookie."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from sidecar.core.claims import TokenKind
from sidecar.core.grant import Issuer, person_claims
from sidecar.core.keyring import KeyRing, Purpose
from sidecar.core.session import Session, seal_refresh_token
from sidecar.core.token import seal_token
from sidecar.errors import NoVerdict
from sidecar.ports import Account

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
class CookieGrant:
    """What a browser is given; `max_age` is None where it forgets the cookie at its end."""

    cookie: str = field(repr=False)
    expires_in: int
    max_age: int | None
    scope: str


class Mint:
    """Seals what a session is worth at one moment, with the key that signs then."""

    def __init__(
        self, issuer: Issuer, lifetimes: Lifetimes, refresh_key: bytes, ring: Callable[[], KeyRing]
    ) -> None:
        self.lifetimes = lifetimes
        self._issuer = issuer
        self._refresh_key = refresh_key
        self._ring = ring

    def bearer(self, account: Account, session: Session, now: int) -> TokenGrant:
        """Return an access token and the refresh token of the present generation."""
        ttl = self.lifetimes.access
        access_token, scope = self._seal(
            TokenKind.ACCESS, Purpose.TOKEN, account, session, now, ttl
        )
        return TokenGrant(
            access_token=access_token,
            expires_in=min(ttl, session.expires_at - now),
            refresh_token=seal_refresh_token(self._refresh_key, session.sid, session.generation),
            refresh_expires_in=min(session.rotated_at + self.lifetimes.refresh, session.expires_at)
            - now,
            scope=scope,
        )

    def cookie(
        self, account: Account, session: Session, now: int, *, remember: bool
    ) -> CookieGrant:
        """Return the cookie token of a session; it lives as long as the session."""
        ttl = session.expires_at - now
        token, scope = self._seal(TokenKind.SESSION, Purpose.COOKIE, account, session, now, ttl)
        return CookieGrant(
            cookie=token, expires_in=ttl, max_age=ttl if remember else None, scope=scope
        )

    def _seal(
        self,
        kind: TokenKind,
        purpose: Purpose,
        account: Account,
        session: Session,
        now: int,
        ttl: int,
    ) -> tuple[str, str]:
        key = self._ring().find_signing_key(purpose, now)
        if key is None:
            raise NoVerdict("no key of the ring signs at this time")
        claims = person_claims(
            self._issuer,
            kind,
            account.user,
            session,
            account.epoch,
            jti=secrets.token_urlsafe(JTI_OCTETS),
            now=now,
            ttl=ttl,
        )
        return seal_token(claims, kind, key), claims.scope
