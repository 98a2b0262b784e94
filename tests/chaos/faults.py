"""The faults of the schedule, done to real programs; each is over and mended when it returns."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from redis.asyncio import Redis

from tests.chaos.deployment import Deployment
from tests.chaos.schedule import Fault, Planned

RELOADING: Final = 1.0  # seconds in which nginx closes connections to replicas
Doing = Callable[[Deployment, Planned], Awaitable[None]]


async def run_schedule(
    deployment: Deployment, planned: Sequence[Planned], began: float, seconds: float
) -> None:
    """Do all faults, those of one target one after the other; `began` is a monotonic second.

    What could not begin within so many seconds, because others took longer, is left out.
    """
    async with asyncio.TaskGroup() as group:
        for target in {each.target for each in planned}:
            column = [each for each in planned if each.target == target]
            group.create_task(_run_column(deployment, column, began, began + seconds))


async def _run_column(
    deployment: Deployment, column: Sequence[Planned], began: float, until: float
) -> None:
    for planned in column:
        await asyncio.sleep(began + planned.at - time.monotonic())
        if time.monotonic() >= until:
            return
        with deployment.weather.disturbing(planned.target, planned.fault.value):
            await DOING[planned.fault](deployment, planned)


async def _kill_redis(deployment: Deployment, planned: Planned) -> None:
    assert deployment.redis.program is not None
    await deployment.redis.program.end(signal.SIGKILL)
    await asyncio.sleep(planned.lasts)
    await deployment.redis.start()


async def _restart_redis(deployment: Deployment, _planned: Planned) -> None:
    assert deployment.redis.program is not None
    await deployment.redis.program.end()
    await deployment.redis.start()


async def _freeze_redis(deployment: Deployment, planned: Planned) -> None:
    assert deployment.redis.program is not None
    process = deployment.redis.program.process
    process.send_signal(signal.SIGSTOP)
    try:
        await asyncio.sleep(planned.lasts)
    finally:
        process.send_signal(signal.SIGCONT)


async def _flush_redis(deployment: Deployment, _planned: Planned) -> None:
    async with Redis.from_url(deployment.redis.url) as client:
        await client.flushall()


async def _trim_redis(deployment: Deployment, _planned: Planned) -> None:
    async with Redis.from_url(deployment.redis.url) as client:
        for key in [key async for key in client.scan_iter(_type="stream")]:
            await client.xtrim(key, maxlen=0, approximate=False)


async def _fill_redis(deployment: Deployment, planned: Planned) -> None:
    async with Redis.from_url(deployment.redis.url) as client:
        await client.config_set("maxmemory", "1")
        try:
            await asyncio.sleep(planned.lasts)
        finally:
            await client.config_set("maxmemory", "0")


async def _freeze_postgres(deployment: Deployment, planned: Planned) -> None:
    deployment.postgres.send(signal.SIGSTOP)
    try:
        await asyncio.sleep(planned.lasts)
    finally:
        deployment.postgres.send(signal.SIGCONT)


async def _restart_postgres(deployment: Deployment, planned: Planned) -> None:
    mode = "fast" if planned.fault is Fault.POSTGRES_RESTARTED else "immediate"
    await asyncio.to_thread(deployment.postgres.stop, mode)
    await asyncio.to_thread(deployment.postgres.start)


async def _kill_replica(deployment: Deployment, planned: Planned) -> None:
    replica = deployment.replicas[planned.target]
    await replica.end(signal.SIGKILL)
    await asyncio.sleep(planned.lasts)
    await replica.start_again()


async def _end_replica(deployment: Deployment, planned: Planned) -> None:
    replica = deployment.replicas[planned.target]
    if await replica.end_at_last():
        deployment.slow_ends += 1
    await asyncio.sleep(planned.lasts)
    await replica.start_again()


async def _pause_replica(deployment: Deployment, planned: Planned) -> None:
    program = deployment.replicas[planned.target].program
    assert program is not None
    program.process.send_signal(signal.SIGSTOP)
    try:
        await asyncio.sleep(planned.lasts)
    finally:
        program.process.send_signal(signal.SIGCONT)


async def _reload_gateway(deployment: Deployment, _planned: Planned) -> None:
    deployment.gateway.program.process.send_signal(signal.SIGHUP)
    await asyncio.sleep(RELOADING)


DOING: Final[dict[Fault, Doing]] = {
    Fault.REDIS_KILLED: _kill_redis,
    Fault.REDIS_RESTARTED: _restart_redis,
    Fault.REDIS_FROZEN: _freeze_redis,
    Fault.REDIS_FLUSHED: _flush_redis,
    Fault.REDIS_TRIMMED: _trim_redis,
    Fault.REDIS_FULL: _fill_redis,
    Fault.POSTGRES_FROZEN: _freeze_postgres,
    Fault.POSTGRES_RESTARTED: _restart_postgres,
    Fault.POSTGRES_CRASHED: _restart_postgres,
    Fault.REPLICA_KILLED: _kill_replica,
    Fault.REPLICA_ENDED: _end_replica,
    Fault.REPLICA_PAUSED: _pause_replica,
    Fault.GATEWAY_RELOADED: _reload_gateway,
}
