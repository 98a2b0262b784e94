"""A line of the log says what its library would say."""

import copy
import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonjsonlogger.json import JsonFormatter

from sidecar.telemetry.log import FIELDS, FORMAT, TIME, LineFormatter, LineHandler, say

PLAIN = JsonFormatter(FORMAT, datefmt=TIME, rename_fields=FIELDS)
LOGGER = logging.getLogger("sidecar.gate")
TAKEN = {*logging.makeLogRecord({}).__dict__, "message", "asctime"}  # logging refuses those

names = st.from_regex(r"[a-z_]{1,16}", fullmatch=True).filter(lambda name: name not in TAKEN)
values = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text(), max_size=3)
moments = st.integers(0, 2**32)  # seconds


def make_record(text: str, *args: object, extra: dict[str, Any] | None = None) -> logging.LogRecord:
    return LOGGER.makeRecord("sidecar.gate", logging.INFO, "", 0, text, args, None, extra=extra)


@given(st.text(), st.dictionaries(names, values, max_size=10), moments)
def test_a_line_is_as_the_library_writes_it(
    text: str, extra: dict[str, Any], moment: float
) -> None:
    record = make_record("refused: %s", text, extra=extra)
    record.created = moment
    line = LineFormatter().format(copy.copy(record))
    assert line == PLAIN.format(record)
    assert line.isascii()
    assert line.isprintable()


def test_what_another_handler_noted_on_a_record_is_not_said_again() -> None:
    record = make_record("refused", extra={"reason": "expired"})
    logging.Formatter(FORMAT).format(record)  # adds `message` and `asctime`
    said = json.loads(LineFormatter().format(record))
    assert list(said) == ["time", "level", "logger", "message", "reason"]


@pytest.mark.parametrize("text", ["failed", {"message": "failed"}])
def test_an_exception_stands_in_its_line(text: Any) -> None:
    record = make_record(text)
    record.exc_info = (LookupError, LookupError("a bug"), None)
    said = json.loads(LineFormatter().format(record))
    assert said["message"] == "failed"
    assert said["exc_info"] == "LookupError: a bug"


def test_who_has_a_level_of_their_own_says_no_more_than_all_others() -> None:
    said = """
import logging
from sidecar.telemetry.log import configure_logging
configure_logging("error")
logger = logging.getLogger("gunicorn.error")
logger.setLevel("WARNING")
logger.warning("not this")
logger.error("but this")
"""
    ran = subprocess.run([sys.executable, "-c", said], capture_output=True, check=True, text=True)
    (line,) = ran.stdout.splitlines()
    assert json.loads(line)["message"] == "but this"


@contextmanager
def listening(*others: logging.Handler, level: str = "info") -> Iterator[io.StringIO]:
    """Have the service's handler listen, beside others, and yield what it writes."""
    root, written = logging.getLogger(), io.StringIO()
    before, root.handlers = root.handlers, [LineHandler(written, level), *others]
    try:
        yield written
    finally:
        root.handlers = before


def lines_but_for_time(written: io.StringIO) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert all(line.pop("time") for line in lines)
    return lines


class Saying(logging.Logger):
    """A logger that nobody else has, and the records that it has made."""

    def __init__(self) -> None:
        super().__init__("said", logging.INFO)
        self.parent = logging.getLogger()
        self.made = 0

    def makeRecord(self, *args: Any, **kwargs: Any) -> logging.LogRecord:  # noqa: N802 - logging's
        self.made += 1
        return super().makeRecord(*args, **kwargs)


class Hearing(logging.Handler):
    """A handler that somebody added."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(record.__dict__["reason"])


def refuse(_: logging.LogRecord) -> bool:
    return False


@given(
    st.text().filter(lambda text: "%" not in text),
    st.dictionaries(names.filter(lambda name: name[0] != "_"), values, max_size=10),
)
def test_what_is_said_is_what_would_be_logged(text: str, added: dict[str, Any]) -> None:
    log = Saying()
    with listening() as written:
        log.info(text, extra=added)
        say(log, text, 1, added)
    assert log.made == 1
    logged, said = written.getvalue().splitlines()
    assert lines_but_for_time(written)[0] == lines_but_for_time(written)[1]
    assert list(json.loads(logged)) == list(json.loads(said))


def test_what_is_said_bears_its_moment() -> None:
    with listening() as written:
        say(Saying(), "refused", 1_700_000_000, {})
    record = make_record("refused")
    record.name, record.created = "said", 1_700_000_000.0
    assert written.getvalue() == LineFormatter().format(record) + "\n"


@pytest.mark.parametrize("place", ["the root", "the logger", "between"])
def test_who_else_listens_hears_it_too(place: str) -> None:
    log, other = Saying(), Hearing()
    with listening(*([other] if place == "the root" else [])) as written:
        if place == "the logger":
            log.addHandler(other)
        elif place == "between":
            between = Saying()
            between.parent, log.parent = log.parent, between
            between.addHandler(other)
        say(log, "refused", 1, {"reason": "expired"})
    assert other.heard == ["expired"]
    assert [each["reason"] for each in lines_but_for_time(written)] == ["expired"]


@pytest.mark.parametrize("place", ["the logger", "the handler"])
def test_a_filter_is_asked(place: str) -> None:
    log = Saying()
    with listening() as written:
        (log if place == "the logger" else logging.getLogger().handlers[0]).addFilter(refuse)
        say(log, "refused", 1, {})
    assert log.made == 1
    assert written.getvalue() == ""


def test_another_formatter_makes_the_line() -> None:
    with listening() as written:
        logging.getLogger().handlers[0].setFormatter(logging.Formatter("%(message)s!"))
        say(Saying(), "refused", 1, {})
    assert written.getvalue() == "refused!\n"


def test_what_a_factory_adds_to_every_record_is_said_too() -> None:
    before = logging.getLogRecordFactory()

    def trace(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = before(*args, **kwargs)
        record.trace = "t-1"
        return record

    logging.setLogRecordFactory(trace)
    try:
        with listening() as written:
            say(Saying(), "refused", 1, {})
    finally:
        logging.setLogRecordFactory(before)
    assert [each["trace"] for each in lines_but_for_time(written)] == ["t-1"]


def test_nothing_is_said_where_nobody_wants_to_hear_it() -> None:
    quiet, alone = Saying(), Saying()
    quiet.setLevel(logging.WARNING)
    alone.propagate = False
    with listening(level="warning") as written:
        say(Saying(), "refused", 1, {})
    with listening() as written_too:
        say(quiet, "refused", 1, {})
        say(alone, "refused", 1, {})
    assert written.getvalue() + written_too.getvalue() == ""


def test_whoever_says_something_goes_on_where_it_cannot_be_written(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with listening() as written:
        written.close()
        say(Saying(), "refused", 1, {})
    assert "Message: 'refused'" in capsys.readouterr().err
