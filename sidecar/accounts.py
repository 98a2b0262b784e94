"""Create, read, change and remove people."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sidecar.core.user import User
from sidecar.credentials.passwords import PasswordHasher
from sidecar.errors import NotFound
from sidecar.ports import AccountStore, Entry, UserChange, UserStore

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
    """The people of this deployment; `publish` makes the revocations of a change hold."""

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
        self._admin_role = admin_role
        self._keep_after = keep_after

    async def add(self, new: NewUser, password: str, now: int) -> User:
        """Add a user. Raises NameTaken."""
        user = _make_user(new, now)
        await self._users.add_user(user, await self._passwords.hash(password))
        return user

    async def add_first_administrator(self, new: NewUser, password: str, now: int) -> User | None:
        """Add the administrator of a deployment that has no user yet; None where there is any."""
        if await self._users.list_users():
            return None
        user = _make_user(replace(new, roles=(self._admin_role,)), now)
        made = await self._users.add_first_user(user, await self._passwords.hash(password))
        return user if made else None

    async def list(self) -> Sequence[User]:
        """Return all users by username."""
        return await self._users.list_users()

    async def walk(self) -> AsyncIterator[User]:
        """Yield all users by username; a page of them is in memory."""
        page = await self._users.read_users("", PAGE)
        while page:
            for user in page:
                yield user
            page = await self._users.read_users(page[-1].username, PAGE)

    async def show(self, username: str) -> User:
        """Return one user by canonical username. Raises NotFound."""
        account = await self._accounts.find_account(username)
        if account is None:
            raise NotFound(f"there is no user {username!r}")
        return account.user

    async def change(self, username: str, change: UserChange, now: int) -> User:
        """Change a user. Raises NotFound, NameTaken, LastAdministrator."""
        user, entries = await self._users.change_user(
            username,
            change,
            admin_role=self._admin_role,
            now=now,
            keep_after=self._keep_after,
        )
        await self._publish(entries)
        return user

    async def set_password(self, username: str, password: str, now: int) -> User:
        """Give a user a new password, which ends their sessions. Raises NotFound."""
        change = UserChange(password_hash=await self._passwords.hash(password))
        return await self.change(username, change, now)

    async def remove(self, username: str, now: int) -> None:
        """Remove a user and end their sessions. Raises NotFound, LastAdministrator."""
        entries = await self._users.remove_user(
            username, admin_role=self._admin_role, now=now, keep_after=self._keep_after
        )
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
