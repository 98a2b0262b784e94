"""Who can log in, and people as administrators see them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sidecar.core.audit import Author
from sidecar.core.session import Session
from sidecar.core.user import User
from sidecar.core.verdict import Deny
from sidecar.ports.factors import Factor, Proof
from sidecar.ports.revocations import Entry


@dataclass(frozen=True, slots=True)
class Account:
    """A user with what a login needs; `epoch` is everyone's and the user's, read with them.

    `factor` is the second factor that they have confirmed, as `find_account` reads it.
    """

    user: User
    password_hash: str = field(repr=False)
    epoch: tuple[int, int]
    factor: Factor | None = None


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

    async def replace_hash(self, user_id: str, before: str, after: str) -> None:
        """Keep another hash of the same password, and move no epoch.

        Nothing happens where the hash is not `before` any more: the password is another.
        """
        ...

    async def add_session(
        self,
        session: Session,
        epoch: tuple[int, int],
        bound: SessionBound,
        proof: Proof | None = None,
    ) -> tuple[Entry, ...] | Deny | None:
        """Keep a new session and return the ends of those that it is too many for.

        `proof` is that of the second factor, which is spent with it; None: the user has none. None,
        and nothing happens, if the user is gone or disabled, has a second factor since, or either
        epoch has moved; OTP_INVALID, and nothing happens, if the proof is spent or was never one.
        """
        ...


@dataclass(frozen=True, slots=True)
class ChangeRules:
    """What holds for every change of people.

    `admin_role` is the role of those of whom one stays enabled. What a change takes away is refused
    until `keep_after` seconds behind its last token.
    """

    admin_role: str
    keep_after: int


class UserStore(Protocol):
    """People, for those who administer them.

    The version of a user is their epoch. A method that changes something writes what it was before
    and is after, done by an Author, into the audit trail. With `seen` the version has to be that
    one, else VersionMismatch is raised; None has seen none.
    """

    async def add_user(self, user: User, password_hash: str, by: Author) -> None:
        """Keep a new user. Raises NameTaken."""
        ...

    async def add_first_user(self, user: User, password_hash: str, by: Author) -> bool:
        """Keep the first user; False where there is any, also when two processes try at once."""
        ...

    async def find_user(self, user_id: str) -> tuple[User, int] | None:
        """Return a user and their version."""
        ...

    async def find_users(self, user_ids: Collection[str]) -> Sequence[User]:
        """Return those of these users who are there, in any order, by one read."""
        ...

    async def list_users(self) -> Sequence[User]:
        """Return all users by username."""
        ...

    async def read_users(self, after: str, limit: int, q: str = "") -> Sequence[User]:
        """Return the first `limit` users by username that come behind `after`.

        `q` is a part of their username, name or e-mail, in any case; empty: of everybody's.
        """
        ...

    async def change_user(
        self,
        user_id: str,
        change: UserChange,
        by: Author,
        now: int,
        *,
        seen: int | None,
        rules: ChangeRules,
    ) -> tuple[User, int, tuple[Entry, ...]]:
        """Change a user, move their epoch, and return them with their version.

        A new password or `disabled` also ends their sessions and personal tokens. A change that
        changes nothing moves no epoch. Raises NotFound, NameTaken, VersionMismatch, and
        LastAdministrator where no enabled user with the role would be left who was there before.
        """
        ...

    async def remove_user(
        self, user_id: str, by: Author, now: int, *, seen: int | None, rules: ChangeRules
    ) -> tuple[Entry, ...]:
        """Remove a user with their sessions and tokens.

        Raises NotFound, VersionMismatch, LastAdministrator.
        """
        ...


class OwnPasswordStore(Protocol):
    """The password that somebody changes by themselves."""

    async def change_own_password(
        self,
        account: Account,
        password_hash: str,
        by: Author,
        kept: Session,
        successor: Session,
        *,
        keep_after: int,
    ) -> tuple[Entry, ...] | None:
        """Give `account` this hash, and end all that was theirs but the session `kept`.

        That one becomes its `successor`, at whose `used_at` it happens; tokens with the next epoch
        may have been sealed for it already. A successor with another `sid` ends the old one. None,
        and nothing happens, where the account or the session is not as it was seen.
        """
        ...
