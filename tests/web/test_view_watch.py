"""The log says once that the revocations have become too old, and once that they are fresh."""

import logging
from typing import Final

import pytest

from sidecar.app.viewwatch import ViewWatch
from sidecar.clock import Now
from sidecar.core.grant import Issuer
from sidecar.core.keyring import KeyRing
from sidecar.core.policy import Policy, WhenStale
from sidecar.core.revocation import RevocationView
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


def test_of_a_view_that_was_never_read_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    gate = _gate(WhenStale.DENY)
    gate.view = RevocationView()
    ViewWatch(gate, WhenStale.DENY).look(_at(1))
    assert _told(caplog) == []
