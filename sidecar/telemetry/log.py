"""JSON lines on standard output, one for each event."""

import logging
import sys
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, TextIO

from pythonjsonlogger.json import JsonEncoder, JsonFormatter

FIELDS: Final = {"asctime": "time", "levelname": "level", "name": "logger"}
FORMAT: Final = "%(asctime)s %(levelname)s %(name)s %(message)s"
TIME: Final = "%Y-%m-%dT%H:%M:%S%z"
SECONDS: Final = 4  # whose text is kept

# What no line of ours says is not found out for each: that takes a tenth of a refusal
# (docs.python.org/3/howto/logging.html#optimization).
UNSAID: Final = {
    "_srcfile": None,
    "logThreads": False,
    "logProcesses": False,
    "logMultiprocessing": False,
    "logAsyncioTasks": False,
}
_ENCODER: Final = JsonEncoder()
_ROOT: Final = logging.getLogger()


@lru_cache(maxsize=SECONDS)
def _render_time(second: int) -> str:
    return time.strftime(TIME, time.localtime(second))


class LineFormatter(JsonFormatter):
    """Makes one JSON object of a record: in half of the time where it has no exception, as most."""

    def __init__(self) -> None:
        super().__init__(FORMAT, TIME, rename_fields=FIELDS)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line: time, level, logger, message, and what was added to it."""
        if record.exc_info or record.exc_text or record.stack_info or type(record.msg) is not str:
            return super().format(record)
        reserved = self.reserved_attrs
        added = {
            name: value
            for name, value in record.__dict__.items()
            if name not in reserved and not name.startswith("_")  # as the library has it
        }
        at, message = int(record.created), record.getMessage()
        return _render(at, record.levelname, record.name, message, added)


def _render(at: int, level: str, logger: str, message: str, added: Mapping[str, object]) -> str:
    """Return a line about the moment `at` (Unix seconds)."""
    said = {"time": _render_time(at), "level": level, "logger": logger, "message": message}
    return _ENCODER.encode({**said, **added})


class LineHandler(logging.StreamHandler[TextIO]):
    """Writes lines to a stream, of what is logged and of what is said past `logging`."""

    def __init__(self, stream: TextIO, level: str) -> None:
        super().__init__(stream)
        self.setLevel(level.upper())  # there are loggers with a level of their own
        self.setFormatter(LineFormatter())
        self.addFilter(_one_line)

    @property
    def is_as_made(self) -> bool:
        """Whether nobody has added a filter to it, or has lines made in another way."""
        return self.filters == [_one_line] and type(self.formatter) is LineFormatter

    def say(self, logger: str, message: str, at: int, added: Mapping[str, object]) -> None:
        """Write what a record of level `INFO` would say that was made `at`, without one."""
        if self.level > logging.INFO:
            return
        try:
            line = _render(at, "INFO", logger, message, added)
            self.acquire()
            try:
                self.stream.write(line + self.terminator)
                self.stream.flush()
            finally:
                self.release()
        except Exception:  # noqa: BLE001 - as its parent does: whoever logs goes on
            self.handleError(logging.makeLogRecord({"msg": message}))


def say(log: logging.Logger, message: str, at: int, added: Mapping[str, object]) -> None:
    """Log at `INFO` what happened `at` (Unix seconds), as `log.info(message, extra=added)` does.

    For what is logged about requests: in two fifths of the time, for a record and its way through
    `logging` cost more than the line itself. Where somebody else has a say in what becomes of one,
    it is made all the same. No name in `added` begins with an underscore.
    """
    if not log.isEnabledFor(logging.INFO):
        return
    handlers = _ROOT.handlers
    if (
        len(handlers) == 1
        and type(only := handlers[0]) is LineHandler
        and only.is_as_made
        and log.parent is _ROOT
        and log.propagate
        and not log.handlers
        and not log.filters
        and logging.getLogRecordFactory() is logging.LogRecord
    ):
        only.say(log.name, message, at, added)
    else:
        log.info(message, extra=added)


def configure_logging(level: str) -> None:
    """Send every log line to standard output as one JSON object; `level` is `debug` to `error`."""
    for name, value in UNSAID.items():
        setattr(logging, name, value)
    _ROOT.handlers = [LineHandler(sys.stdout, level)]
    _ROOT.setLevel(level.upper())
    # What they tell below that is of interest to their developers.
    for name in ("asyncio", "alembic"):
        logging.getLogger(name).setLevel(max(_ROOT.level, logging.WARNING))


def _one_line(record: logging.LogRecord) -> bool:
    """Shorten what aiohttp logs about bytes that are no request: no stranger fills the log."""
    if record.name == "aiohttp.server" and record.exc_info is not None:
        error = record.exc_info[1]
        if error is not None and type(error).__module__.startswith("aiohttp."):
            record.exc_info = None
            record.msg, record.args = "not a request: %s", (type(error).__name__,)
            record.levelno = min(record.levelno, logging.INFO)
            record.levelname = logging.getLevelName(record.levelno)
            return record.levelno >= _ROOT.level
    return True
