"""Who asks, as rules look at them."""

from functools import lru_cache
from typing import Final, NamedTuple

from sidecar.core.claims import Claims

# Different sets of roles, of scopes and of ways to log in; they have 4 kB at most.
REMEMBERED: Final = 256


class Principal(NamedTuple):
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
            claims.preferred_username,
            _share(claims.roles),
            _share_words(claims.scope),
            _share(claims.amr or ()),
            claims.auth_time,
        )


@lru_cache(maxsize=REMEMBERED)
def _share(names: tuple[str, ...]) -> frozenset[str]:
    """Return one set for all who have the same: each is a tenth of what a token takes that is kept.

    Only what a key of ours has signed comes here.
    """
    return frozenset(names)


@lru_cache(maxsize=REMEMBERED)
def _share_words(text: str) -> frozenset[str]:
    return frozenset(text.split())
