"""Somebody who has personal tokens, and what one process knows of them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from sidecar.clients.personal import NewToken, PersonalTokens
from sidecar.clients.shown import ShownTokens
from sidecar.clock import Now
from sidecar.core.grant import Issuer
from sidecar.core.revocation import RevocationView
from sidecar.core.user import User
from sidecar.errors import StoreUnavailable
from sidecar.ports import Entry, OwnedToken, UserChange
from sidecar.stores.sql import SqlStore
from tests.contracts.sql_stores import BY, KEEP, NOW, add_user, change_user

KEY = b"k" * 32
SCOPES = {"staff": ["orders:read"], "ops": ["deploy", "orders:read"]}
ISSUER = Issuer("https://auth.example.com", ("api",), SCOPES)


def at(seconds: float = 0) -> Now:
    """Return the moment that many seconds after the first."""
    return Now(NOW + int(seconds), 1000 + seconds)


@dataclass(slots=True)
class Watched:
    """The store of personal tokens, which counts what is asked and answers while it is `open`."""

    store: SqlStore
    asked: list[str] = field(default_factory=list)
    found: asyncio.Event = field(default_factory=asyncio.Event)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    running: int = 0
    most_running: int = 0
    away: bool = False

    async def find_token(self, token_id: str) -> OwnedToken | None:
        """Return a token, as it was when it was asked for."""
        self.asked.append(token_id)
        self.running += 1
        self.most_running = max(self.running, self.most_running)
        try:
            owned = await self.store.personal.find_token(token_id)
            self.found.set()
            await self.open.wait()
            if self.away:
                raise StoreUnavailable("away")
            return owned
        finally:
            self.running -= 1


@dataclass(slots=True)
class Desk:
    """Alice's tokens, and what a process knows of them; `view` takes what is published."""

    store: SqlStore
    watched: Watched
    view: RevocationView
    shown: ShownTokens
    tokens: PersonalTokens
    alice: User
    clock: list[Now]

    def later(self, seconds: float) -> Now:
        """Set the clock to that many seconds after the first moment, and return it."""
        self.clock[:] = [at(seconds)]
        return at(seconds)

    async def give(self, **members: object) -> str:
        """Give alice a token and return its text."""
        new = NewToken("a script", **members)  # type: ignore[arg-type]  # rows differ
        made = await self.tokens.add(new, self.alice, BY, NOW, key=KEY, asking=None)
        assert made is not None
        return made[1]

    async def change(self, **members: object) -> None:
        """Change alice, and let this process hear of it."""
        change = UserChange(**members)  # type: ignore[arg-type]  # rows differ
        _, entries = await change_user(self.store, change)
        self.view.apply(entry.revocation for entry in entries)


async def make_desk(store: SqlStore) -> Desk:
    """Return alice's desk; the store answers at once."""
    alice = await add_user(store, "alice", "staff")
    view, watched = RevocationView(), Watched(store)
    watched.open.set()

    async def publish(entries: Sequence[Entry]) -> None:
        view.apply(entry.revocation for entry in entries)

    clock = [at()]
    shown = ShownTokens(watched, view, ISSUER, KEY, lambda: clock[0])
    tokens = PersonalTokens(store.personal, SCOPES, publish, KEEP)
    return Desk(store, watched, view, shown, tokens, alice, clock)
