"""What a person or a program is given: the claims of their tokens."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from sidecar.core.claims import Claims, TokenKind
from sidecar.core.client import Client
from sidecar.core.session import Session
from sidecar.core.user import User

OWN_CLIENT: Final = "sidecar"  # the `client_id` of what people get at /login
PASSWORD_AMR: Final = ("pwd",)  # RFC 8176 section 2
OTP_AMR: Final = ("pwd", "otp")  # and a code of the second factor, or what stands in for one
FURTHEST_AHEAD: Final = 300  # seconds; as much as tokens.clock_skew may be
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


def narrow_scopes(held: tuple[str, ...], asked: str | None) -> tuple[str, ...] | None:
    """Return those of the scopes somebody has that they ask for (RFC 6749 section 3.3), sorted.

    Who asks for none in particular gets all, who asks for one that they do not have gets None.
    """
    if asked is None:
        return held
    wanted = set(asked.split(" "))
    return tuple(sorted(wanted)) if wanted <= set(held) else None


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
    scopes: Iterable[str] | None = None,
) -> Claims:
    """Return the claims of a token that lives `ttl` seconds, but no longer than its session.

    `scopes` are some of the user's; None: all that their roles give. Where the clock was set back
    since the login, nobody knows how long ago that was: too long for every `max_age`.
    """
    is_known = session.created_at <= now + FURTHEST_AHEAD
    given = find_scopes(user.roles, issuer.role_scopes) if scopes is None else sorted(scopes)
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
        scope=" ".join(given),
        roles=user.roles,
        preferred_username=user.username,
        email=user.email,
        name=user.name,
        auth_time=min(session.created_at, now) if is_known else 0,
        amr=session.amr,
    )


def program_claims(
    issuer: Issuer,
    client: Client,
    epoch: tuple[int, int],
    *,
    scopes: Iterable[str],
    audience: tuple[str, ...],
    jti: str,
    now: int,
    ttl: int,
) -> Claims:
    """Return the claims of a program's access token (RFC 9068 section 2.2): no person's."""
    return Claims(
        iss=issuer.name,
        sub=client.client_id,
        aud=audience,
        exp=now + ttl,
        iat=now,
        nbf=now,
        jti=jti,
        epoch=epoch,
        client_id=client.client_id,
        scope=" ".join(scopes),
        roles=(),
    )


def is_of_login(claims: Claims) -> bool:
    """Say whether somebody logged in for this: no program's, and not made of a personal token."""
    return claims.sid is not None and claims.amr != PERSONAL_AMR


def assertion_claims(claims: Claims, host: str, *, jti: str, now: int, ttl: int) -> Claims:
    """Return the claims of an assertion for the upstream at `host`, from those of a shown token."""
    end = min(now + ttl, claims.exp)
    return claims._replace(aud=(host,), iat=now, nbf=now, exp=end, jti=jti)
