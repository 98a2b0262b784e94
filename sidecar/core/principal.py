"""Who asks, as rules look at them."""

from dataclasses import dataclass

from sidecar.core.claims import Claims


@dataclass(frozen=True, slots=True)
class Principal:
    """A person, or a program, which has no username, no `auth_time` and no `amr`.

    `auth_time` is when the person proved who they are, in Unix seconds.
    """

    username: str | None
    roles: frozenset[str]
    scopes: frozenset[str]
    amr: frozenset[str]
    auth_time: int | None

    @classmethod
    def of(cls, claims: Claims) -> "Principal":
        """Return whom a token is about."""
        return cls(
            username=claims.preferred_username,
            roles=frozenset(claims.roles),
            scopes=frozenset(claims.scope.split()),
            amr=frozenset(claims.amr or ()),
            auth_time=claims.auth_time,
        )
