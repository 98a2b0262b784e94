"""What SQLite wants to be told: where its file is, how it keeps it, when a transaction begins."""

import asyncio
import os
import sqlite3
from pathlib import Path
from typing import Any, Final

import aiosqlite
import sqlalchemy as sa
from sqlalchemy.engine import URL

from sidecar.errors import StoreUnusable

ROWS: Final = 64  # that aiosqlite asks its thread for at once; its own default


def make_place(url: URL) -> None:
    """Make a SQLite database's file and folders, for nobody else to read. Raises StoreUnusable."""
    path = Path(url.database or "")
    try:
        for folder in reversed(path.parents):  # `parents=True` would make all but the last public
            folder.mkdir(mode=0o700, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StoreUnusable(f"{error.filename}: {error.strerror}") from None


class Connection(aiosqlite.Connection):
    """One whose thread may be told to end more than once.

    It ends with the first time, and who told it again would wait for ever: as SQLAlchemy does where
    a request is cut off, and cut off again while its connection is closed.
    """

    _ends: asyncio.Future[None] | None = None

    def stop(self) -> asyncio.Future[None] | None:
        """Have the thread end behind what it has begun; return what waits for that."""
        first = self._ends
        if first is None:
            self._ends = super().stop()
            return self._ends
        again: asyncio.Future[None] = first.get_loop().create_future()

        def end(_first: asyncio.Future[None]) -> None:
            if not again.done():  # nobody waits for it any more
                again.set_result(None)

        if first.done():
            end(first)
        else:
            first.add_done_callback(end)
        return again


def connect(path: str, **options: Any) -> Connection:
    """Return a connection that opens once it is awaited; options are those of `sqlite3.connect`."""
    made = Connection(lambda: sqlite3.connect(path, **options), ROWS)
    # No process waits for it at its end. SQLAlchemy sees to that only where it makes them itself.
    made._thread.daemon = True  # noqa: SLF001 - as SQLAlchemy does
    return made


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
