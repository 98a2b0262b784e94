"""The log says once that the revocations have become too old, and once that they are fresh."""

import logging
from typing import Final

import pytest

from sidecar.app.canary import Ear
from sidecar.app.viewwatch import ViewWatch
from sidecar.clock import Now, read_clock, read_unix_ms
from sidecar.core.canary import LIFE, Canary
from sidecar.core.grant import Issuer
from sidecar.core.keyring import KeyRing
from sidecar.core.policy import Policy, WhenStale
from sidecar.core.propagation import Propagation
from sidecar.core.revocation import RevocationView
from sidecar.core.unannounced import Tick
from sidecar.core.writers import MARK, SILENCE, Word, Writers
from sidecar.gate import Gate, GateOptions

MOST: Final = 30  # seconds
BEGAN: Final = 1000.0


def _gate(when_stale: WhenStale) -> Gate:
    options = GateOptions(
        issuer=Issuer("https://auth.example.com", ("api",)),
        clock_skew=10,
        max_staleness=MOST,
        when_stale=when_stale,
        assertion_ttl=60,
    )
    view = RevocationView()
    view.heard(BEGAN)
    return Gate(options, KeyRing.of([]), Policy({}), view)


def _told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """Return level and text of what has been said since the last call."""
    told = [(each.levelname, each.getMessage()) for each in caplog.records]
    caplog.clear()
    return told


def _at(second: float) -> Now:
    return Now(0, BEGAN + second)


@pytest.mark.parametrize(
    ("when_stale", "level", "words"),
    [
        (WhenStale.DENY, "ERROR", "gets 503 (when_stale: deny)"),
        (WhenStale.ALLOW, "WARNING", "are judged as they were then (when_stale: allow)"),
    ],
)
def test_each_change_is_one_line(
    caplog: pytest.LogCaptureFixture, when_stale: WhenStale, level: str, words: str
) -> None:
    caplog.set_level(logging.INFO)
    gate = _gate(when_stale)
    watch = ViewWatch(gate, when_stale)
    for second in (0, 1, MOST):
        watch.look(_at(second))
    assert _told(caplog) == []
    for second in (MOST + 1, MOST + 2, 9999):
        watch.look(_at(second))
    ((told_level, text),) = _told(caplog)
    assert told_level == level
    assert text.startswith("the revocations were last read 31 s ago: ")
    assert words in text
    assert text.endswith("bring the database back")
    gate.view.heard(BEGAN + 10_000)
    watch.look(_at(10_000))
    watch.look(_at(10_001))
    assert _told(caplog) == [
        ("INFO", "the revocations are fresh again; the last reading was 10000 s old")
    ]
    watch.look(_at(10_000 + MOST + 1))
    assert len(_told(caplog)) == 1


OWN, OTHERS = f"{MARK}{0:012x}", [f"{MARK}{number:012x}" for number in range(1, 7)]


def _writers(*, own: int) -> Writers:
    """Return those of whom the others fell silent at BEGAN, and this one when it said so last."""
    writers = Writers(OWN, "here/1")
    words = {name: Word(Tick("a", 2), 1, f"host-{name[-1]}/7") for name in (OWN, *OTHERS[:-2])}
    writers.hear_words(BEGAN, Tick("a", 1), {})
    writers.hear_words(BEGAN + 1, Tick("a", 3), words)
    writers.hear_words(BEGAN + own, Tick("a", 5), {OWN: Word(Tick("a", 4), 2, "here/1")})
    return writers


def _told_by(caplog: pytest.LogCaptureFixture, writers: Writers, second: float) -> str:
    watch = ViewWatch(_gate(WhenStale.DENY), WhenStale.DENY, writers)
    watch.look(_at(second))
    ((_, text),) = _told(caplog)
    return text


def test_who_keeps_redis_alone_from_being_enough_is_named(caplog: pytest.LogCaptureFixture) -> None:
    writers = _writers(own=MOST)
    writers.hear_words(BEGAN + MOST + 1, Tick("a", 9), {OWN: Word(Tick("a", 8), 3, "here/1")})
    writers.hear_canary(OTHERS[-1], 1, BEGAN)
    assert _told_by(caplog, writers, MOST + 2).endswith(
        "bring the database back (Redis alone does not do while some say nothing there, who may"
        f" have revoked what it did not take: {OTHERS[-1]}, host-1/7 for 32 s, host-2/7 for 32 s"
        " and 2 more; one that reaches Redis again, or ends by SIGTERM, holds nothing up)"
    )


def test_where_redis_is_away_too_its_own_line_says_why(caplog: pytest.LogCaptureFixture) -> None:
    assert _told_by(caplog, _writers(own=2), MOST + 2).endswith(
        "bring the database back, or Redis, of which another line says what is wrong"
    )


def test_of_a_view_that_was_never_read_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    gate = _gate(WhenStale.DENY)
    gate.view = RevocationView()
    ViewWatch(gate, WhenStale.DENY).look(_at(1))
    assert _told(caplog) == []


def test_a_writer_whose_clock_is_behind_lives_as_long_as_its_canaries_come() -> None:
    """By our clock they are over before they come; else it were forgotten, and missed by nobody."""
    own, other = f"{MARK}{0:012x}", f"{MARK}{1:012x}"
    writers = Writers(own)
    hear = Ear(RevocationView(), Propagation(own), writers).listen("sql")
    began = read_clock().monotonic - SILENCE - 1
    writers.hear_words(began, Tick("a" * 16, 1), {other: Word(None, 1, "host/2")})
    for second in range(int(SILENCE)):
        writers.hear_sql(began + second)
    hear([Canary(other, read_unix_ms() - 1000 * (LIFE + 10)).make_revocation()])
    for late in (SILENCE, SILENCE + 1):
        writers.hear_sql(began + late)
    assert len(writers) == 2
