"""A program whose processes kill themselves at each await of a request, one after the other.

The first two die by how far their commit has come: how many awaits lie before it differs from one
process to the next, so that a count alone may pass it by.

`dying.py SETTINGS refresh|logout|everywhere` prints a line of JSON for each process: how it was
answered (null where it died), how far its commit had come by then, and what the next one that
started found. The last line is of the first one that lived. What no signal from outside could time
is timed from within.

Each process is forked from this one, which has neither threads nor an event loop, so that no start
costs an import.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Iterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from enum import StrEnum, auto
from functools import partial
from pathlib import Path
from types import coroutine
from typing import Any, Final, NamedTuple, TypeVar

import sqlalchemy as sa
from aiohttp import ClientSession, DummyCookieJar, web

from sidecar.app.runner import open_serving
from sidecar.settings import Settings, load_settings
from sidecar.stores.redis import feed as _preloaded  # noqa: F401 - else each child imports it
from sidecar.stores.sql.engine import Database
from sidecar.stores.sql.tables import sessions
from sidecar.web.middlewares import Handler
from tests.programs.service import PASSWORD
from tests.web.asked import claims_of

T = TypeVar("T")
Tokens = dict[str, Any]

MOST_AWAITS: Final = 200  # of one request; there are a few dozen
# Commits here are the request's, and not those of a task beside it.
DYING: Final = ContextVar("DYING", default=False)
UNDISTURBED: Final = 1.0  # seconds that a thread may run Python for
SESSIONS: Final = 2  # of alice; the request is made for the first of them
OTHERS: Final = sa.text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


class Commit(StrEnum):
    """How far a request's first commit has come, which is the one that decides."""

    AHEAD = auto()
    ASKED = auto()  # the database works on it
    BEHIND = auto()


class Place(NamedTuple):
    """An await of a request: its number from 1, and whether what was awaited is done."""

    number: int
    done: bool


@coroutine
def die_at(work: Awaitable[T], is_end: Callable[[Place], bool]) -> Generator[Any, Any, T]:
    """Run `work`, and be killed at the first place of it for which `is_end` is true."""
    steps = work.__await__()
    for number in range(1, MOST_AWAITS):
        try:
            awaited = next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
        for here in (Place(number, done=False), Place(number, done=True)):
            if here.done:
                yield awaited
            if is_end(here):
                os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("the request does not end")


class Armed:
    """Stands around every handler; `end` is where the next request kills its process.

    How far its commit has come is told as it comes there.
    """

    def __init__(self, tell: Callable[[Any], None]) -> None:
        self.end: Place | Commit | None = None
        self._tell = tell
        self._commit = Commit.AHEAD
        sa.event.listen(sa.Engine, "commit", self._ask)

    @web.middleware
    async def stand_around(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer, or die."""
        answering = handler(request)
        if self.end is None:
            return await answering
        DYING.set(True)
        self._tell(self._commit)
        return await die_at(answering, self._is_end)

    def _ask(self, _: sa.Connection) -> None:
        if DYING.get() and self._commit is Commit.AHEAD:
            self._turn(Commit.ASKED)

    def _is_end(self, place: Place) -> bool:
        # SQLAlchemy says that it commits, and the next await is for the driver to have done so.
        if place.done and self._commit is Commit.ASKED:
            self._turn(Commit.BEHIND)
        return self.end in {place, self._commit}

    def _turn(self, commit: Commit) -> None:
        self._commit = commit
        self._tell(commit)


@asynccontextmanager
async def serving(settings: Settings, armed: Armed) -> AsyncIterator[ClientSession]:
    """Run a service, and yield a client of it."""
    async with open_serving(settings) as (_, runner):
        # Which of two threads is ahead at an await must be the same in each process.
        sys.setswitchinterval(UNDISTURBED)
        runner.app.middlewares.insert(0, armed.stand_around)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with ClientSession(url, cookie_jar=DummyCookieJar()) as client:
            yield client
        await runner.cleanup()


async def post(client: ClientSession, path: str, body: Tokens, token: str = "") -> tuple[int, Any]:
    """Return the status, and what came with a 200."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with client.post(path, json=body, headers=headers) as answer:
        return answer.status, await answer.json() if answer.status == 200 else None


async def log_in(client: ClientSession) -> list[Tokens]:
    """Open the sessions."""
    body = {"username": "alice", "password": PASSWORD}
    return [(await post(client, "/login", body))[1] for _ in range(SESSIONS)]


async def ask(client: ClientSession, name: str, tokens: Tokens) -> tuple[int, Any]:
    """Make the request, and return how it was answered."""
    match name:
        case "refresh":
            body = {"refresh_token": tokens["refresh_token"]}
            return await post(client, "/refresh", body)
        case "logout":
            return await post(client, "/logout", {}, tokens["access_token"])
        case _:
            return await post(client, "/logout", {"everywhere": True}, tokens["access_token"])


async def look(client: ClientSession, tokens: Tokens, rows: dict[str, int]) -> list[int | None]:
    """Return what is found of a session.

    That is the generation of its row, the status for its access token, and those of two refreshes,
    the second with what the first one gave.
    """
    token = tokens["access_token"]
    async with client.get("/me", headers={"Authorization": f"Bearer {token}"}) as answer:
        who = answer.status
    first, given = await post(client, "/refresh", {"refresh_token": tokens["refresh_token"]})
    latest = (given or tokens)["refresh_token"]
    second, _ = await post(client, "/refresh", {"refresh_token": latest})
    return [rows.get(claims_of(token)["sid"]), who, first, second]


async def live(
    settings: Settings,
    name: str,
    opened: list[Tokens],
    end: Place | Commit,
    tell: Callable[[Any], None],
) -> None:
    """Tell what is found of these sessions, open others, and make the request, or die of it."""
    rows, armed = await read_rows(settings.database_url), Armed(tell)
    async with serving(settings, armed) as client:
        found = [await look(client, tokens, rows) for tokens in opened]
        following = await log_in(client)
        tell([found, following])
        armed.end = end
        tell(await ask(client, name, following[0]))


async def read_rows(url: str) -> dict[str, int]:
    """Return the generation of each session, once the dead have let go of the database."""
    database = Database(url)
    try:
        while not database.is_sqlite:
            async with database.read() as connection:
                if not (await connection.execute(OTHERS)).scalar_one():
                    break
            await asyncio.sleep(0.01)
        async with database.read() as connection:
            rows = await connection.execute(sa.select(sessions.c.sid, sessions.c.generation))
            return {row.sid: row.generation for row in rows}
    finally:
        await database.close()


def run_apart(live: Callable[[Callable[[Any], None]], Coroutine[Any, Any, None]]) -> list[Any]:
    """Return what a process of its own tells until it ends or is killed."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        asyncio.run(live(lambda value: print_line(writer, value)))
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as told:
        values = [json.loads(line) for line in told]
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) in {0, -signal.SIGKILL}
    return values


def print_line(file: int, value: Any) -> None:
    """Write a value as a line of JSON."""
    os.write(file, json.dumps(value).encode() + b"\n")


def ends() -> Iterator[Place | Commit]:
    """Yield every place, one after the other, behind what a commit comes to."""
    yield Commit.ASKED
    yield Commit.BEHIND
    for number in range(1, MOST_AWAITS):
        yield Place(number, done=False)
        yield Place(number, done=True)


def main() -> None:
    """Let processes die until one lives, and look once more behind that one."""
    settings = load_settings(Path(sys.argv[1]), environ={}, flags={})
    opened: list[Tokens] = []
    status = commit = None
    for end in ends():
        life = partial(live, settings, sys.argv[2], opened, end)
        (found, following), *told = run_apart(life)
        if opened:
            print_line(1, {"status": status, "commit": commit, "found": found})
        if status is not None:
            return
        opened = following
        if not isinstance(told[-1], str):
            status, given = told.pop()
            if given is not None:  # what was acknowledged is what is asked about
                opened[0] = given
        commit = told[-1]


if __name__ == "__main__":
    main()
