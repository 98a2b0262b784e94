"""The Redis feed: announces revocations, and reads those of others within milliseconds."""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from sidecar.clock import read_clock
from sidecar.core.revocation import Revocation
from sidecar.ports import Entry
from sidecar.stores.redis.log import (
    LONGEST_STREAM,
    META,
    SNAPSHOT,
    STREAM,
    Position,
    decode_member,
    encode_member,
    follows,
)

CONNECTIONS: Final = 8
ANNOUNCE_TIMEOUT: Final = 0.5  # seconds: who revokes waits for it
BLOCK: Final = 0.25  # seconds that a read of the stream waits for the next entry
READ_TIMEOUT: Final = 1.0  # seconds, above BLOCK
RETRY_PERIOD: Final = 0.25  # seconds between attempts while Redis is away
SNAPSHOT_PERIOD: Final = 5.0  # seconds after which the snapshot is taken again, whatever was seen
BATCH: Final = 1000  # entries read at once

log = logging.getLogger("sidecar.redis")


class RedisFeed:
    """Announces and follows; nothing that depends on Redis waits for it to come back."""

    def __init__(
        self,
        url: str,
        *,
        apply: Callable[[Iterable[Revocation]], None],
        heard: Callable[[float], None],
    ) -> None:
        self.healthy = True
        self._apply = apply
        self._heard = heard
        self._counters = {"announced": 0, "failed_announcements": 0, "snapshots": 0}
        self._writer = _open_client(url, ANNOUNCE_TIMEOUT, CONNECTIONS)
        self._reader = _open_client(url, READ_TIMEOUT, 1)
        self._announce = self._writer.register_script(
            Path(__file__).with_name("announce.lua").read_text()
        )

    def counters(self) -> Mapping[str, int]:
        """Return what has been counted since the start."""
        return self._counters

    async def aclose(self) -> None:
        """Close all connections."""
        await self._writer.aclose()
        await self._reader.aclose()

    async def announce(self, entries: Sequence[Entry]) -> bool:
        """Announce these; False where Redis did not take them in time."""
        arguments: list[str | int] = [secrets.token_hex(8), read_clock().unix, LONGEST_STREAM]
        for entry in entries:
            arguments += [encode_member(entry.revocation), entry.revocation.forget_at]
        try:
            async with asyncio.timeout(ANNOUNCE_TIMEOUT):
                await self._announce(keys=[SNAPSHOT, STREAM, META], args=arguments)
        except (RedisError, OSError, TimeoutError) as error:
            self._counters["failed_announcements"] += 1
            self._note(healthy=False, cause=error)
            return False
        self._counters["announced"] += len(entries)
        return True

    async def run(self) -> None:
        """Follow the stream for ever; after an error the snapshot is taken again."""
        while True:
            try:
                await self._follow(await self._read_snapshot())
            except (RedisError, OSError, TimeoutError) as error:
                self._note(healthy=False, cause=error)
                await asyncio.sleep(RETRY_PERIOD)

    async def _follow(self, position: Position) -> None:
        """Read on from `position` until the snapshot is due again or the stream does not follow."""
        self._note(healthy=True)
        due = time.monotonic() + SNAPSHOT_PERIOD
        while time.monotonic() < due:
            began = time.monotonic()
            answer: Any = await self._reader.xread(
                {STREAM: position.stream_id}, count=BATCH, block=int(BLOCK * 1000)
            )
            for stream_id, fields in _entries_of(answer):
                next_position = follows(position, fields)
                if next_position is None:
                    return
                position = replace(next_position, stream_id=stream_id)
                self._take([(fields.get("member", ""), fields.get("forget_at", ""))])
            self._heard(began)

    async def _read_snapshot(self) -> Position:
        """Take all revocations in.

        The position is read first: what comes after is in the stream.
        """
        began = time.monotonic()
        self._counters["snapshots"] += 1
        # redis-py types commands for its two clients and both protocols at once: what they give
        # here is what `decode_responses` and a sole awaitable leave of that.
        pipeline: Any = self._reader.pipeline(transaction=True)
        meta, last = (
            await pipeline.hmget(META, "incarnation", "sequence")
            .xrevrange(STREAM, count=1)
            .execute()
        )
        cursor = 0
        while True:
            page: Any = await self._reader.zscan(SNAPSHOT, cursor, count=BATCH)
            cursor, members = page
            self._take(members)
            if cursor == 0:
                break
        self._heard(began)
        incarnation, sequence = meta
        return Position(incarnation or "", int(sequence or 0), last[0][0] if last else "0-0")

    def _take(self, members: Iterable[tuple[str, str | float]]) -> None:
        """Apply what is ours; what somebody else wrote under our names is passed over."""
        revocations = (_decode(member, score) for member, score in members)
        self._apply(revocation for revocation in revocations if revocation is not None)

    def _note(self, *, healthy: bool, cause: BaseException | None = None) -> None:
        if healthy is not self.healthy:
            self.healthy = healthy
            if healthy:
                log.info("Redis carries revocations again")
            else:
                log.error(
                    "Redis does not answer: SQL alone carries revocations, within a second",
                    extra={"cause": type(cause).__name__},
                )


def _decode(member: str, score: str | float) -> Revocation | None:
    try:
        return decode_member(member, float(score))
    except ValueError:
        return None


def _entries_of(answer: Any) -> Iterable[tuple[str, Mapping[str, str]]]:
    """Return the entries of an XREAD of one stream, in both forms that redis-py gives them."""
    streams = answer.values() if isinstance(answer, dict) else (each[1] for each in answer or ())
    for entries in streams:
        for batch in entries:
            if isinstance(batch, list):
                yield from batch
            else:
                yield batch


def _open_client(url: str, timeout: float, connections: int) -> Redis:
    """Return a client that says within `timeout` that Redis is away, instead of trying on."""
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=connections,
        timeout=timeout,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
        protocol=2,
    )
    return Redis.from_pool(pool)
