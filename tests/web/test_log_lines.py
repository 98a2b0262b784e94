"""A line of the log says what its library would say."""

import copy
import json
import logging
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonjsonlogger.json import JsonFormatter

from sidecar.telemetry.log import FIELDS, FORMAT, TIME, LineFormatter

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
