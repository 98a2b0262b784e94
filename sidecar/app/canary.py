"""Releases a canary every few seconds, and hears when the feeds bring those of every process."""

import asyncio
import random
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final, NoReturn

from sidecar.clock import read_clock, read_unix_ms
from sidecar.core.canary import is_canary, parse_canary
from sidecar.core.propagation import Propagation
from sidecar.core.revocation import Revocation, RevocationView
from sidecar.core.writers import Writers
from sidecar.errors import StoreUnavailable
from sidecar.revocations import Revocations

JITTER: Final = 0.25  # of the period, either way: processes that started together do not stay so


class Ear:
    """Stands between the feeds and the view; what is published here does not pass it.

    With `writers`, which only Redis needs, it also tells them whose canaries come.
    """

    def __init__(
        self, view: RevocationView, propagation: Propagation, writers: Writers | None = None
    ) -> None:
        self._view = view
        self._propagation = propagation
        self._writers = writers

    def listen(self, feed: str) -> Callable[[Iterable[Revocation]], None]:
        """Return what takes in what this feed has read."""
        self._propagation.expect(feed)
        return partial(self._apply, feed)

    def _apply(self, feed: str, revocations: Iterable[Revocation]) -> None:
        canaries: list[Revocation] = []
        self._view.apply(_pick(revocations, canaries))
        if canaries:
            refused = [each for each in canaries if self._view.refuses_token(each.subject)]
            unix_ms, monotonic = read_unix_ms(), read_clock().monotonic
            self._propagation.hear(feed, refused, unix_ms, monotonic)
            self._meet(canaries, unix_ms, monotonic)

    def heard_sql(self, at: float) -> None:
        """Note a read of SQL that began at this monotonic second and left nothing out."""
        self._view.heard(at)
        if self._writers is not None:
            self._writers.hear_sql(at)

    def heard_redis(self, at: float) -> None:
        """Note a good read of Redis: it is as fresh as its most silent writer has it."""
        as_of = at if self._writers is None else self._writers.fresh_as_of(at)
        if as_of is not None:
            self._view.heard(as_of)

    def _meet(self, canaries: Iterable[Revocation], unix_ms: int, monotonic: float) -> None:
        if self._writers is None:
            return
        for revocation in canaries:
            canary = parse_canary(revocation.subject)
            if canary is None:
                continue
            # By our clock an old one may be new by that of who released it. It makes nobody known.
            if self._writers.knows(canary.replica) or not canary.is_old(unix_ms):
                self._writers.hear_canary(canary.replica, canary.released, monotonic)


def _pick(revocations: Iterable[Revocation], canaries: list[Revocation]) -> Iterator[Revocation]:
    """Pass all of them on; those that are canaries are also put into the list."""
    for revocation in revocations:
        if is_canary(revocation):
            canaries.append(revocation)
        yield revocation


class Canaries:
    """Releases canaries; `period` is seconds."""

    def __init__(self, propagation: Propagation, revocations: Revocations, period: float) -> None:
        self._propagation = propagation
        self._revocations = revocations
        self._period = period

    async def run(self) -> NoReturn:
        """Release one a period, for ever; the feed of SQL logs it where that is away."""
        while True:
            part = random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - no secret
            await asyncio.sleep(part * self._period)
            await self.release()

    async def release(self) -> None:
        """Release one; what hinders it is counted."""
        canary = self._propagation.release(read_unix_ms(), read_clock().monotonic)
        try:
            await self._revocations.release_canary(canary.make_revocation())
        except StoreUnavailable:
            self._propagation.fail(canary)
        else:
            self._propagation.acknowledge(canary, read_clock().monotonic)
