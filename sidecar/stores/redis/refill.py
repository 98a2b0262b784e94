"""A log that was founded anew is filled from SQL, by one of all processes.

The log of an emptied Redis lacks what was announced to the one before. Whoever reads that nobody
has filled it yet claims to do so, for a few seconds at a time, so that others take over from one
that dies. When all is in the snapshot the log is marked as filled. That is the proof that it is
whole: what was committed before SQL was read has been read there, and what is committed later was,
or will be, announced to this log, since it had been founded already.
"""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from sidecar.clock import read_clock
from sidecar.errors import StoreUnavailable
from sidecar.ports import Entry, FeedStore
from sidecar.stores.redis.announcing import REFILL
from sidecar.stores.redis.log import CLAIM, HEAD_FIELDS, META, SNAPSHOT, encode_member, is_filled

CLAIM_TTL: Final = 5_000  # milliseconds that a claim holds, from each batch anew
BATCH: Final = 500  # members added at once, which holds Redis for about a millisecond
PAGE: Final = 1_000  # entries read of SQL at once
PAUSE: Final = 1.0  # seconds before the next try, of this process
TIMEOUT: Final = 1.5  # seconds for each answer

log = logging.getLogger("sidecar.redis")


class Refill:
    """Fills the log when it is asked to; `refills` counts those that were brought to their end."""

    def __init__(self, client: Redis, store: FeedStore) -> None:
        self.refills = 0
        self._client = client
        self._store = store
        self._script = client.register_script(REFILL)
        self._wanted = asyncio.Event()
        self._incarnation = ""
        self._told = False  # whether the log has been told that SQL is away

    def ask(self, incarnation: str) -> None:
        """Have this log filled, unless somebody else does it."""
        self._incarnation = incarnation
        self._wanted.set()

    async def run(self) -> None:
        """Fill what is asked for, for ever; who asks again has it tried again."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                await self._fill(self._incarnation)
            except StoreUnavailable as error:
                if not self._told:
                    log.warning("Redis cannot be filled from SQL yet", extra={"cause": str(error)})
                self._told = True
            except (RedisError, OSError) as error:
                # The feed says what is wrong with Redis: it meets the same.
                log.debug("Redis was not filled", extra={"cause": type(error).__name__})
            await asyncio.sleep(PAUSE)

    async def _fill(self, incarnation: str) -> None:
        claim = secrets.token_hex(8)
        client: Any = self._client  # redis-py types commands for both its clients at once
        async with asyncio.timeout(TIMEOUT):
            if not await self._client.set(CLAIM, claim, nx=True, px=CLAIM_TTL):
                return
            if is_filled(await client.hmget(META, HEAD_FIELDS)):  # by who had claimed it before
                await client.delete(CLAIM)
                return
        count = 0
        async for entries in self._walk():
            now = read_clock().unix
            living = [each.revocation for each in entries if each.revocation.forget_at > now]
            for start in range(0, len(living), BATCH):
                some = living[start : start + BATCH]
                members = {encode_member(each): each.forget_at for each in some}
                async with asyncio.timeout(TIMEOUT):
                    await self._client.zadd(SNAPSHOT, members, gt=True)
                    await self._client.set(CLAIM, claim, px=CLAIM_TTL)
            count += len(living)
        async with asyncio.timeout(TIMEOUT):
            done = await self._script(keys=[META, CLAIM], args=["filled", incarnation, claim])
        if done:
            self.refills += 1
            self._told = False
            log.info("Redis was filled from SQL", extra={"revocations": count})

    async def _walk(self) -> AsyncIterator[Sequence[Entry]]:
        """Yield what SQL holds, page by page. Raises StoreUnavailable."""
        after = 0
        while entries := await self._store.read_entries(after, PAGE):
            yield entries
            after = entries[-1].sequence
