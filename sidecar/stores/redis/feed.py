"""The Redis feed: announces revocations, and reads those of others within milliseconds.

A reader takes the snapshot, then follows the stream. In every turn, so at least twice a second, it
also compares the meta hash with how far it has come: an XREAD alone would wait for ever on a Redis
that was emptied or failed over.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from redis.exceptions import RedisError

from sidecar.clock import read_clock
from sidecar.core.revocation import Revocation
from sidecar.ports import Entry
from sidecar.stores.redis.client import open_client
from sidecar.stores.redis.health import Direction, Health
from sidecar.stores.redis.log import (
    ANNOUNCE,
    LONGEST_STREAM,
    META,
    META_FIELDS,
    SNAPSHOT,
    START,
    STREAM,
    Position,
    decode_member,
    encode_member,
    follow,
    read_head,
    read_position,
)

CONNECTIONS: Final = 8  # at once for announcements; who waits longer than the timeout gets False
ANNOUNCE_TIMEOUT: Final = 0.5  # seconds: who revokes waits for it
ANNOUNCE_BATCH: Final = 200  # revocations in one script, which holds Redis for about a millisecond
EXPIRED_BATCH: Final = 200  # expired members that one announcement drops
BLOCK: Final = 0.5  # seconds that a read of the stream waits, and so between looks at the meta hash
READ_TIMEOUT: Final = 1.5  # seconds, above BLOCK: else every quiet moment were an error
FIRST_PAUSE: Final = 0.1  # seconds before a failed or interrupted read is begun anew
LONGEST_PAUSE: Final = 1.0  # seconds, after doubling
STREAM_BATCH: Final = 100  # entries read at once: more would hold the event loop for over 5 ms
PAGE: Final = 250  # members of the snapshot read at once, as STREAM_BATCH
PAGE_PERIOD: Final = 0.25  # seconds between the pages of the snapshot that are read while following

log = logging.getLogger("sidecar.redis")


class RedisFeed:
    """Announces and follows; nothing waits for Redis to come back.

    `apply` is given what was read, `heard` the monotonic second at which a read began that left
    nothing out. Counters: `announced` and `failed` entries, `resnapshots` after the first snapshot,
    `skipped` things that are not ours. Raises DocumentInvalid where `url` cannot be one of Redis.
    """

    def __init__(
        self,
        url: str,
        *,
        apply: Callable[[Iterable[Revocation]], None],
        heard: Callable[[float], None],
    ) -> None:
        self.announced = self.failed = self.resnapshots = self.skipped = 0
        self._apply = apply
        self._heard = heard
        self._health = Health()
        self._position: Position | None = None
        self._complete = True
        self._writer = open_client(url, timeout=ANNOUNCE_TIMEOUT, connections=CONNECTIONS)
        self._reader = open_client(url, timeout=READ_TIMEOUT, connections=1)
        self._script = self._writer.register_script(ANNOUNCE)

    @property
    def healthy(self) -> bool:
        """Whether Redis carries revocations; False from the first failure on."""
        return self._health.healthy

    def counters(self) -> Mapping[str, int]:
        """Return what has been counted since the start."""
        names = ("announced", "failed", "resnapshots", "skipped")
        return {name: getattr(self, name) for name in names}

    async def aclose(self) -> None:
        """Close all connections."""
        await self._writer.aclose()
        await self._reader.aclose()

    async def announce(self, entries: Sequence[Entry]) -> bool:
        """Announce these; False where Redis did not take them within ANNOUNCE_TIMEOUT.

        It may have taken some of them all the same: announced twice is announced.
        """
        if not entries or await self._write([entry.revocation for entry in entries]):
            self.announced += len(entries)
            return True
        self.failed += len(entries)
        return False

    async def _write(self, revocations: Sequence[Revocation]) -> bool:
        """Run the script; without revocations it founds the log and tries whether it takes any."""
        head = (secrets.token_hex(8), read_clock().unix, LONGEST_STREAM, EXPIRED_BATCH)
        try:
            async with asyncio.timeout(ANNOUNCE_TIMEOUT):
                for start in range(0, max(1, len(revocations)), ANNOUNCE_BATCH):
                    arguments: list[str | int] = [*head]
                    for revocation in revocations[start : start + ANNOUNCE_BATCH]:
                        arguments += (encode_member(revocation), revocation.forget_at)
                    await self._script(keys=[SNAPSHOT, STREAM, META], args=arguments)
        except (RedisError, OSError) as error:
            self._health.note_failure(Direction.WRITE, error)
            return False
        self._health.note_success(Direction.WRITE)
        return True

    async def run(self) -> None:
        """Follow the log until cancelled; after an error or a gap the snapshot is taken again."""
        pause = FIRST_PAUSE
        while True:
            try:
                await self._follow(await self._take_snapshot())
                pause = FIRST_PAUSE
            except (RedisError, OSError) as error:
                failed_before = self._health.fails(Direction.READ)
                pause = min(2 * pause, LONGEST_PAUSE) if failed_before else FIRST_PAUSE
                self._health.note_failure(Direction.READ, error)
            await asyncio.sleep(pause)

    async def _take_snapshot(self) -> Position:
        """Take all revocations in, and return the position from which the stream goes on.

        It is read first: what comes behind it is in the stream, whatever the pages miss.
        """
        position = await self._read_head()
        if not position.incarnation and await self._write(()):
            position = await self._read_head()
        cursor = 0
        while True:
            cursor = await self._take_page(cursor)
            if cursor == 0:
                break
        if self._position is not None:
            self.resnapshots += 1
            known = self._complete and bool(self._position.incarnation)
            if known and not position.continues(self._position):
                self._complete = False
                log.warning(
                    "Redis was emptied or failed over: what it lost is carried by SQL alone, and"
                    " only a read of SQL counts as fresh from here on; nothing needs to be done"
                )
        self._position = position
        return position

    async def _read_head(self) -> Position:
        # redis-py types commands for its two clients and both protocols at once: Any is what is
        # left of that, here and below.
        pipeline: Any = self._reader.pipeline(transaction=False)
        pipeline.hmget(META, META_FIELDS).xrevrange(STREAM, count=1)
        meta, last = await _ask(pipeline.execute())
        return read_head(meta, last)

    async def _follow(self, position: Position) -> None:
        """Read on, until something does not follow on what was read before."""
        cursor, page_due = 0, time.monotonic() + PAGE_PERIOD
        following: Position | None = position
        while following is not None:
            began = time.monotonic()
            # The hash first: what it counts must be in the stream when that is read.
            pipeline: Any = self._reader.pipeline(transaction=False)
            pipeline.hmget(META, META_FIELDS)
            pipeline.xread({STREAM: following.stream_id}, count=STREAM_BATCH)
            meta, answer = await _ask(pipeline.execute())
            self._health.note_success(Direction.READ)
            head = read_position(meta, START)
            following = self._take_entries(following, answer)
            if following is None or head.incarnation != following.incarnation:
                return
            if not answer and head.sequence != following.sequence:
                return
            if self._complete and head.incarnation and head.sequence <= following.sequence:
                self._heard(began)
            if began >= page_due:
                # The whole snapshot is read again and again, whatever was seen, at a pace that
                # no announcement waits for.
                cursor = await self._take_page(cursor)
                page_due = began + PAGE_PERIOD
            if self._health.fails(Direction.WRITE):
                await self._write(())
            block = int(BLOCK * 1000)
            entries = self._reader.xread({STREAM: following.stream_id}, STREAM_BATCH, block)
            following = self._take_entries(following, await _ask(entries))

    def _take_entries(self, position: Position, answer: Any) -> Position | None:
        """Apply the entries of an XREAD; return the position behind them, None after a gap."""
        following: Position | None = position
        pairs = []
        for stream_id, fields in answer[0][1] if answer else ():
            following = follow(position, stream_id, fields)
            if following is None:
                break
            self._position = position = following
            pairs.append((fields.get("member", ""), fields.get("forget_at", "")))
        self._take(pairs)
        return following

    async def _take_page(self, cursor: int) -> int:
        """Apply one page of the snapshot; return where the next begins, 0 behind the last."""
        following, members = await _ask(self._reader.zscan(SNAPSHOT, cursor, count=PAGE))
        self._take(members)
        return int(following)

    def _take(self, pairs: Sequence[tuple[str, str | float]]) -> None:
        """Apply what is ours of (member, forget_at)."""
        read = [decode_member(member, forget_at) for member, forget_at in pairs]
        revocations = [revocation for revocation in read if revocation is not None]
        self._apply(revocations)
        if len(revocations) < len(read):
            if self.skipped == 0:
                log.warning(
                    "skipped what is no revocation of this version under %s* in Redis: if no newer"
                    " version runs beside this, find out who else writes there",
                    SNAPSHOT,
                )
            self.skipped += len(read) - len(revocations)


async def _ask(answer: Awaitable[Any]) -> Any:
    """Wait for an answer, no longer than READ_TIMEOUT."""
    async with asyncio.timeout(READ_TIMEOUT):
        return await answer
