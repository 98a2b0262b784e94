"""Who may pass: what is right for every credential at every moment.

A credential may pass until something that takes it away is sent. From then on both answers are
right, until that was acknowledged and its bound is over; then only a refusal is. What was not
acknowledged leaves both right; but a credential that was refused once is refused from then on,
everywhere, within the same bound. 503 is right where the weather explains it.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from math import inf
from typing import Final, NoReturn

from tests.chaos.weather import Weather

LONGEST_HISTORY: Final = 100  # lines


class Outcome(Enum):
    """How a question was answered."""

    PASSED = "let in"
    REFUSED = "refused"
    NOTHING = "no verdict"


class WrongAnswer(Exception):
    """One answer that was wrong, with the history of what it was about."""


@dataclass(slots=True)
class Ending:
    """A request that takes credentials away, at a place; monotonic seconds."""

    what: str
    place: str
    sent: float
    acknowledged: float = inf
    failed: float = inf

    def __str__(self) -> str:
        """Say it in a line of the report."""
        if self.acknowledged < inf:
            how = f"acknowledged {self.acknowledged:.2f}"
        else:
            how = "under way" if self.failed == inf else f"not acknowledged {self.failed:.2f}"
        return f"{self.sent:.2f} {self.what} at {self.place}: {how}"


@dataclass(slots=True)
class Scope:
    """What an ending can be about: everyone, a person, a session. `within` is the wider one."""

    name: str
    within: "Scope | None" = None
    endings: list[Ending] = field(default_factory=list)

    def all_endings(self) -> Iterator[tuple["Scope", Ending]]:
        """Yield the endings of this and of all that is wider."""
        for ending in self.endings:
            yield self, ending
        if self.within is not None:
            yield from self.within.all_endings()


@dataclass(slots=True)
class Noted:
    """The same answer of one place, so many times from when the first was sent to the last."""

    place: str
    outcome: Outcome
    sent: float
    last: float
    told: str
    times: int = 1

    def __str__(self) -> str:
        """Say it in a line of the report."""
        times = f", {self.times} times, at last" if self.times > 1 else ""
        when = f"{self.sent:.2f} to {self.last:.2f}"
        return f"{when} {self.place}: {self.outcome.value}{times} ({self.told})"


@dataclass(slots=True, eq=False)
class Credential:
    """A token or a cookie of a session.

    `asked` and `given` are the monotonic seconds at which the login was sent and acknowledged that
    opened the session, `found` that of the first answer that refused this credential.
    """

    name: str
    session: Scope
    headers: dict[str, str] = field(repr=False)
    asked: float
    given: float
    found: float = inf
    history: list["Noted"] = field(default_factory=list)

    def note(self, place: str, outcome: Outcome, sent: float, told: str) -> None:
        """Remember what was answered; what is answered again and again is one line."""
        now = time.monotonic()
        for noted in reversed(self.history):
            if noted.place == place:
                if noted.outcome is outcome:
                    noted.times, noted.last, noted.told = noted.times + 1, now, told
                    return
                break
        self.history.append(Noted(place, outcome, sent, now, told))
        del self.history[:-LONGEST_HISTORY]


class Model:
    """Judges every answer. Raises WrongAnswer."""

    def __init__(self, weather: Weather) -> None:
        self.weather = weather
        self.asked = 0

    def endings_of(self, credential: Credential) -> Iterator[tuple[Ending, bool]]:
        """Yield what may take a credential away, and whether it certainly does once acknowledged.

        Of a person or everyone it takes the sessions that were open when it was sent; one that was
        asked for before it was over may have been opened before or behind it.
        """
        for scope, ending in credential.session.all_endings():
            if scope is credential.session or credential.given <= ending.sent:
                yield ending, True
            elif credential.asked <= self._end_of(ending):
                yield ending, False

    def _end_of(self, ending: Ending) -> float:
        """Return the second from which on an ending takes nothing more away."""
        if ending.failed < inf:
            return self.weather.find_end_of_stragglers(ending.place, ending.failed)
        return ending.acknowledged

    def dead_since(self, credential: Credential) -> float:
        """Return the second from which on its refusal is a question of the bound alone."""
        ends = [each.acknowledged for each, certain in self.endings_of(credential) if certain]
        return min([credential.found, *ends])

    def judge(
        self, credential: Credential, place: str, sent: float, outcome: Outcome, told: str
    ) -> None:
        """Judge an answer that came just now; `told` is what was answered, for the history."""
        now = time.monotonic()
        self.asked += 1
        credential.note(place, outcome, sent, told)
        match outcome:
            case Outcome.PASSED:
                due = self.weather.find_due(place, self.dead_since(credential))
                if sent > due:
                    self.fail(credential, f"{place} let in what it refuses since {due:.2f}")
            case Outcome.REFUSED:
                self._judge_refusal(credential, place, now)
            case Outcome.NOTHING:
                if not self.weather.explains_silence(place, sent, now):
                    self.fail(credential, f"{place} came to no verdict")

    def _judge_refusal(self, credential: Credential, place: str, now: float) -> None:
        if not any(each.sent <= now for each, _ in self.endings_of(credential)):
            self.fail(credential, f"{place} refused what nothing was sent against")
        credential.found = min(credential.found, now)

    def judge_refresh(self, credential: Credential, sent: float, outcome: Outcome) -> None:
        """Judge a refresh: SQL decides it, so that an acknowledged end holds at once."""
        now = time.monotonic()
        credential.note("refresh", outcome, sent, "")
        if outcome is Outcome.PASSED and sent > self.dead_since(credential):
            self.fail(credential, "a session was refreshed that had ended")
        if outcome is Outcome.REFUSED:
            self._judge_refusal(credential, "the refresh", now)

    def fail(self, credential: Credential, what: str) -> NoReturn:
        """End the run with all that is known about a credential."""
        endings = [
            f"    {ending}{'' if certain else ' (perhaps)'}"
            for ending, certain in self.endings_of(credential)
        ]
        disturbed = self.weather.around(credential.asked, time.monotonic())
        raise WrongAnswer(
            "\n".join(
                [
                    f"{time.monotonic():.2f} {credential.name}: {what}",
                    f"  login {credential.asked:.2f} to {credential.given:.2f}",
                    "  what was sent against it:",
                    *endings,
                    "  faults since then:",
                    *(f"    {each}" for each in disturbed),
                    "  what was answered about it:",
                    *(f"    {line}" for line in credential.history),
                ]
            )
        )
