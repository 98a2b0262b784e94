"""What the use cases need from stores.

Each method is one transaction: a change, the move of an epoch, the revocation and its outbox entry
together. All raise StoreUnavailable where the store did not answer; nothing is half done then.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sidecar.core.keyring import Purpose
from sidecar.core.revocation import Revocation
from sidecar.core.session import Session
from sidecar.core.user import User


@dataclass(frozen=True, slots=True)
class Account:
    """A user with what a login needs; `epoch` is everyone's and the user's, read with them."""

    user: User
    password_hash: str = field(repr=False)
    epoch: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Entry:
    """A revocation with its place in the log; `sequence` grows in the order of the commits."""

    sequence: int
    revocation: Revocation


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
class RingKey:
    """What SQL remembers of a key: its public half (SubjectPublicKeyInfo) and its dates."""

    kid: str
    purpose: Purpose
    public_pem: str
    not_before: int
    sign_until: int
    publish_until: int


class AccountStore(Protocol):
    """Who can log in."""

    async def find_account(self, username: str) -> Account | None:
        """Return the account of this canonical username, also a disabled one."""
        ...

    async def add_session(self, session: Session, epoch: tuple[int, int]) -> bool:
        """Keep a new session; False if the user is gone or disabled, or either epoch has moved."""
        ...


class SessionStore(Protocol):
    """Sessions and the turn of their refresh tokens."""

    async def find_session(self, sid: str) -> tuple[Session, Account] | None:
        """Return a session that has not been ended, with today's account."""
        ...

    async def rotate_session(
        self, sid: str, generation: int, *, rotated_at: int, tokens_until: int
    ) -> bool:
        """Move a living session from this generation to the next, in one compare-and-set.

        False says that no such session was in this generation.
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

        A new password or `disabled` also ends their sessions. A change that changes nothing moves
        no epoch. Raises NotFound, NameTaken, and LastAdministrator where no enabled user with
        `admin_role` would be left who was there before.
        """
        ...

    async def remove_user(
        self, username: str, *, admin_role: str, now: int, keep_after: int
    ) -> tuple[Entry, ...]:
        """Remove a user and end their sessions. Raises NotFound, LastAdministrator."""
        ...


class RevocationStore(Protocol):
    """The log of revocations: the truth that every feed carries."""

    async def revoke_token(self, jti: str, *, forget_at: int) -> tuple[Entry, ...]:
        """Refuse one token until `forget_at`."""
        ...

    async def end_session(self, sid: str, *, forget_at: int, keep_after: int) -> tuple[Entry, ...]:
        """End a session: remove its row, and refuse its tokens until the last of them is over.

        That is `forget_at`, or `keep_after` seconds behind its last token if that is later. The
        caller has `forget_at` from the token that was shown; 0 says that none was. A session that
        is not there is refused until `forget_at`, and not at all where that is 0.
        """
        ...

    async def end_user_sessions(
        self, user_id: str, *, now: int, keep_after: int
    ) -> tuple[Entry, ...]:
        """End all sessions of a user and move their epoch. Raises NotFound."""
        ...

    async def end_all_sessions(self) -> tuple[Entry, ...]:
        """End the sessions of everyone and move the one epoch of all."""
        ...


class FeedStore(Protocol):
    """What the feeds read of the log, and what keeps it short."""

    async def read_entries(self, after: int) -> Sequence[Entry]:
        """Return the entries behind this sequence, in order; none that commits later is missed."""
        ...

    async def purge(self, now: int) -> None:
        """Drop what is over: spent revocations and ended sessions, in small batches."""
        ...


class Outbox(Protocol):
    """Entries that have not been announced yet."""

    async def read_outbox(self) -> Sequence[Entry]:
        """Return what waits, oldest first, in a bounded number."""
        ...

    async def clear_outbox(self, entries: Sequence[Entry]) -> None:
        """Drop these: they have been announced."""
        ...


class RingStore(Protocol):
    """The ring as SQL remembers it, so that replicas and restarts agree about one."""

    async def read_ring(self) -> tuple[Sequence[RingKey], str | None]:
        """Return all keys that were ever in the ring, and the fingerprint of `secret` if known."""
        ...

    async def remember_ring(self, keys: Sequence[RingKey], fingerprint: str) -> None:
        """Add keys that are not known yet; the first fingerprint stays."""
        ...


class Announcer(Protocol):
    """Carries revocations to every replica at once."""

    async def announce(self, entries: Sequence[Entry]) -> bool:
        """Announce these; False where the carrier did not take them, which it logs and counts."""
        ...
