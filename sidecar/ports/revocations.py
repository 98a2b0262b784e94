"""The log of revocations, and what carries it to every replica."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sidecar.core.revocation import Revocation


@dataclass(frozen=True, slots=True)
class Entry:
    """A revocation with its place in the log; `sequence` grows in the order of the commits."""

    sequence: int
    revocation: Revocation


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


class Announcer(Protocol):
    """Carries revocations to every replica at once."""

    async def announce(self, entries: Sequence[Entry]) -> bool:
        """Announce these; False where the carrier did not take them, which it logs and counts."""
        ...
