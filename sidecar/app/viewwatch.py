"""Says in the log that the revocations have become too old, and that they are fresh again."""

import asyncio
import logging
from typing import Final, NoReturn

from sidecar.clock import Now, read_clock
from sidecar.core.policy import WhenStale
from sidecar.core.writers import Silent, Writers
from sidecar.gate import Gate

PERIOD: Final = 0.5  # seconds between looks, which compare two numbers
MOST_NAMED: Final = 3  # writers in one line

log = logging.getLogger("sidecar.feed")


class ViewWatch:
    """Watches the age of the view, also while nobody asks: one line for each change.

    It goes by what the settings say, as `/readyz` does. Why the revocations are not read stands in
    the lines of the feeds; why Redis alone does not do, where there is one (`writers`), in this.
    """

    def __init__(self, gate: Gate, when_stale: WhenStale, writers: Writers | None = None) -> None:
        self._gate = gate
        self._when_stale = when_stale
        self._writers = writers
        self._own = "" if writers is None else writers.own
        self._stale_since: float | None = None

    async def run(self) -> NoReturn:
        """Look for ever."""
        while True:
            await asyncio.sleep(PERIOD)
            self.look(read_clock())

    def look(self, now: Now) -> None:
        """Say what has changed since the last look."""
        age, since = self._gate.view_age(now), self._stale_since
        if age is None:  # a process that has read nothing yet serves nobody
            return
        if not self._gate.is_stale(now):
            if since is not None:
                lasted = int(now.monotonic - since)
                log.info("the revocations are fresh again; the last reading was %d s old", lasted)
            self._stale_since = None
        elif since is None:
            self._stale_since = now.monotonic - age
            if self._when_stale is WhenStale.ALLOW:
                log.warning(
                    "the revocations were last read %d s ago: tokens are judged as they were then"
                    " (when_stale: allow) until they are read again: bring the database back%s",
                    age,
                    self._name_silent(now),
                )
            else:
                log.error(
                    "the revocations were last read %d s ago: whoever shows a token gets 503"
                    " (when_stale: deny) until they are read again: bring the database back%s",
                    age,
                    self._name_silent(now),
                )

    def _name_silent(self, now: Now) -> str:
        """Return who keeps Redis alone from being enough; empty where nobody does."""
        silent = [] if self._writers is None else self._writers.list_silent(now.monotonic)
        if not silent:
            return ""
        if any(each.name == self._own for each in silent):
            return ", or Redis, of which another line says what is wrong"
        names = ", ".join(_describe(each) for each in silent[:MOST_NAMED])
        more = f" and {len(silent) - MOST_NAMED} more" if len(silent) > MOST_NAMED else ""
        return (
            f" (Redis alone does not do while some say nothing there, who may have revoked what it"
            f" did not take: {names}{more}; one that reaches Redis again, or ends by SIGTERM, holds"
            " nothing up)"
        )


def _describe(silent: Silent) -> str:
    """Return where a writer is, and for how long it has vouched for nothing."""
    where = silent.where or silent.name
    return where if silent.seconds is None else f"{where} for {silent.seconds:.0f} s"
