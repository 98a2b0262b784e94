"""The Redis feed: announces revocations, and reads those of others within milliseconds."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence

from sidecar.core.revocation import Revocation
from sidecar.core.unannounced import Unannounced
from sidecar.core.writers import Writers
from sidecar.ports import Entry, FeedStore
from sidecar.settings.types import RedisAccess
from sidecar.stores.redis.announcing import ANNOUNCE_TIMEOUT, CONNECTIONS, Announcements
from sidecar.stores.redis.client import PLAIN, close_client, open_client
from sidecar.stores.redis.health import Health
from sidecar.stores.redis.reading import READ_TIMEOUT, LogReader
from sidecar.stores.redis.refill import Refill
from sidecar.stores.redis.vouching import Vouching

__all__ = ["ANNOUNCE_TIMEOUT", "READ_TIMEOUT", "RedisFeed"]


class RedisFeed:
    """Announces and follows; nothing waits for Redis to come back.

    `apply` is given what was read, `heard` the monotonic second at which a read began that left
    nothing out. `store` is what an emptied Redis is filled from; without it others fill it.
    With `writers` this process vouches for what is not `unannounced`, and learns what others vouch
    for.
    Counters: `announced` and `failed` entries, `resnapshots` after the first snapshot, `refills`
    that this process made, `skipped` things that are not ours. Raises DocumentInvalid where `url`
    cannot be one of Redis.
    """

    def __init__(
        self,
        url: str,
        *,
        apply: Callable[[Iterable[Revocation]], None],
        heard: Callable[[float], None],
        access: RedisAccess = PLAIN,
        store: FeedStore | None = None,
        writers: Writers | None = None,
        unannounced: Unannounced[Entry] | None = None,
    ) -> None:
        self._health = Health()
        self._writer = open_client(url, access, timeout=ANNOUNCE_TIMEOUT, connections=CONNECTIONS)
        self._reader = open_client(url, access, timeout=READ_TIMEOUT, connections=1)
        self._announcements = Announcements(self._writer, self._health)
        self._refill = None if store is None else Refill(self._writer, store)
        self._vouching = None
        if writers is not None:
            missing = Unannounced[Entry]() if unannounced is None else unannounced
            self._vouching = Vouching(self._writer, self._health, writers, missing)
        self._log = LogReader(
            self._reader,
            self._health,
            self._announcements,
            apply=apply,
            heard=heard,
            ask_to_fill=None if self._refill is None else self._refill.ask,
            read_words=None if self._vouching is None else self._vouching.read,
        )

    @property
    def announced(self) -> int:
        """How many entries Redis took."""
        return self._announcements.announced

    @property
    def failed(self) -> int:
        """How many entries it did not take."""
        return self._announcements.failed

    @property
    def resnapshots(self) -> int:
        """How often the snapshot was taken again."""
        return self._log.resnapshots

    @property
    def skipped(self) -> int:
        """How many things were read that are not ours."""
        return self._log.skipped

    @property
    def healthy(self) -> bool:
        """Whether Redis carries revocations that this version knows; False from a failure on."""
        return self._health.healthy and self._log.judged

    def counters(self) -> Mapping[str, int]:
        """Return what has been counted since the start."""
        names = ("announced", "failed", "resnapshots", "skipped")
        refills = 0 if self._refill is None else self._refill.refills
        return {**{name: getattr(self, name) for name in names}, "refills": refills}

    async def aclose(self) -> None:
        """Close all connections."""
        await asyncio.gather(close_client(self._writer), close_client(self._reader))

    async def announce(self, entries: Sequence[Entry]) -> bool:
        """Announce these; False where Redis did not take them in time."""
        return await self._announcements.announce(entries)

    async def vouch(self) -> None:
        """Tell the others, until cancelled, what of this process is not missing in Redis."""
        if self._vouching is not None:
            await self._vouching.run()

    async def end(self) -> None:
        """Tell the others that this process writes nothing more."""
        if self._vouching is not None:
            await self._vouching.end()

    async def run(self) -> None:
        """Follow the log until cancelled, and fill it where it is new."""
        async with asyncio.TaskGroup() as group:
            if self._refill is not None:
                group.create_task(self._refill.run())
            group.create_task(self._log.run())
