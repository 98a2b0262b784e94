"""What a login must be like for something that wants a recent one, or one of another kind.

The gate tells a program in its challenge (RFC 9470 section 3), and sends a person to the login page
with the same two words.
"""

from typing import Final

from aiohttp import web

from sidecar.core.access import Amr, Asker, Condition, MaxAge
from sidecar.core.principal import Principal
from sidecar.core.verdict import Deny, Reason, StepUp
from sidecar.schemas.values import parse_amr
from sidecar.web.parameters import parse_max_age

NOTHING: Final = StepUp(None, ())
RECENT: Final = StepUp(15 * 60, ())
MOST_WAYS: Final = 16  # in `amr`; RFC 8176 registers about as many


def list_step_up(step_up: StepUp) -> list[tuple[str, str]]:
    """Return what is asked for as parameters: `max_age` in seconds, `amr` as a comma list.

    No more ways are told than are read again: a page that read none would send who is logged in
    straight back to the gate.
    """
    told = [] if step_up.max_age is None else [("max_age", str(step_up.max_age))]
    ways = ",".join(step_up.amr[:MOST_WAYS])
    return [*told, ("amr", ways)] if ways else told


def read_step_up(request: web.Request) -> StepUp:
    """Return what the login page's own URL asks for; a parameter that is wrong is not there."""
    max_age, amr = (request.query.getall(name, []) for name in ("max_age", "amr"))
    return StepUp(
        parse_max_age(max_age[0]) if len(max_age) == 1 else None,
        _parse_ways(amr[0]) if len(amr) == 1 else (),
    )


def _parse_ways(text: str) -> tuple[str, ...]:
    ways = text.split(",", MOST_WAYS)
    return tuple(ways) if len(ways) <= MOST_WAYS and all(map(parse_amr, ways)) else ()


def judge_age(principal: Principal, now: int) -> Deny | None:
    """Return why somebody logged in too long ago to be given what they will come in by.

    Whoever finds a session open, or has a copy of its cookie, must not shut its owner out for good,
    nor stay in as its owner for months.
    """
    return None if satisfies(principal, RECENT, now) else Deny(Reason.LOGIN_TOO_OLD, RECENT)


def satisfies(principal: Principal, step_up: StepUp, now: int) -> bool:
    """Say whether somebody's login is already like that at `now` (Unix seconds)."""
    conditions: list[Condition] = []
    if step_up.max_age is not None:
        conditions.append(MaxAge(step_up.max_age))
    if step_up.amr:
        conditions.append(Amr(frozenset(step_up.amr)))
    asker = Asker(principal, None, now)
    return all(condition.holds(asker) for condition in conditions)
