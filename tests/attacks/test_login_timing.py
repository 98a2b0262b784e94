"""How long a login takes tells nobody whether a user exists (CWE-208).

Measured is the processor time of the whole process for each attempt: that of the threads which
hash, of the event loop and of the database's threads. What else runs on the machine takes time
from the wall clock only; what slows down the processor itself meets every kind of attempt alike,
since they come in turns. What an attempt waits for is held equal by the statements that it makes.
"""

import statistics
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from sidecar.core.audit import Device
from sidecar.core.throttle import HOUR
from sidecar.core.verdict import Deny, Reason
from sidecar.login import Attempt, Login
from sidecar.web.context import CONTEXT
from tests.web.conftest import Web, serving_web

pytestmark = pytest.mark.asyncio

ROUNDS = 200
REPEATS = 4  # of the count of statements: each kind is alone in one of them
NAMES = ("known", "disabled", "unknown")
TOLERANCE = 0.10  # of the median; a hash that is left out would be 0.9 of it
HOME = Device("203.0.113.7", "browser")


async def add_people(web: Web) -> Login:
    """Add somebody known and somebody disabled; return what logs them in."""
    for name in ("known", "disabled"):
        await web.add_user(name)
    await web.change_user("disabled", disabled=True)
    assert web.runner.app is not None
    return web.runner.app[CONTEXT].login


async def attempt(login: Login, name: str, number: int) -> None:
    """Try a wrong password; an hour lies between two, so that nobody has to wait."""
    answer = await login.check_password(Attempt(name, "wrong " * 4, HOME), number * HOUR)
    assert answer == Deny(Reason.INVALID_CREDENTIALS)


async def test_unknown_disabled_and_known_users_take_the_same_time(tmp_path: Path) -> None:
    async with serving_web(tmp_path) as web:
        login = await add_people(web)
        took: dict[str, list[int]] = {name: [] for name in NAMES}
        for number in range(1, ROUNDS + 1):
            turn = number % len(NAMES)
            for name in NAMES[turn:] + NAMES[:turn]:  # none is always behind the same other
                began = time.process_time_ns()
                await attempt(login, name, number)
                took[name].append(time.process_time_ns() - began)
    medians = {name: statistics.median(times) for name, times in took.items()}
    assert max(medians.values()) <= (1 + TOLERANCE) * min(medians.values()), medians


async def test_unknown_disabled_and_known_users_cost_the_same_statements(tmp_path: Path) -> None:
    async with serving_web(tmp_path) as web:
        login = await add_people(web)
        made: list[str] = []
        database = web.serving.services.store._database
        assert database._alone is not None
        for engine in (database._engine.sync_engine, database._alone._engine):
            sa.event.listen(
                engine,
                "before_cursor_execute",
                lambda _connection, _cursor, statement, *_: made.append(statement),
            )
        counted: dict[str, list[tuple[str, ...]]] = {name: [] for name in NAMES}
        for number in range(1, REPEATS + 1):
            for name in NAMES:
                made.clear()
                await attempt(login, name, number)
                counted[name].append(tuple(made))
    # What the feeds ask meanwhile only adds to it.
    alone = {name: min(made, key=len) for name, made in counted.items()}
    assert len(set(alone.values())) == 1
    assert any("FROM users" in statement for statement in alone["unknown"])
