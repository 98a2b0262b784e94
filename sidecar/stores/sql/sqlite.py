"""What SQLite wants to be told: where its file is, how it keeps it, when a transaction begins."""

import os
import sqlite3
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL

from sidecar.errors import StoreUnusable


def make_place(url: URL) -> None:
    """Make a SQLite database's file and folders, for nobody else to read. Raises StoreUnusable."""
    path = Path(url.database or "")
    try:
        for folder in reversed(path.parents):  # `parents=True` would make all but the last public
            folder.mkdir(mode=0o700, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StoreUnusable(f"{error.filename}: {error.strerror}") from None


def listen_sqlite(engine: sa.Engine) -> None:
    """Set every connection up, and begin its transactions as is said."""
    sa.event.listen(engine, "connect", _set_up_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)


def _set_up_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where we say so
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA journal_mode={journal_mode()}")
    cursor.execute("PRAGMA synchronous=FULL")  # a power cut must not bring a revoked token back
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def journal_mode() -> str:
    """Return WAL where SQLite's two writers cannot corrupt it (fixed in 3.51.3), else TRUNCATE."""
    version = sqlite3.sqlite_version_info
    fixed = version >= (3, 51, 3) or version in {(3, 50, 7), (3, 44, 6)}
    return "WAL" if fixed else "TRUNCATE"


def _begin_sqlite(connection: sa.Connection) -> None:
    immediate = connection.get_execution_options().get("immediate")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
