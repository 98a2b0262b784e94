"""People who come from elsewhere, many at once, and all of them as they are kept."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from sidecar.core.audit import Author
from sidecar.core.user import User


class Outcome(StrEnum):
    """What became of a newcomer."""

    ADDED = "added"
    THERE = "there"  # exactly as they are, from an import before
    ID_TAKEN = "id_taken"


@dataclass(frozen=True, slots=True)
class Differs:
    """Somebody has a newcomer's name, and is not as they are: by which `fields`, in this order.

    They are those of a User, and `password_hash`.
    """

    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Somebody with the hash of their password; `known` says whether the source knew their id."""

    user: User
    password_hash: str = field(repr=False)
    known: bool


class ImportStore(Protocol):
    """People, as they are brought along and taken away."""

    async def add_newcomers(
        self, newcomers: Sequence[Newcomer], source: str, by: Author, now: int
    ) -> Sequence[Outcome | Differs]:
        """Keep those whom nobody is yet, of different names, and say what became of each.

        The audit trail tells of each who was added, at `now`, and from which kind of `source`.
        """
        ...

    async def compare_newcomers(self, newcomers: Sequence[Newcomer]) -> Sequence[Outcome | Differs]:
        """Say what would become of each."""
        ...

    async def read_newcomers(self, after: str, limit: int) -> Sequence[Newcomer]:
        """Return the first `limit` users by username that come behind `after`."""
        ...
