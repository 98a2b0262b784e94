"""People are brought along from elsewhere, and taken away, with the hashes of their passwords."""

import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sidecar.accounts.people import PAGE, USER_ID_OCTETS
from sidecar.core.audit import Author
from sidecar.core.user import User, roles_fit
from sidecar.credentials.hashes import Refused, read_hash
from sidecar.ports import Differs, ImportStore, Newcomer, Outcome
from sidecar.schemas.people import Person
from sidecar.schemas.user import ROLES

BATCH: Final = 500  # people of one transaction: the write lock is held for a few hundredths

_DIFFERENCES: Final = {
    "id": "another id",
    "email": "another e-mail address",
    "name": "another name",
    "roles": "other roles",
    "disabled": "another `disabled`",
    "password_hash": "another hash of a password",
}


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of some people: how many are new, how many were there, and what is wrong.

    `problems` are (line, what is wrong with it); a line may stand more than once.
    """

    added: int
    there: int
    problems: tuple[tuple[int, str], ...]


class Import:
    """The import of one file, whose people are given `roles` beside their own.

    What is there already exactly as it comes is passed over: an import that was cut off is run
    again. A `dry` one only says what would become of everybody.
    """

    def __init__(
        self, store: ImportStore, source: str, roles: Sequence[str], by: Author, *, dry: bool
    ) -> None:
        self._store = store
        self._source = source
        self._roles = frozenset(roles)
        self._by = by
        self._dry = dry
        self._lines: dict[str, int] = {}  # by username; 150 octets each
        self._ids: set[str] = set()

    async def take(self, people: Sequence[Person], now: int) -> Taken:
        """Add the next people of the file, at most BATCH, in one transaction.

        Raises MissingExtra for hashes that cannot be checked here; nobody of these is added then.
        """
        newcomers: list[tuple[int, Newcomer]] = []
        problems: list[tuple[int, str]] = []
        for person in people:
            judged = person.problems or self._judge(person, now)
            if isinstance(judged, Newcomer):
                newcomers.append((person.line, judged))
            else:
                problems += [(person.line, text) for text in judged]
        outcomes = await self._keep([each for _, each in newcomers], now)
        for (line, _), outcome in zip(newcomers, outcomes, strict=True):
            if isinstance(outcome, Differs):
                differences = ", ".join(_DIFFERENCES[name] for name in outcome.fields)
                problems.append((line, f"username: is there already, with {differences}"))
            elif outcome is Outcome.ID_TAKEN:
                problems.append((line, "id: somebody else has it"))
        added, there = outcomes.count(Outcome.ADDED), outcomes.count(Outcome.THERE)
        return Taken(added, there, tuple(sorted(problems)))

    async def _keep(self, newcomers: Sequence[Newcomer], now: int) -> Sequence[Outcome | Differs]:
        if not newcomers:
            return ()
        if self._dry:
            return await self._store.compare_newcomers(newcomers)
        return await self._store.add_newcomers(newcomers, self._source, self._by, now)

    def _judge(self, person: Person, now: int) -> Newcomer | tuple[str, ...]:
        fields = person.fields
        username: str = fields["username"]
        before = self._lines.setdefault(username, person.line)
        if before != person.line:
            return (f"username: stands in line {before} already",)
        check = read_hash(fields["password_hash"])
        if isinstance(check, Refused):
            return (f"password_hash: {check.reason}",)
        roles = tuple(sorted({*fields.get("roles", ()), *self._roles}))
        if not roles_fit(roles):
            return (f"roles: {ROLES}",)
        user_id = fields.get("id")
        if user_id is not None:
            if user_id in self._ids:
                return ("id: stands twice in this file",)
            self._ids.add(user_id)
        return Newcomer(
            _make_user(fields, roles, now), fields["password_hash"], known=user_id is not None
        )


def _make_user(fields: Any, roles: tuple[str, ...], now: int) -> User:
    created_at = fields.get("created_at", now)
    return User(
        id=fields.get("id") or secrets.token_urlsafe(USER_ID_OCTETS),
        username=fields["username"],
        email=fields.get("email") or None,
        name=fields.get("name") or None,
        roles=roles,
        disabled=fields.get("disabled", False),
        created_at=created_at,
        updated_at=fields.get("updated_at", created_at),
    )


async def walk_newcomers(store: ImportStore) -> AsyncIterator[Newcomer]:
    """Yield everybody as they are kept, by username; a page of them is in memory."""
    page = await store.read_newcomers("", PAGE)
    while page:
        for newcomer in page:
            yield newcomer
        page = await store.read_newcomers(page[-1].user.username, PAGE)
