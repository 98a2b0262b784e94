"""One run: people live while faults come, and in the end all must be well."""

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from aiohttp import ClientSession, DummyCookieJar, TCPConnector

from tests.chaos.administrators import Administrator, Operator
from tests.chaos.clients import Clients
from tests.chaos.deployment import Deployment, serving_deployment
from tests.chaos.faults import run_schedule
from tests.chaos.model import Model, Outcome, WrongAnswer
from tests.chaos.people import LOGINS, Person
from tests.chaos.report import Report
from tests.chaos.schedule import Planned
from tests.chaos.weather import RECOVERY
from tests.chaos.world import World
from tests.faults.asking import until_degraded

NAMES: Final = [f"person{number}" for number in range(12)]
START_AND_END: Final = 240.0  # seconds for all that is no part of the run itself
LINES_SHOWN: Final = 20  # of the log of each replica
AUDITED: Final = 60  # credentials that every replica is asked about at the end, the youngest


async def run_chaos(
    directory: Path,
    seed: int,
    seconds: float,
    planned: Sequence[Planned],
    launcher: tuple[str, ...] = ("sidecar",),
) -> Report:
    """Run it; every program that was started has ended then.

    Raises WrongAnswer, which says the seed and the faults that were planned.
    """
    report = Report(seed, seconds)
    async with (
        asyncio.timeout(seconds + START_AND_END),
        serving_deployment(directory, NAMES, launcher) as deployment,
        ClientSession(cookie_jar=DummyCookieJar(), connector=TCPConnector(limit=0)) as session,
    ):
        try:
            await _live(deployment, session, report, planned)
        except ExceptionGroup as group:  # until Python 3.11.4 `except*` raises groups alone
            wrong, others = group.split(WrongAnswer)
            if wrong is None:
                raise
            schedule = [f"  {each}" for each in planned]
            head = f"a wrong answer; SEED={seed} repeats these faults in {seconds:.0f} s:"
            lines = [head, *schedule, str(_find_first(wrong)), *_last_lines(deployment)]
            raise WrongAnswer("\n".join(lines)) from others
    return report


def _last_lines(deployment: Deployment) -> list[str]:
    """Return what each replica wrote last: a refusal's line has its reason."""
    lines = []
    for name, replica in deployment.replicas.items():
        written = "" if replica.program is None else replica.program.read_output()
        lines.append(f"  what {name} wrote last:")
        lines += [f"    {line}" for line in written.splitlines()[-LINES_SHOWN:]]
    return lines


def _find_first(error: BaseException) -> BaseException:
    """Return the first of a group."""
    return _find_first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


async def _live(
    deployment: Deployment, session: ClientSession, report: Report, planned: Sequence[Planned]
) -> None:
    model = Model(deployment.weather)
    async with asyncio.TaskGroup() as group:
        world = World(model, Clients(session, deployment), report, group)
        logins = asyncio.Semaphore(LOGINS)
        people = [Person(world, name, _rng(report, name), logins) for name in NAMES]
        administrator = Administrator(world, people, _rng(report, "administrator"))
        operator = Operator(world, people, _rng(report, "operator"), deployment)
        living = [
            *(person.live() for person in people),
            administrator.live(),
            operator.rotate_keys(),
            operator.revoke_everyone(),
        ]
        tasks = [group.create_task(each) for each in living]
        began = asyncio.get_running_loop().time()
        faults = group.create_task(run_schedule(deployment, planned, began, report.seconds))
        await asyncio.sleep(report.seconds)
        await faults
        for task in tasks:
            task.cancel()
    # Whatever was still being watched has ended with the group.
    await _audit(deployment, world, session)
    report.asked, report.faults = model.asked, deployment.weather.count()
    report.credentials = len(world.credentials)
    report.slow_ends = deployment.slow_ends


def _rng(report: Report, name: str) -> random.Random:
    return random.Random(f"{report.seed} {name}")  # noqa: S311 - no secret


async def _audit(deployment: Deployment, world: World, session: ClientSession) -> None:
    """Fail unless all is well by itself, and every replica says what is right without a doubt."""
    for replica in deployment.replicas.values():
        await until_degraded(session, replica)
    await asyncio.sleep(RECOVERY)
    for credential in world.credentials[-AUDITED:]:
        for place in world.places:
            outcome = await world.ask(credential, place)
            if outcome is Outcome.NOTHING:
                world.model.fail(credential, f"{place} comes to no verdict although all is well")
