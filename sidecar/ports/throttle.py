"""How often somebody tried to log in, for all processes together."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from sidecar.core.throttle import Blocked, Bucket, Tally


@dataclass(frozen=True, slots=True)
class Counted:
    """Where an attempt was counted: each key, and since when its tally runs."""

    tallies: tuple[tuple[str, int], ...]


class ThrottleStore(Protocol):
    """Tallies of attempts. The keys of one attempt are judged and counted at once.

    `now` is Unix seconds.
    """

    async def admit(self, buckets: Sequence[Bucket], now: int) -> Counted | Blocked:
        """Count an attempt in its buckets, unless one of them takes none now: then in none.

        A bucket with a Window is judged, but not counted: that is for `welcome`.
        """
        ...

    async def forgive(self, counted: Counted) -> None:
        """Take an attempt back, unless what it was counted in has been forgotten since."""
        ...

    async def welcome(self, counted: Counted, logins: Bucket, now: int) -> None:
        """Take an attempt back that became a login, and count that."""
        ...

    async def list_tallies(self) -> Sequence[tuple[str, Tally]]:
        """Return a bounded number of tallies, those with the most attempts."""
        ...


class MarkStore(Protocol):
    """From where each user has logged in: ids of devices, and networks.

    The source of truth holds them, for whoever counts: they go in the transaction in which their
    user or everyone loses their sessions, the user is removed, or has another name.
    """

    async def find_marks(self, username: str, places: Collection[str], now: int) -> Collection[str]:
        """Return those of the places from which this user is known; `username` is canonical."""
        ...

    async def put_marks(
        self, user_id: str, epoch: tuple[int, int], places: Sequence[str], now: int
    ) -> None:
        """Let a user be known from these places, unless either epoch has moved meanwhile.

        They are known for MARK_TTL from now on, from the newest MOST_MARKS places.
        """
        ...
