"""Feeds that run for the length of a block, with views that tests wait on."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import aclosing, asynccontextmanager

from redis.asyncio import Redis

from sidecar.core.revocation import Level, Revocation, RevocationView
from sidecar.ports import Entry, FeedStore
from sidecar.settings.types import RedisAccess
from sidecar.stores.redis.client import PLAIN
from sidecar.stores.redis.feed import RedisFeed

LATE = 4_102_444_800  # a Unix second in 2100: what is revoked until then lives through every test
PATIENCE = 15.0  # seconds; a test that waits longer has failed

_sequences = itertools.count(1)


def token(jti: str, forget_at: int = LATE) -> Revocation:
    return Revocation(Level.TOKEN, jti, 0, forget_at)


def entries(*revocations: Revocation) -> list[Entry]:
    return [Entry(next(_sequences), revocation) for revocation in revocations]


def contents(view: RevocationView) -> tuple[object, ...]:
    """Return all that a view refuses, to be compared."""
    maps = (view._tokens, view._sessions, view._users, view._keys)
    return (*maps, view._everyone)


class Reader:
    """A feed with a view, and when what came."""

    running: asyncio.Task[None]

    def __init__(
        self, url: str, access: RedisAccess = PLAIN, store: FeedStore | None = None
    ) -> None:
        self.view = RevocationView()
        self.arrived: dict[str, float] = {}
        self.heard: list[float] = []
        self.pages = 0
        self._changed = asyncio.Event()
        self.feed = RedisFeed(url, apply=self._apply, heard=self._hear, access=access, store=store)

    def _apply(self, revocations: Iterable[Revocation]) -> None:
        taken = list(revocations)
        self.view.apply(taken)
        self.pages += 1
        for each in taken:
            self.arrived.setdefault(each.subject, time.monotonic())
        self._changed.set()

    def _hear(self, at: float) -> None:
        self.heard.append(at)
        self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until this holds, looking whenever the feed has read something."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not condition():
                    self._changed.clear()
                    # A change of health alone tells nobody: looked for ten times a second.
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._changed.wait(), 0.1)
        except TimeoutError:
            raise AssertionError(
                f"in vain; {self.feed.counters()}, {contents(self.view)}"
            ) from None

    async def until_holds(self, *subjects: str) -> None:
        await self.until(lambda: self.arrived.keys() >= set(subjects))

    async def until_fresh(self) -> None:
        """Wait for a read that began after this moment and left nothing out."""
        now = time.monotonic()
        await self.until(lambda: bool(self.heard) and self.heard[-1] >= now)

    async def until_checked(self) -> None:
        """Wait until the log was looked at again, whether or not that counts as fresh."""
        seen = self.pages
        await self.until(lambda: self.pages > seen + 2)


@asynccontextmanager
async def reading(
    url: str, access: RedisAccess = PLAIN, store: FeedStore | None = None
) -> AsyncIterator[Reader]:
    """Run a feed for the length of the block; it must not end by itself."""
    reader = Reader(url, access, store)
    async with aclosing(reader.feed):
        reader.running = asyncio.create_task(reader.feed.run())
        try:
            yield reader
            assert not reader.running.done(), reader.running
        finally:
            reader.running.cancel()
            done, _ = await asyncio.wait([reader.running], timeout=PATIENCE)
            assert done, "the feed does not end"


@asynccontextmanager
async def raw_client(url: str) -> AsyncIterator[Redis]:
    """Open what an operator would use to break things."""
    async with Redis.from_url(url, decode_responses=True, protocol=2) as client:
        yield client
