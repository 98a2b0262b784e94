"""The log of revocations, and what carries it to every replica."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sidecar.core.audit import AuditEvent
from sidecar.core.lastuse import Used
from sidecar.core.revocation import Revocation


@dataclass(frozen=True, slots=True)
class Entry:
    """A revocation with its place in the log; `sequence` grows in the order of the commits."""

    sequence: int
    revocation: Revocation


class RevocationStore(Protocol):
    """The log of revocations: the truth that every feed carries."""

    async def revoke_token(self, jti: str, *, forget_at: int) -> tuple[Entry, ...]:
        """Refuse one token until `forget_at`; what refuses it so long already is returned again."""
        ...

    async def end_session(
        self, sid: str, *, forget_at: int, keep_after: int, event: AuditEvent | None = None
    ) -> tuple[Entry, ...]:
        """End a session: remove its row, and refuse its tokens until the last of them is over.

        That is `forget_at`, or `keep_after` seconds behind its last token if that is later. The
        caller has `forget_at` from the token that was shown; 0 says that none was. A session that
        is not there is refused until `forget_at`, and not at all where that is 0. `event` is
        written where it was there.
        """
        ...

    async def end_user_sessions(
        self, user_id: str, event: AuditEvent, *, keep_after: int, personal_tokens: bool
    ) -> tuple[Entry, ...]:
        """End all sessions of a user, move their epoch, and write the event. Raises NotFound.

        Their one-time link goes too. `personal_tokens` says whether these do: they are credentials
        of that person.
        """
        ...

    async def end_all_sessions(self, event: AuditEvent) -> tuple[Entry, ...]:
        """End the sessions and personal tokens of everyone, move the one epoch, write the event.

        All one-time links go too.
        """
        ...

    async def end_idle_sessions(self, *, used_before: int, keep_after: int) -> tuple[Entry, ...]:
        """End some cookie sessions that were last used before; none are left where none is ended.

        Whoever is noted as seen in the same moment stays.
        """
        ...


class FeedStore(Protocol):
    """What the feeds read of the log."""

    async def read_entries(self, after: int, most: int | None = None) -> Sequence[Entry]:
        """Return the entries behind this sequence, in order, the first `most` of them (None: all).

        What commits later has a greater sequence than any that was returned.
        """
        ...

    async def read_last_entry(self) -> Entry | None:
        """Return the entry with the greatest sequence; None where there is none."""
        ...


class SweepStore(Protocol):
    """What is done to sessions and revocations once a minute, by every process."""

    async def note_uses(self, kind: Used, uses: Mapping[str, int], now: int) -> None:
        """Write when these were last used, in Unix seconds; none goes back.

        What a clock that was ahead noted for later than `now` counts as of `now`: nothing would
        ever be idle by it.

        The store is asked also where there is nothing to write: whoever calls learns that it is
        there.
        """
        ...

    async def purge(self, now: int, *, refresh_ttl: int) -> None:
        """Drop what is over: revocations, sessions, tokens, attempts at logins; in small batches.

        A session that nobody refreshed for `refresh_ttl` seconds is over with its last token.
        """
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
