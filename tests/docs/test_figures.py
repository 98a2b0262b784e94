"""Tables of figures and names say what the code says: guessing, cookies, statuses, metrics."""

import re
from pathlib import Path
from typing import Final

import pytest
from aiohttp import ClientSession, UnixConnector

from sidecar.core.throttle import (
    ADDRESS,
    HOUR,
    KNOWN,
    MARK_TTL,
    MINUTE,
    MOST_MARKS,
    SERVICE,
    USER,
    Delay,
    count,
)
from sidecar.web.credentials import (
    CSRF_COOKIE,
    DEVICE_COOKIE,
    DOMAIN_COOKIE,
    HOST_COOKIE,
    OWN_COOKIES,
    RETURN_COOKIE,
)
from sidecar.web.devices import DEVICE_TTL
from sidecar.web.middlewares import CONFLICTS, REASONS
from sidecar.web.returns import WINDOW
from tests.docs.markdown import ROOT, read_prose, read_table
from tests.web.conftest import serving_web

RUNNING: Final = ROOT / "docs/running.md"
GUESSING: Final = ROOT / "docs/throttle.md"
PAGES: Final = ROOT / "docs/pages.md"
API: Final = ROOT / "docs/api.md"
DAY: Final = 24 * HOUR


def _code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def _spell(seconds: int) -> str:
    """Return a duration in its largest unit, as the pages spell it."""
    for length, unit in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute"), (1, "second")):
        if seconds % length == 0:
            number = seconds // length
            return f"{number} {unit}{'' if number == 1 else 's'}"
    raise AssertionError(seconds)


def test_the_table_of_attempts_has_the_limits_that_hold() -> None:
    def row(what: str, limit: Delay) -> tuple[str, ...]:
        free = f"{limit.free:,}".replace(",", " ")
        return what, free, _spell(limit.longest), _spell(limit.quiet)

    assert read_table(GUESSING, "What counts") == [
        row("strangers against one name", USER),
        row("one address against all names (IPv6: the /64)", ADDRESS),
        row("all strangers against all names", SERVICE),
        row("a known device, or address, against its own name", KNOWN),
    ]
    assert {limit.first for limit in (USER, ADDRESS, SERVICE, KNOWN)} == {1}


def test_what_strangers_can_try_in_an_hour_and_who_is_known_is_said() -> None:
    now, tally = 0, None
    while now < HOUR:
        tally = count(USER, tally, now)
        now = max(now, USER.next_at(tally))
    assert tally is not None
    prose = read_prose(GUESSING)
    assert f"at most {tally.count} tries an hour" in prose
    kept = f"for {_spell(MARK_TTL)} from the last login there, and for the newest {MOST_MARKS} of"
    assert kept in prose


def test_the_table_of_cookies_has_each_once_with_its_life() -> None:
    rows = [
        (set(_code(names)), life)
        for names, _, life in read_table(PAGES, "What is kept in the browser")
    ]
    assert rows == [
        (
            {HOST_COOKIE, DOMAIN_COOKIE, "session.domain"},
            "until the browser ends, or `session.remember_ttl`",
        ),
        ({CSRF_COOKIE}, "until the browser ends"),
        ({DEVICE_COOKIE}, f"{_spell(DEVICE_TTL)} from the last login"),
        ({RETURN_COOKIE}, _spell(WINDOW)),
    ]
    assert set().union(*(names for names, _ in rows)) == OWN_COOKIES | {"session.domain"}


def test_the_table_of_statuses_has_each_conflict_under_its_status() -> None:
    rows = read_table(API, "Errors")
    told = {int(status): _code(meaning) for key, meaning, *_ in rows for status in key.split(", ")}
    assert len(told) == sum(len(key.split(", ")) for key, *_ in rows), "a status stands twice"
    assert {*REASONS, *(status for status, _ in CONFLICTS.values())} <= told.keys()
    assert sorted(told[409]) == sorted(word for status, word in CONFLICTS.values() if status == 409)


@pytest.mark.asyncio
async def test_the_tables_of_metrics_have_each_that_is_exported_and_no_other(
    tmp_path: Path,
) -> None:
    redis = {"redis": {"url": f"unix://{tmp_path / 'nobody'}"}}
    async with (
        serving_web(tmp_path, redis) as web,
        ClientSession(connector=UnixConnector(str(web.operations))) as session,
        session.get("http://operations/metrics") as answer,
    ):
        exported = set(re.findall(r"^# TYPE (\w+) ", await answer.text(), re.MULTILINE))
    told = _find_metrics(RUNNING)
    assert told == exported
    assert _find_metrics(GUESSING) <= exported


def _find_metrics(page: Path) -> set[str]:
    lines = [line for line in read_prose(page).splitlines() if line.startswith("| `sidecar_")]
    assert lines
    return {name for line in lines for name in re.findall(r"`(sidecar_\w+)", line.split(" | ")[0])}
