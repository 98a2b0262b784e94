"""What the actors of a run share: questions that are judged, and ends that are watched."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from math import inf
from typing import Final

from tests.chaos.clients import Clients
from tests.chaos.model import Credential, Ending, Model, Outcome, Scope
from tests.chaos.report import Refused, Report
from tests.chaos.weather import GATEWAY

WATCH_EVERY: Final = 0.03  # seconds between two questions about what was just revoked
AWAY_EVERY: Final = 0.2  # seconds, where there was no verdict
RETRY: Final = 0.3  # seconds until what was not acknowledged is sent again
DONE: Final = frozenset({200, 204})
WITHOUT_EFFECT: Final = frozenset({400, 401, 403, 404, 412, 422, 428, 429})


class World:
    """One run. Raises WrongAnswer in whichever task asked."""

    def __init__(
        self, model: Model, clients: Clients, report: Report, group: asyncio.TaskGroup
    ) -> None:
        self.model = model
        self.clients = clients
        self.report = report
        self.everyone = Scope("everyone")
        self.credentials: list[Credential] = []
        self.places = [GATEWAY, *model.weather.replicas]
        self._group = group

    def add(self, credential: Credential) -> None:
        """Take a credential in that was just given out."""
        self.credentials.append(credential)

    async def ask(self, credential: Credential, place: str) -> Outcome:
        """Ask a place about a credential, and judge the answer."""
        sent = time.monotonic()
        outcome, told = await self.clients.ask(place, credential.headers)
        self.model.judge(credential, place, sent, outcome, told)
        self.report.answers[place, outcome] += 1
        return outcome

    async def end(
        self, scope: Scope, what: str, place: str, send: Callable[[], Awaitable[int]]
    ) -> Ending | None:
        """Have something taken away; return the end that was sent, None where it had no effect.

        `send` returns the status; what is lost on the way may have been done all the same.
        """
        ending = Ending(what, place, time.monotonic())
        scope.endings.append(ending)
        try:
            status = await send()
        except asyncio.CancelledError:
            ending.failed = time.monotonic()
            raise
        if status in DONE:
            ending.acknowledged = time.monotonic()
            self.report.done[f"ended: {what}"] += 1
            return ending
        ending.failed = time.monotonic()
        self.report.done["not acknowledged"] += 1
        if status in WITHOUT_EFFECT:
            scope.endings.remove(ending)
            return None
        return ending

    def watch(self, credential: Credential) -> None:
        """Ask every place about it without a pause until each refuses."""
        since = self.model.dead_since(credential)
        if since < inf:
            for place in self.places:
                self._group.create_task(self._watch(credential, place, since))

    async def _watch(self, credential: Credential, place: str, since: float) -> None:
        """Ask on until it is refused; the model ends what goes on for longer than it may."""
        latest = since
        while True:
            sent = time.monotonic()
            outcome = await self.ask(credential, place)
            if outcome is Outcome.REFUSED:
                calm = self.model.weather.is_calm(since, time.monotonic())
                self.report.refused.append(Refused(latest - since, place, calm))
                return
            latest = sent if outcome is Outcome.PASSED else latest
            await asyncio.sleep(WATCH_EVERY if outcome is Outcome.PASSED else AWAY_EVERY)
