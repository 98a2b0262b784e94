"""The writing half of the feed: revocations are announced, and a log is founded."""

import asyncio
import secrets
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from sidecar.clock import read_clock
from sidecar.core.revocation import Revocation
from sidecar.ports import Entry
from sidecar.stores.redis.health import Direction, Health
from sidecar.stores.redis.log import (
    ANNOUNCE,
    CLAIM,
    LONGEST_STREAM,
    META,
    SNAPSHOT,
    STREAM,
    encode_member,
)

CONNECTIONS: Final = 8  # at once for announcements; who waits longer than the timeout gets False
ANNOUNCE_TIMEOUT: Final = 0.5  # seconds: who revokes waits for it
ANNOUNCE_BATCH: Final = 200  # revocations in one script, which holds Redis for about a millisecond
EXPIRED_BATCH: Final = 200  # expired members that one announcement drops
REFILL: Final = Path(__file__).with_name("refill.lua").read_text(encoding="utf-8")


class Announcements:
    """The port Announcer; counts `announced` and `failed` entries."""

    def __init__(self, client: Redis, health: Health) -> None:
        self.announced = self.failed = 0
        self._health = health
        self._done = 0
        self._announce = client.register_script(ANNOUNCE)
        self._mark = client.register_script(REFILL)

    async def announce(self, entries: Sequence[Entry]) -> bool:
        """Announce these; False where Redis did not take them within ANNOUNCE_TIMEOUT.

        It may have taken some of them all the same: announced twice is announced.
        """
        revocations = [entry.revocation for entry in entries]
        if not entries or await self._try(self._write(revocations)):
            self.announced += len(entries)
            return True
        self.failed += len(entries)
        return False

    async def found(self) -> bool:
        """Found the log where there is none, and try whether Redis takes anything."""
        return await self._try(self._write(()))

    async def forsake(self, incarnation: str) -> bool:
        """Give the log another incarnation, unless it has one: this one lacks something.

        Everybody learns of it so, and it is filled anew.
        """
        arguments = ("lost", incarnation, secrets.token_hex(8))
        return await self._try(self._mark(keys=[META, CLAIM], args=arguments))

    async def _write(self, revocations: Sequence[Revocation]) -> None:
        head = (secrets.token_hex(8), read_clock().unix, LONGEST_STREAM, EXPIRED_BATCH)
        for start in range(0, max(1, len(revocations)), ANNOUNCE_BATCH):
            arguments: list[str | int] = [*head]
            for revocation in revocations[start : start + ANNOUNCE_BATCH]:
                arguments += (encode_member(revocation), revocation.forget_at)
            await self._announce(keys=[SNAPSHOT, STREAM, META], args=arguments)

    async def _try(self, work: Awaitable[Any]) -> bool:
        """Say whether Redis did it within ANNOUNCE_TIMEOUT."""
        done_before = self._done
        try:
            async with asyncio.timeout(ANNOUNCE_TIMEOUT):
                await work
        except (RedisError, OSError) as error:
            # What is too late was sent to a Redis that may be well again by now: where something
            # that came after it was done, it is.
            if not isinstance(error, TimeoutError) or self._done == done_before:
                self._health.note_failure(Direction.WRITE, error)
            return False
        self._done += 1
        self._health.note_success(Direction.WRITE)
        return True
