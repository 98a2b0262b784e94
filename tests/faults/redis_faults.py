"""What can happen to Redis while services run on it, each as a block in which it lasts."""

import asyncio
import secrets
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from redis.asyncio import Redis

from sidecar.stores.redis.announcing import ANNOUNCE_TIMEOUT
from sidecar.stores.redis.log import META
from sidecar.stores.redis.reading import READ_TIMEOUT
from tests.faults.wire import Wire
from tests.programs.redis import RedisServer

LASTS: Final = READ_TIMEOUT + 1.0  # seconds: longer than every timeout
SLOW: Final = 2 * READ_TIMEOUT  # seconds for each piece: no answer comes in time
SLOWISH: Final = ANNOUNCE_TIMEOUT / 20  # seconds for each piece: every answer comes, late
IN_THE_MIDDLE: Final = 3  # octets of a reply that still come
ROOM: Final = 200_000  # octets that an evicting Redis has beside what it holds
JUNK: Final = 20_000  # octets of a value of somebody else


@dataclass(frozen=True, slots=True)
class Broken:
    """A Redis on its wire, for a fault to begin and end."""

    server: RedisServer
    wire: Wire

    @asynccontextmanager
    async def operator(self) -> AsyncIterator[Any]:
        """Open a client beside the wire; Any, as redis-py types commands for two clients."""
        async with Redis.from_url(self.server.url) as client:
            yield client


@asynccontextmanager
async def killed(broken: Broken) -> AsyncIterator[None]:
    """Kill it, and start it again without what it held."""
    assert broken.server.program is not None
    await broken.server.program.end(signal.SIGKILL)
    yield
    await broken.server.start()


@asynccontextmanager
async def restarted(broken: Broken) -> AsyncIterator[None]:
    """Restart it at once; it holds nothing then."""
    assert broken.server.program is not None
    await broken.server.program.end()
    await broken.server.start()
    yield


@asynccontextmanager
async def frozen(broken: Broken) -> AsyncIterator[None]:
    """Stop it from running; its connections stay."""
    assert broken.server.program is not None
    process = broken.server.program.process
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


@asynccontextmanager
async def flushed(broken: Broken) -> AsyncIterator[None]:
    """Empty it."""
    async with broken.operator() as client:
        await client.flushall()
    yield


@asynccontextmanager
async def trimmed(broken: Broken) -> AsyncIterator[None]:
    """Cut its streams to nothing, over and over."""

    async def trim() -> None:
        async with broken.operator() as client:
            while True:
                for key in [key async for key in client.scan_iter(_type="stream")]:
                    await client.xtrim(key, maxlen=0, approximate=False)
                await asyncio.sleep(0.005)

    trimming = asyncio.create_task(trim())
    # A Redis that is killed at its end ends it too, and nobody asks what became of it.
    trimming.add_done_callback(lambda task: task.cancelled() or task.exception())
    try:
        yield
        assert not trimming.done(), trimming
    finally:
        trimming.cancel()


@asynccontextmanager
async def full(broken: Broken) -> AsyncIterator[None]:
    """Leave it no memory, and no way to make room."""
    async with _configured(broken, {"maxmemory": "1", "maxmemory-policy": "noeviction"}):
        yield


@asynccontextmanager
async def evicting(broken: Broken) -> AsyncIterator[None]:
    """Have it drop whatever was not used for longest, while somebody else fills it.

    What it drops is up to it. The least and smallest of ours goes by hand, as it might at any time.
    """
    async with broken.operator() as client:
        used = int((await client.info("memory"))["used_memory"])
        limits = {"maxmemory": str(used + ROOM), "maxmemory-policy": "allkeys-lru"}
        async with _configured(broken, limits):
            for number in range(5 * ROOM // JUNK):
                await client.set(f"junk:{number}", b"j" * JUNK)
            await client.unlink(META)
            yield
        await client.unlink(META, *[key async for key in client.scan_iter("junk:*")])


@asynccontextmanager
async def locked(broken: Broken) -> AsyncIterator[None]:
    """Give it another password, which nobody was told; connections have to be made anew."""
    async with broken.operator() as client:
        await client.config_set("requirepass", secrets.token_urlsafe(16))
        await client.client_kill_filter(_type="normal", skipme=True)
        try:
            yield
        finally:
            await client.config_set("requirepass", broken.server.password or "")


@asynccontextmanager
async def slow(broken: Broken) -> AsyncIterator[None]:
    """Let no answer come in time."""
    broken.wire.delay = SLOW
    yield
    broken.wire.delay = 0.0


@asynccontextmanager
async def slowish(broken: Broken) -> AsyncIterator[None]:
    """Let every answer come late, and still in time."""
    broken.wire.delay = SLOWISH
    yield
    broken.wire.delay = 0.0


@asynccontextmanager
async def cut(broken: Broken) -> AsyncIterator[None]:
    """Break every connection in the middle of the next reply."""
    broken.wire.cut_after = IN_THE_MIDDLE
    yield
    broken.wire.cut_after = None


@asynccontextmanager
async def _configured(broken: Broken, limits: dict[str, str]) -> AsyncIterator[None]:
    """Set these for the length of the block."""
    async with broken.operator() as client:
        before = {name: (await client.config_get(name))[name] for name in limits}
        for name, value in limits.items():
            await client.config_set(name, value)
        try:
            yield
        finally:
            for name, value in before.items():
                await client.config_set(name, value)


AWAY: Final = "Redis does not answer: start it, or correct redis.url"
EMPTIED: Final = "Redis was emptied or failed over"
FULL: Final = "Redis is full: raise its maxmemory"
LOCKED: Final = "Redis refuses the password"
EVICTS: Final = "Redis evicts what it is to keep"


@dataclass(frozen=True, slots=True)
class RedisFault:
    """A fault, and how the lines of the log begin that it may bring.

    The first has to be there, once; without any nothing is lost.
    """

    lasting: Callable[[Broken], AbstractAsyncContextManager[None]]
    told: tuple[str, ...] = ()


FAULTS: Final = {
    "killed, back empty": RedisFault(killed, (AWAY, EMPTIED)),
    "restarted empty": RedisFault(restarted, (EMPTIED, AWAY)),
    "frozen": RedisFault(frozen, (AWAY,)),
    "flushed": RedisFault(flushed, (EMPTIED,)),
    "stream trimmed": RedisFault(trimmed),
    "full, noeviction": RedisFault(full, (FULL,)),
    "evicting, allkeys-lru": RedisFault(evicting, (EVICTS, EMPTIED)),
    "another password": RedisFault(locked, (LOCKED, AWAY)),
    "slow, too late": RedisFault(slow, (AWAY,)),
    "slow, in time": RedisFault(slowish),
    "cut in the middle of a reply": RedisFault(cut, (AWAY,)),
}
