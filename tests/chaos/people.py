"""People who log in, ask, refresh and log out, at whichever place."""

import asyncio
import random
import time
from dataclasses import dataclass, field
from math import inf
from typing import Final

from tests.chaos.clients import Answer
from tests.chaos.model import Credential, Ending, Outcome, Scope, WrongAnswer
from tests.chaos.world import RETRY, World
from tests.programs.service import PASSWORD

PAUSE: Final = 0.2  # seconds between what one person does, on average
LOGINS: Final = 2  # at once: each costs a password hash
MOST_SESSIONS: Final = 3
REMEMBERED: Final = 40  # credentials of a person that are asked about again, most of them dead
WATCHED: Final = 2  # credentials of one end that every place is asked about at once

# What a person does next, and how often.
ACTIONS: Final = {"ask": 80, "refresh": 8, "log in": 6, "log out": 4, "log out everywhere": 1}


@dataclass(slots=True, eq=False)
class Session:
    """A session that its person believes to be open; `refresh_token` is empty for a cookie's."""

    scope: Scope
    credential: Credential
    refresh_token: str = field(default="", repr=False)


@dataclass(slots=True)
class Access:
    """Whether somebody is disabled: None while it is being changed; `changes` counts."""

    disabled: bool | None = False
    changes: int = 0


class Person:
    """Somebody with a few sessions."""

    def __init__(
        self, world: World, name: str, rng: random.Random, logins: asyncio.Semaphore
    ) -> None:
        self.name = name
        self.scope = Scope(name, world.everyone)
        self.access = Access()
        self._world = world
        self._rng = rng
        self._logins = logins
        self._sessions: list[Session] = []
        self._remembered: list[Credential] = []
        self._opened = 0
        self._tried = 0  # as of which change of access it was last tried to log in while disabled

    async def live(self) -> None:
        """Go on for ever."""
        while True:
            await asyncio.sleep(self._rng.uniform(0.5, 1.5) * PAUSE)
            action = self._rng.choices(list(ACTIONS), list(ACTIONS.values()))[0]
            place = self._rng.choice(self._world.model.weather.replicas)
            if not self._sessions or (action == "log in" and len(self._sessions) < MOST_SESSIONS):
                await self._log_in(place)
                continue
            session = self._rng.choice(self._sessions)
            if action == "refresh" and session.refresh_token:
                await self._refresh(session, place)
            elif action == "log out":
                await self._log_out(session)
            elif action == "log out everywhere":
                await self._log_out_everywhere(session, place)
            else:
                await self._ask()

    async def _ask(self) -> None:
        credential = self._rng.choice(self._remembered)
        await self._world.ask(credential, self._rng.choice(self._world.places))
        self._sessions = [each for each in self._sessions if each.credential.found == inf]

    def watch_ended(self) -> None:
        """Watch the youngest of what an end took away."""
        ended = [
            each for each in self._remembered if self._world.model.dead_since(each) < each.found
        ]
        for credential in ended[-WATCHED:]:
            self._world.watch(credential)

    async def _log_in(self, place: str) -> None:
        """Log in; who is disabled tries once, for more would be guessing to the throttle."""
        if self.access.disabled and self._tried == self.access.changes:
            return
        self._tried = self.access.changes
        by_cookie = self._rng.random() < 0.4
        body = {"username": self.name, "password": PASSWORD, "cookie": by_cookie}
        async with self._logins:
            asked, before = time.monotonic(), (self.access.disabled, self.access.changes)
            answer = await self._world.clients.send("POST", place, "/login", body)
        unchanged = before == (self.access.disabled, self.access.changes)
        self._judge_login(answer, place, self.access.disabled if unchanged else None)
        if answer.status != 200:
            await asyncio.sleep(RETRY)
            return
        self._world.report.done["logins"] += 1
        self._opened += 1
        scope = Scope(f"{self.name}#{self._opened}", self.scope)
        refresh_token = "" if by_cookie else answer.members["refresh_token"]
        credential = self._take(scope, answer, asked, time.monotonic())
        self._sessions.append(Session(scope, credential, refresh_token))

    def _judge_login(self, answer: Answer, place: str, disabled: bool | None) -> None:
        """Judge a login; `disabled` is None where it changed meanwhile."""
        if disabled is True and answer.status == 200:
            raise WrongAnswer(f"{self.name} is disabled and could log in at {place}")
        if disabled is False and answer.status in {401, 403}:
            raise WrongAnswer(f"{self.name} could not log in at {place}: {answer.status}")

    def _take(self, scope: Scope, answer: Answer, asked: float, given: float) -> Credential:
        if answer.cookie:
            headers, kind = {"Cookie": answer.cookie}, "cookie"
        else:
            headers, kind = {"Authorization": f"Bearer {answer.members['access_token']}"}, "token"
        name = f"{kind} of {scope.name}"
        credential = Credential(name, scope, headers, asked, given)
        self._world.add(credential)
        self._remembered.append(credential)
        del self._remembered[:-REMEMBERED]
        return credential

    async def _refresh(self, session: Session, place: str) -> None:
        asked = time.monotonic()
        body = {"refresh_token": session.refresh_token}
        answer = await self._world.clients.send("POST", place, "/refresh", body)
        outcome = {200: Outcome.PASSED, 401: Outcome.REFUSED}.get(answer.status, Outcome.NOTHING)
        self._world.model.judge_refresh(session.credential, asked, outcome)
        if outcome is Outcome.PASSED:
            self._world.report.done["refreshes"] += 1
            session.refresh_token = answer.members["refresh_token"]
            first = session.credential
            session.credential = self._take(session.scope, answer, first.asked, first.given)
        elif outcome is Outcome.REFUSED:
            self._sessions.remove(session)

    async def _log_out(self, session: Session) -> None:
        """Log out, again and again until it is acknowledged."""
        self._sessions.remove(session)
        ended: Ending | None = None
        while ended is None or ended.acknowledged == inf:
            place = self._rng.choice(self._world.model.weather.replicas)
            ended = await self._send_logout(session.scope, session, place, everywhere=False)
            if ended is None or ended.acknowledged == inf:
                await asyncio.sleep(RETRY)
        self._world.watch(session.credential)

    async def _log_out_everywhere(self, session: Session, place: str) -> None:
        """Log out everywhere; with a credential that is over it ends its own session only."""
        ended = await self._send_logout(self.scope, session, place, everywhere=True)
        if ended is not None and ended.acknowledged < inf:
            if self._count_endings(session.credential) > 1:
                ended.failed, ended.acknowledged = ended.acknowledged, inf
            self._sessions = [each for each in self._sessions if each is not session]
            self.watch_ended()

    def _count_endings(self, credential: Credential) -> int:
        return sum(1 for _ in self._world.model.endings_of(credential))

    async def _send_logout(
        self, scope: Scope, session: Session, place: str, *, everywhere: bool
    ) -> Ending | None:
        async def send() -> int:
            headers = {**session.credential.headers, "Sec_Fetch_Site": "same-origin"}
            body = {"everywhere": everywhere}
            answer = await self._world.clients.send("POST", place, "/logout", body, **headers)
            return answer.status

        what = "logout everywhere" if everywhere else "logout"
        return await self._world.end(scope, what, place, send)
