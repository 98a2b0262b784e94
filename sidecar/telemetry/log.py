"""JSON lines on standard output, one for each event."""

import logging
import sys
from typing import Final

from pythonjsonlogger.json import JsonFormatter

FIELDS: Final = {"asctime": "time", "levelname": "level", "name": "logger"}


def configure_logging(level: str) -> None:
    """Send every log line to standard output as one JSON object; `level` is `debug` to `error`."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        JsonFormatter(
            "%(asctime)s %(levelname)s %(name)s %(message)s",
            rename_fields=FIELDS,
            datefmt="%Y-%m-%dT%H:%M:%S%z",
        )
    )
    handler.addFilter(_one_line)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    # What they tell below that is of interest to their developers.
    for name in ("asyncio", "alembic"):
        logging.getLogger(name).setLevel(max(root.level, logging.WARNING))


def _one_line(record: logging.LogRecord) -> bool:
    """Shorten what aiohttp logs about bytes that are no request: no stranger fills the log."""
    if record.name == "aiohttp.server" and record.exc_info is not None:
        error = record.exc_info[1]
        if error is not None and type(error).__module__.startswith("aiohttp."):
            record.exc_info = None
            record.msg, record.args = "not a request: %s", (type(error).__name__,)
            record.levelno = min(record.levelno, logging.INFO)
            record.levelname = logging.getLevelName(record.levelno)
    return record.levelno >= logging.getLogger().level
