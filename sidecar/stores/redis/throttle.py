"""Attempts to log in, counted in Redis by one script, in one hash slot."""

import asyncio
import heapq
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import Any, Final

from redis.exceptions import RedisError

from sidecar.core.throttle import (
    FURTHEST_AHEAD,
    MOST_DOUBLINGS,
    Blocked,
    Bucket,
    Delay,
    Tally,
)
from sidecar.errors import StoreUnavailable
from sidecar.ports.throttle import Counted
from sidecar.settings.types import RedisAccess
from sidecar.stores.redis.client import PLAIN, close_client, open_client
from sidecar.stores.redis.health import describe

PREFIX: Final = "{sidecar}:throttle:"  # the braces make one hash slot of all keys
SCRIPT: Final = Path(__file__).with_name("throttle.lua").read_text(encoding="utf-8")
CONNECTIONS: Final = 8
TIMEOUT: Final = 0.5  # seconds: a login waits for it, and goes by SQL then
SCAN_TIMEOUT: Final = 30.0  # seconds for the whole list, which an operator waits for
SCAN_COUNT: Final = 500
MOST_LISTED: Final = 1_000  # tallies, those with the most attempts


class RedisThrottle:
    """The port ThrottleStore. Raises DocumentInvalid where `url` cannot be one of Redis."""

    def __init__(self, url: str, access: RedisAccess = PLAIN) -> None:
        self._client = open_client(url, access, timeout=TIMEOUT, connections=CONNECTIONS)
        self._script = self._client.register_script(SCRIPT)

    async def aclose(self) -> None:
        """Close all connections."""
        await close_client(self._client)

    async def admit(self, buckets: Sequence[Bucket], now: int) -> Counted | Blocked:
        """Count an attempt, unless one of its buckets takes none now."""
        keys = [PREFIX + bucket.key for bucket in buckets]
        arguments: list[str | int] = ["admit", now, FURTHEST_AHEAD, MOST_DOUBLINGS]
        for bucket in buckets:
            arguments += _spell_limit(bucket)
        first, *rest = await _ask(self._script(keys=keys, args=arguments), TIMEOUT)
        if first:
            return Blocked(buckets[first - 1].key, rest[0])
        pairs = zip(rest[::2], rest[1::2], strict=True)
        return Counted(tuple((buckets[index - 1].key, since) for index, since in pairs))

    async def forgive(self, counted: Counted) -> None:
        """Take an attempt back, unless what it was counted in has been forgotten since."""
        await self._take_back(counted, [], [0, FURTHEST_AHEAD, 0])

    async def welcome(self, counted: Counted, logins: Bucket, now: int) -> None:
        """Take an attempt back that became a login, and count that."""
        length = logins.limit.forget_at(Tally(1, 0, 0))
        await self._take_back(counted, [PREFIX + logins.key], [now, FURTHEST_AHEAD, length])

    async def _take_back(
        self, counted: Counted, logins: Sequence[str], numbers: Sequence[int]
    ) -> None:
        keys = [*(PREFIX + key for key, _ in counted.tallies), *logins]
        arguments: list[str | int] = ["take back", *numbers]
        arguments += [since for _, since in counted.tallies]
        await _ask(self._script(keys=keys, args=arguments), TIMEOUT)

    async def list_tallies(self) -> Sequence[tuple[str, Tally]]:
        """Return at most MOST_LISTED tallies, those with the most attempts."""
        found = await _ask(self._scan(("",)), SCAN_TIMEOUT)
        return heapq.nsmallest(MOST_LISTED, found, key=lambda each: (-each[1].count, each[0]))

    async def clear(self, keys: Sequence[str]) -> int:
        """Forget these tallies, all below a key that ends with `:`; return how many there were."""
        named = [PREFIX + key for key in keys if not key.endswith(":")]
        folders = tuple(key for key in keys if key.endswith(":"))
        if folders:
            found = await _ask(self._scan(folders), SCAN_TIMEOUT)
            named += [PREFIX + key for key, _ in found]
        cleared = 0
        for start in range(0, len(named), SCAN_COUNT):
            some = named[start : start + SCAN_COUNT]
            cleared += await _ask(self._client.unlink(*some), TIMEOUT)
        return cleared

    async def _scan(self, folders: tuple[str, ...]) -> list[tuple[str, Tally]]:
        """Return the tallies below these; a key may come twice, as SCAN has it."""
        tallies: dict[str, Tally] = {}
        # redis-py types commands for its two clients at once: Any is what is left of that.
        client: Any = self._client
        cursor = None
        while cursor != 0:
            cursor, names = await client.scan(cursor or 0, f"{PREFIX}*", SCAN_COUNT)
            wanted = [name.removeprefix(PREFIX) for name in names]
            wanted = [each for each in wanted if each.startswith(folders)]
            pipeline = client.pipeline(transaction=False)
            for key in wanted:
                pipeline.hmget(PREFIX + key, ("count", "since", "last"))
            for key, numbers in zip(wanted, await pipeline.execute(), strict=True):
                if None not in numbers and int(numbers[0]):  # it may have been dropped by now
                    tallies[key] = Tally(*map(int, numbers))
        return list(tallies.items())


def _spell_limit(bucket: Bucket) -> list[str | int]:
    limit = bucket.limit
    if isinstance(limit, Delay):
        return ["delay", limit.free, limit.first, limit.longest, limit.quiet]
    return ["window", limit.most, limit.length, 0, 0]


async def _ask(answer: Awaitable[Any], seconds: float) -> Any:
    """Wait for an answer, no longer than this. Raises StoreUnavailable."""
    try:
        async with asyncio.timeout(seconds):
            return await answer
    except (RedisError, OSError) as error:
        raise StoreUnavailable(describe(error)) from None
