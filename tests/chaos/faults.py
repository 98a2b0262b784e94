"""The faults of the schedule, done to real programs; each is over and mended when it returns."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final

from redis.exceptions import OutOfMemoryError

from tests.chaos.deployment import Deployment
from tests.chaos.schedule import Fault, Planned
from tests.faults import redis_faults

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


async def _break_redis(deployment: Deployment, planned: Planned) -> None:
    """Do one of what the tests of Redis do.

    One that evicts is full once nothing is left to evict, as when the replicas connect again just
    then; no more can be lost.
    """
    with suppress(OutOfMemoryError):
        async with REDIS[planned.fault](deployment.redis):
            await asyncio.sleep(planned.lasts)


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


REDIS: Final = {
    Fault.REDIS_KILLED: redis_faults.killed,
    Fault.REDIS_RESTARTED: redis_faults.restarted,
    Fault.REDIS_FROZEN: redis_faults.frozen,
    Fault.REDIS_FLUSHED: redis_faults.flushed,
    Fault.REDIS_TRIMMED: redis_faults.trimmed,
    Fault.REDIS_FULL: redis_faults.full,
    Fault.REDIS_EVICTING: redis_faults.evicting,
    Fault.REDIS_LOCKED: redis_faults.locked,
    Fault.REDIS_SLOW: redis_faults.slow,
    Fault.REDIS_SLOWISH: redis_faults.slowish,
    Fault.REDIS_CUT: redis_faults.cut,
}
DOING: Final[dict[Fault, Doing]] = {
    **dict.fromkeys(REDIS, _break_redis),
    Fault.POSTGRES_FROZEN: _freeze_postgres,
    Fault.POSTGRES_RESTARTED: _restart_postgres,
    Fault.POSTGRES_CRASHED: _restart_postgres,
    Fault.REPLICA_KILLED: _kill_replica,
    Fault.REPLICA_ENDED: _end_replica,
    Fault.REPLICA_PAUSED: _pause_replica,
    Fault.GATEWAY_RELOADED: _reload_gateway,
}
