"""The reading half of the feed.

A reader takes the snapshot, then follows the stream. In every turn, so four times a second, it
also compares the meta hash with how far it has come: an XREAD alone would wait for ever on a Redis
that was emptied or failed over.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import ReadOnlyError, RedisError

from sidecar.clock import read_clock
from sidecar.core.revocation import Revocation
from sidecar.stores.redis.announcing import Announcements
from sidecar.stores.redis.health import Direction, Health
from sidecar.stores.redis.log import (
    HEAD_FIELDS,
    META,
    SNAPSHOT,
    START,
    STREAM,
    Position,
    decode_member,
    find_unknown_level,
    follow,
    is_filled,
    is_rewind,
    read_head,
    read_position,
)
from sidecar.stores.redis.places import DEMOTED, LocatedRedis, NotReached
from sidecar.stores.redis.serverstate import inspect

BLOCK: Final = (
    0.25  # seconds that a read of the stream waits, and so between looks at the meta hash
)
READ_TIMEOUT: Final = 1.5  # seconds, above BLOCK: else every quiet moment were an error
FIRST_PAUSE: Final = 0.1  # seconds before a failed or interrupted read is begun anew
LONGEST_PAUSE: Final = 1.0  # seconds, after doubling
STREAM_BATCH: Final = 100  # entries read at once: more would hold the event loop for over 5 ms
PAGE: Final = 250  # members of the snapshot read at once, as STREAM_BATCH
WORDS_PERIOD: Final = 0.2  # seconds between looks at what the writers vouch for, at the least
PAGE_PERIOD: Final = 0.25  # seconds between the pages of the snapshot that are read while following
INSPECT_PERIOD: Final = 10.0  # seconds between looks at what Redis is, and what it evicts

log = logging.getLogger("sidecar.redis")


class LogReader:
    """Reads what is announced; a log that nobody has filled is told to `ask_to_fill`.

    `read_words`, given the client, reads what the writers vouch for, before a read is `heard`.
    Counts `resnapshots` after the first snapshot, and `skipped` things that are not ours. `judged`
    says that all of the log is known to this version.
    """

    def __init__(
        self,
        client: Redis,
        health: Health,
        announcements: Announcements,
        *,
        apply: Callable[[Iterable[Revocation]], None],
        heard: Callable[[float], None],
        ask_to_fill: Callable[[str], None] | None,
        read_words: Callable[[Any], Awaitable[None]] | None,
    ) -> None:
        self.resnapshots = self.skipped = 0
        self.judged = True
        # redis-py types commands for its two clients and both protocols at once: Any is what is
        # left of that.
        self._client: Any = client
        self._health = health
        self._announcements = announcements
        self._apply = apply
        self._heard = heard
        self._ask_to_fill = ask_to_fill
        self._read_words = read_words
        self._position: Position | None = None
        self._gone_back = ""  # the incarnation of a log that lacks what was read of it before
        self._complete = True  # whether the log, as far as it was read, leaves nothing out
        self._trusted = True  # whether Redis is one that keeps what it was given

    async def run(self) -> None:
        """Follow the log for ever; after an error or a gap the snapshot is taken again."""
        pause = FIRST_PAUSE
        while True:
            try:
                await self._inspect()
                await self._follow(await self._take_snapshot())
                pause = FIRST_PAUSE
            except (RedisError, OSError) as error:
                failed_before = self._health.fails(Direction.READ)
                pause = min(2 * pause, LONGEST_PAUSE) if failed_before else FIRST_PAUSE
                self._health.note_failure(Direction.READ, error)
            await asyncio.sleep(pause)

    async def _inspect(self) -> None:
        """Look whether Redis is a primary, and keeps what it is given.

        Raises NotReached where another server is to be looked for.
        """
        state = await _ask(inspect(self._client))
        self._trusted = not state.is_replica and state.evicts is None
        self._health.note_eviction(state.evicts)
        if not state.is_replica:
            return
        if isinstance(self._client, LocatedRedis):
            await self._client.connection_pool.disconnect()
            raise NotReached(DEMOTED)
        self._health.note_failure(Direction.WRITE, ReadOnlyError())

    async def _take_snapshot(self) -> Position:
        """Take all revocations in, and return the position from which the stream goes on.

        It is read first: what comes behind it is in the stream, whatever the pages miss.
        """
        position, filled = await self._read_head()
        before = self._position
        lost = before is not None and bool(before.incarnation) and not position.continues(before)
        if lost and before is not None and before.incarnation == position.incarnation:
            self._gone_back = position.incarnation
        if self._complete and (lost or self._has_gone_back(position)):
            self._complete = False
            log.warning(
                "Redis was emptied or failed over: until it is filled from SQL, only a read of SQL"
                " counts as fresh; nothing needs to be done"
            )
        if await self._found(position):
            position, filled = await self._read_head()
        cursor = 0
        while True:
            cursor = await self._take_page(cursor)
            if cursor == 0:
                break
        if before is not None:
            self.resnapshots += 1
        self._complete = self._complete or (filled and not self._has_gone_back(position))
        self._position = position
        return position

    def _has_gone_back(self, position: Position) -> bool:
        return position.incarnation != "" and position.incarnation == self._gone_back

    async def _found(self, position: Position) -> bool:
        """Found the log where there is none, or where it has gone back; say whether it was done.

        What has gone back lacks something, which only those know who had read it: under another
        incarnation everybody learns of it, and it is filled.
        """
        if not position.incarnation:
            return await self._announcements.found()
        if self._has_gone_back(position):
            return await self._announcements.forsake(position.incarnation)
        return False

    async def _read_head(self) -> tuple[Position, bool]:
        """Return the position of the last entry, and whether all that SQL has is in the log."""
        # The hash comes first, as `read_head` wants it.
        meta = await _ask(self._client.hmget(META, HEAD_FIELDS))
        last = await _ask(self._client.xrevrange(STREAM, count=1))
        return read_head(meta[:-1], last), is_filled(meta)

    async def _follow(self, position: Position) -> None:
        """Read on, until something does not follow on what was read before."""
        began = read_clock().monotonic
        cursor, page_due, inspect_due = 0, began + PAGE_PERIOD, began + INSPECT_PERIOD
        catching_up, words_due = False, began
        following: Position | None = position
        while following is not None:
            began = read_clock().monotonic
            # What is vouched for comes first, then what the hash counts: all of it must be in the
            # stream when that is read.
            if self._read_words is not None and began >= words_due:
                await _ask(self._read_words(self._client))
                words_due = began + WORDS_PERIOD
            meta = await _ask(self._client.hmget(META, HEAD_FIELDS))
            answer = await _ask(self._client.xread({STREAM: following.stream_id}, STREAM_BATCH))
            self._health.note_success(Direction.READ)
            head = read_position(meta[:-1], START)
            following = self._take_entries(following, answer)
            if following is None or head.incarnation != following.incarnation:
                return
            if not answer and head.sequence != following.sequence:
                return
            caught_up = head.incarnation and head.sequence <= following.sequence
            if self._complete and self._trusted and self.judged and caught_up:
                self._heard(began)
            if not head.incarnation or self._has_gone_back(head):
                await self._found(head)
            elif not is_filled(meta):
                if self._ask_to_fill is not None:
                    self._ask_to_fill(head.incarnation)
            elif not self._complete and not catching_up:
                cursor, catching_up = 0, True
            if catching_up or began >= page_due:
                # The whole snapshot is read again and again, whatever was seen, at a pace that
                # no announcement waits for; without a pause once somebody has filled it.
                cursor = await self._take_page(cursor)
                page_due = began + PAGE_PERIOD
            if catching_up:
                self._complete = cursor == 0
                catching_up = not self._complete
                continue
            if began >= inspect_due:
                await self._inspect()
                inspect_due = began + INSPECT_PERIOD
            if self._health.fails(Direction.WRITE):
                await self._announcements.found()
            block = int(BLOCK * 1000)
            entries = self._client.xread({STREAM: following.stream_id}, STREAM_BATCH, block)
            following = self._take_entries(following, await _ask(entries))

    def _take_entries(self, position: Position, answer: Any) -> Position | None:
        """Apply the entries of an XREAD; return the position behind them, None after a gap."""
        following: Position | None = position
        pairs = []
        for stream_id, fields in answer[0][1] if answer else ():
            following = follow(position, stream_id, fields)
            if following is None:
                if is_rewind(position, fields):
                    self._gone_back = position.incarnation
                break
            self._position = position = following
            pairs.append((fields.get("member", ""), fields.get("forget_at", "")))
        self._take(pairs)
        return following

    async def _take_page(self, cursor: int) -> int:
        """Apply one page of the snapshot; return where the next begins, 0 behind the last."""
        following, members = await _ask(self._client.zscan(SNAPSHOT, cursor, count=PAGE))
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
            levels = filter(None, (find_unknown_level(member) for member, _ in pairs))
            level = next(levels, None) if self.judged else None
            if level is not None:
                self.judged = False
                log.error(
                    "a newer version wrote a revocation that this one cannot judge: for as long as"
                    " this process runs, only a read of SQL counts as fresh",
                    extra={"revoked": level},
                )


async def _ask(answer: Awaitable[Any]) -> Any:
    """Wait for an answer, no longer than READ_TIMEOUT."""
    async with asyncio.timeout(READ_TIMEOUT):
        return await answer
