"""What a person is given at a login or a refresh: the claims of their tokens."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from sidecar.core.claims import Claims, TokenKind
from sidecar.core.session import Session
from sidecar.core.user import User

OWN_CLIENT: Final = "sidecar"  # the `client_id` of what people get at /login
PASSWORD_AMR: Final = ("pwd",)  # RFC 8176 section 2
PERSONAL_AMR: Final = ("pat",)  # a personal token: nobody was there to prove who they are


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who seals, and for whom access tokens are; `name` is the `iss` of every token.

    `role_scopes` has the scopes of who is in a role.
    """

    name: str
    audience: tuple[str, ...]
    role_scopes: Mapping[str, Iterable[str]] = field(default_factory=dict)


def find_scopes(roles: Iterable[str], role_scopes: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Return the scopes of who is in these roles, sorted."""
    return tuple(sorted({scope for role in roles for scope in role_scopes.get(role, ())}))


def person_claims(
    issuer: Issuer,
    kind: TokenKind,
    user: User,
    session: Session,
    epoch: tuple[int, int],
    *,
    jti: str,
    now: int,
    ttl: int,
) -> Claims:
    """Return the claims of a token that lives `ttl` seconds, but no longer than its session."""
    return Claims(
        iss=issuer.name,
        sub=user.id,
        aud=(issuer.name,) if kind is TokenKind.SESSION else issuer.audience,
        exp=min(now + ttl, session.expires_at),
        iat=now,
        nbf=now,
        jti=jti,
        sid=session.sid,
        epoch=epoch,
        client_id=OWN_CLIENT,
        scope=" ".join(find_scopes(user.roles, issuer.role_scopes)),
        roles=user.roles,
        preferred_username=user.username,
        email=user.email,
        name=user.name,
        auth_time=session.created_at,
        amr=session.amr,
    )


def assertion_claims(claims: Claims, host: str, *, jti: str, now: int, ttl: int) -> Claims:
    """Return the claims of an assertion for the upstream at `host`, from those of a shown token."""
    end = min(now + ttl, claims.exp)
    return replace(claims, aud=(host,), iat=now, nbf=now, exp=end, jti=jti)
