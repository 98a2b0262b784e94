"""An administrator who revokes, disables and enables people, and an operator with his commands."""

import asyncio
import random
import sys
import time
from collections.abc import Sequence
from math import inf
from typing import Final

from tests.chaos.clients import Answer
from tests.chaos.deployment import ADMIN, Deployment
from tests.chaos.people import Person
from tests.chaos.world import RETRY, World
from tests.programs.service import PASSWORD

PAUSE: Final = 0.8  # seconds between what the administrator does, on average
DISABLED_FOR: Final = (0.2, 3.0)  # seconds
REVOKES: Final = 0.7  # of what the administrator does; the rest disables and enables
ROTATE_EVERY: Final = 15.0  # seconds, on average
EVERYONE_EVERY: Final = 25.0  # seconds, on average
COMMAND: Final = "a command"


class Administrator:
    """Acts over HTTP at any replica, until what was begun is acknowledged."""

    def __init__(self, world: World, people: Sequence[Person], rng: random.Random) -> None:
        self._world = world
        self._people = people
        self._rng = rng
        self._token = ""

    async def live(self) -> None:
        """Go on for ever."""
        while True:
            await asyncio.sleep(self._rng.uniform(0.5, 1.5) * PAUSE)
            person = self._rng.choice(self._people)
            if self._rng.random() < REVOKES:
                await self._revoke(person)
            else:
                await self._disable(person)
                await asyncio.sleep(self._rng.uniform(*DISABLED_FOR))
                await self._enable(person)

    async def _call(
        self, method: str, place: str, path: str, body: object = None, **headers: str
    ) -> Answer:
        """Send a request with a token; behind a 401 it is asked for anew."""
        if not self._token:
            login = {"username": ADMIN, "password": PASSWORD}
            answer = await self._world.clients.send("POST", place, "/login", login)
            if answer.status != 200:
                return Answer(401)  # nothing was sent
            self._token = answer.members["access_token"]
        headers["Authorization"] = f"Bearer {self._token}"
        answer = await self._world.clients.send(method, place, path, body, **headers)
        if answer.status == 401:
            self._token = ""
        return answer

    def _choose_place(self) -> str:
        return self._rng.choice(self._world.model.weather.replicas)

    async def _find(self, person: Person) -> tuple[str, str, bool]:
        """Return a person's id, the version of their row, and whether they are disabled."""
        while True:
            place = self._choose_place()
            found = await self._call("GET", place, f"/users?q={person.name}")
            if found.status == 200:
                members = {each["username"]: each for each in found.members["items"]}
                path = f"/users/{members[person.name]['id']}"
                answer = await self._call("GET", place, path)
                if answer.status == 200:
                    return path, answer.version, answer.members["disabled"]
            await asyncio.sleep(RETRY)

    async def _revoke(self, person: Person) -> None:
        path, _, _ = await self._find(person)
        while True:
            place = self._choose_place()

            async def send(place: str = place) -> int:
                return (await self._call("POST", place, f"{path}/revoke")).status

            ended = await self._world.end(person.scope, "revoked by an administrator", place, send)
            if ended is not None and ended.acknowledged < inf:
                person.watch_ended()
                return
            await asyncio.sleep(RETRY)

    async def _disable(self, person: Person) -> None:
        """Disable somebody; what was not acknowledged may be found done when it is looked at."""
        person.access.changes += 1
        person.access.disabled = None
        ended = None
        while ended is None or ended.acknowledged == inf:
            path, version, disabled = await self._find(person)
            if disabled and ended is not None:
                ended.acknowledged = time.monotonic()
                break
            place = self._choose_place()

            async def send(place: str = place, path: str = path, version: str = version) -> int:
                answer = await self._call(
                    "PATCH", place, path, {"disabled": True}, If_Match=version
                )
                return answer.status

            sent = await self._world.end(person.scope, "disabled", place, send)
            ended = sent or ended
            if sent is None or sent.acknowledged == inf:
                await asyncio.sleep(RETRY)
        person.access.disabled = True
        person.watch_ended()

    async def _enable(self, person: Person) -> None:
        person.access.changes += 1
        person.access.disabled = None
        while True:
            path, version, disabled = await self._find(person)
            if not disabled:
                break
            body = {"disabled": False}
            await self._call("PATCH", self._choose_place(), path, body, If_Match=version)
        person.access.changes += 1
        person.access.disabled = False
        self._world.report.done["enabled"] += 1


class Operator:
    """Rotates keys, and now and then revokes everyone, by commands beside the replicas."""

    def __init__(
        self, world: World, people: Sequence[Person], rng: random.Random, deployment: Deployment
    ) -> None:
        self._world = world
        self._people = people
        self._rng = rng
        self._service = next(iter(deployment.replicas.values()))

    async def rotate_keys(self) -> None:
        """Go on for ever; a turn that fails while the database is away is made another time."""
        while True:
            await asyncio.sleep(self._rng.uniform(0.5, 1.5) * ROTATE_EVERY)
            if await self._command("key", "rotate", "--now") == 0:
                self._world.report.done["key rotations"] += 1

    async def revoke_everyone(self) -> None:
        """Go on for ever."""
        while True:
            await asyncio.sleep(self._rng.uniform(0.5, 1.5) * EVERYONE_EVERY)
            ended = None
            while ended is None or ended.acknowledged == inf:
                ended = await self._world.end(self._world.everyone, "everyone", COMMAND, self._send)
            for person in self._people:
                person.watch_ended()

    async def _send(self) -> int:
        return 204 if await self._command("revoke", "--everyone") == 0 else 503

    async def _command(self, *words: str) -> int:
        """Run a command and return its exit code; it ends with this run."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sidecar", *words, "--config", str(self._service.config)),
            cwd=self._service.directory,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            return await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
