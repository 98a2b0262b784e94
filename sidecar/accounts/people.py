"""Create, read, change and remove people."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sidecar.core.audit import SERVICE, Author
from sidecar.core.user import User
from sidecar.credentials.passwords import PasswordHasher
from sidecar.errors import NotFound
from sidecar.ports import AccountStore, ChangeRules, Entry, UserChange, UserStore

USER_ID_OCTETS: Final = 16
GENERATED_PASSWORD_OCTETS: Final = 18  # 144 bits, 24 characters
PAGE: Final = 500  # users; about half a megabyte


@dataclass(frozen=True, slots=True)
class NewUser:
    """Somebody to be; every field is already in its canonical form."""

    username: str
    email: str | None = None
    name: str | None = None
    roles: tuple[str, ...] = ()


class Accounts:
    """The people of this deployment; `publish` makes the revocations of a change hold.

    A user's version is a number that every change moves. `seen` is that of what the caller has
    read, None where any will do; with another one a change raises VersionMismatch. `by` is who
    stands in the audit trail.
    """

    def __init__(
        self,
        users: UserStore,
        accounts: AccountStore,
        passwords: PasswordHasher,
        publish: Callable[[Sequence[Entry]], Awaitable[None]],
        *,
        admin_role: str,
        keep_after: int,
    ) -> None:
        self._users = users
        self._accounts = accounts
        self._passwords = passwords
        self._publish = publish
        self._rules = ChangeRules(admin_role, keep_after)

    async def add(self, new: NewUser, password: str, by: Author, now: int) -> User:
        """Add a user, whose version is 0. Raises NameTaken."""
        user = _make_user(new, now)
        await self._users.add_user(user, await self._passwords.hash(password), by)
        return user

    async def add_first_administrator(self, new: NewUser, password: str, now: int) -> User | None:
        """Add the administrator of a deployment that has no user yet; None where there is any."""
        if await self._users.read_users("", 1):
            return None
        user = _make_user(replace(new, roles=(self._rules.admin_role,)), now)
        password_hash = await self._passwords.hash(password)
        made = await self._users.add_first_user(user, password_hash, Author(SERVICE))
        return user if made else None

    async def list(self) -> Sequence[User]:
        """Return all users by username."""
        return await self._users.list_users()

    async def read(self, after: str, limit: int, q: str = "") -> Sequence[User]:
        """Return the first `limit` users by username that come behind the username `after`.

        `q` is a part of their username, name or e-mail, in any case; empty: of everybody's.
        """
        return await self._users.read_users(after, limit, q)

    async def walk(self) -> AsyncIterator[User]:
        """Yield all users by username; a page of them is in memory."""
        page = await self._users.read_users("", PAGE)
        while page:
            for user in page:
                yield user
            page = await self._users.read_users(page[-1].username, PAGE)

    async def find(self, user_id: str) -> tuple[User, int]:
        """Return one user and their version. Raises NotFound."""
        found = await self._users.find_user(user_id)
        if found is None:
            raise NotFound(f"there is no user with the id {user_id!r}")
        return found

    async def find_names(self, user_ids: Collection[str]) -> dict[str, str]:
        """Return the usernames of those of these users who are there, by id."""
        found = await self._users.find_users(user_ids) if user_ids else ()
        return {user.id: user.username for user in found}

    async def show(self, username: str) -> User:
        """Return one user by canonical username. Raises NotFound."""
        account = await self._accounts.find_account(username)
        if account is None:
            raise NotFound(f"there is no user {username!r}")
        return account.user

    async def change(
        self,
        user_id: str,
        change: UserChange,
        by: Author,
        now: int,
        *,
        seen: int | None,
        password: str | None = None,
    ) -> tuple[User, int]:
        """Change a user; return them and their version.

        With `password` they are given another, which ends their sessions, as disabling does. Raises
        NotFound, NameTaken, VersionMismatch, LastAdministrator.
        """
        if password is not None:
            change = replace(change, password_hash=await self._passwords.hash(password))
        user, version, entries = await self._users.change_user(
            user_id, change, by, now, seen=seen, rules=self._rules
        )
        await self._publish(entries)
        return user, version

    async def set_password(self, user_id: str, password: str, by: Author, now: int) -> User:
        """Give a user another password, which ends their sessions. Raises NotFound."""
        return (await self.change(user_id, UserChange(), by, now, seen=None, password=password))[0]

    async def remove(self, user_id: str, by: Author, now: int, *, seen: int | None) -> None:
        """Remove a user and end their sessions.

        Raises NotFound, VersionMismatch, LastAdministrator.
        """
        entries = await self._users.remove_user(user_id, by, now, seen=seen, rules=self._rules)
        await self._publish(entries)


def generate_password() -> str:
    """Return a password that nobody guesses."""
    return secrets.token_urlsafe(GENERATED_PASSWORD_OCTETS)


def _make_user(new: NewUser, now: int) -> User:
    return User(
        id=secrets.token_urlsafe(USER_ID_OCTETS),
        username=new.username,
        email=new.email,
        name=new.name,
        roles=new.roles,
        disabled=False,
        created_at=now,
        updated_at=now,
    )
