"""Who can log in, and people as administrators see them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sidecar.core.session import Session
from sidecar.core.user import User
from sidecar.ports.revocations import Entry


@dataclass(frozen=True, slots=True)
class Account:
    """A user with what a login needs; `epoch` is everyone's and the user's, read with them."""

    user: User
    password_hash: str = field(repr=False)
    epoch: tuple[int, int]


@dataclass(frozen=True, slots=True)
class UserChange:
    """What is to be different about a user.

    None leaves a field as it is; an empty `email` or `name` clears it.
    """

    username: str | None = None
    email: str | None = None
    name: str | None = None
    roles: tuple[str, ...] | None = None
    disabled: bool | None = None
    password_hash: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class SessionBound:
    """How many living sessions one user may have: with the next one the oldest end.

    A session that nobody refreshed for `refresh_ttl` seconds does not count: it is over. What ends
    is refused until `keep_after` seconds behind its last token.
    """

    most: int
    refresh_ttl: int
    keep_after: int


class AccountStore(Protocol):
    """Who can log in."""

    async def find_account(self, username: str) -> Account | None:
        """Return the account of this canonical username, also a disabled one."""
        ...

    async def add_session(
        self, session: Session, epoch: tuple[int, int], bound: SessionBound
    ) -> tuple[Entry, ...] | None:
        """Keep a new session and return the ends of those that it is too many for.

        None, and nothing happens, if the user is gone or disabled, or either epoch has moved.
        """
        ...


class UserStore(Protocol):
    """People, for those who administer them."""

    async def add_user(self, user: User, password_hash: str) -> None:
        """Keep a new user. Raises NameTaken."""
        ...

    async def add_first_user(self, user: User, password_hash: str) -> bool:
        """Keep the first user; False where there is any, also when two processes try at once."""
        ...

    async def list_users(self) -> Sequence[User]:
        """Return all users by username."""
        ...

    async def read_users(self, after: str, limit: int) -> Sequence[User]:
        """Return the first `limit` users by username that come behind `after`."""
        ...

    async def change_user(
        self, username: str, change: UserChange, *, admin_role: str, now: int, keep_after: int
    ) -> tuple[User, tuple[Entry, ...]]:
        """Change a user and move their epoch.

        A new password or `disabled` also ends their sessions and personal tokens. A change that
        changes nothing moves no epoch. Raises NotFound, NameTaken, and LastAdministrator where no
        enabled user with `admin_role` would be left who was there before.
        """
        ...

    async def remove_user(
        self, username: str, *, admin_role: str, now: int, keep_after: int
    ) -> tuple[Entry, ...]:
        """Remove a user with their sessions and tokens. Raises NotFound, LastAdministrator."""
        ...
