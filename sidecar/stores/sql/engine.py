"""One database: its connections, its transactions, and one exception for all that goes wrong."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from sidecar.errors import MissingExtra, StoreUnavailable, StoreUnusable
from sidecar.stores.sql.problems import describe_problem
from sidecar.stores.sql.turns import Turns

CONNECTIONS: Final = 5
POOL_TIMEOUT: Final = 3.0  # seconds to wait for a free connection
BUSY_TIMEOUT: Final = 3.0  # seconds that SQLite waits for a lock
CONNECT_TIMEOUT: Final = 3.0  # seconds
COMMAND_TIMEOUT: Final = 4.0  # seconds for one statement on PostgreSQL
# Taken by every transaction that writes revocations, so that commits come in the order of
# sequences.
LOG_LOCK: Final = 0x51DE_CA01
SCHEMA_LOCK: Final = 0x51DE_CA02
CHANGED: Final = "changed"  # where a connection remembers that its transaction changed a row

T = TypeVar("T")


class Database:
    """A database and its two kinds of transaction; `connections` is how many it opens at most.

    `refuses_writes`: the last one failed, as with a full disk, which can be read all the same. A
    transaction that changes nothing proves nothing.
    """

    def __init__(self, url: str, *, connections: int = CONNECTIONS) -> None:
        self.refuses_writes = False
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._text = url
        self._engine = (
            _make_sqlite(self.url, connections)
            if self.is_sqlite
            else _make_postgresql(url, connections)
        )
        _listen_changes(self._engine.sync_engine)
        self._alone = _Alone(self.url) if self.is_sqlite else None
        self._turns = Turns()

    def again(self, *, connections: int) -> "Database":
        """Return the same database with other connections, which no caller of this one takes."""
        return Database(self._text, connections=connections)

    def __str__(self) -> str:
        """Name the database without its password, which may also stand in the query."""
        if self.is_sqlite:
            return self.url.database or ""
        return self.url.set(query={}).render_as_string()

    async def close(self) -> None:
        """Close every connection."""
        if self._alone is not None:
            self._alone.close()
        await self._engine.dispose()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that only reads. Raises StoreUnavailable."""
        async with self._translated(), self._engine.connect() as connection:
            yield connection

    @asynccontextmanager
    async def write(self, *, log: bool = False) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that writes; it is committed where the block ends without an error.

        `log` says that it writes revocations. Raises StoreUnavailable.
        """
        # Whoever waits for SQLite's lock tries now and then, and may never come to it while others
        # of this process write one after the other: here the first that came is the next.
        turn = self._turns.turn() if self.is_sqlite else nullcontext()
        async with self._noted(), self._translated(), turn, self._engine.connect() as connected:
            # A deferred transaction that turns into a writer fails at once while another writes.
            connection = await connected.execution_options(immediate=True)
            async with connection.begin():
                if log and not self.is_sqlite:
                    await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOG_LOCK)))
                yield connection
            self.refuses_writes &= not connection.info[CHANGED]

    async def write_at_once(self, lock: int, work: Callable[[sa.Connection], T]) -> T:
        """Do this in a transaction that writes, one at a time in the whole deployment.

        `lock` is what PostgreSQL knows it by. SQLite's lock is not held while the event loop does
        other things, which is what a flood has it do: all of it is done by a thread of its own. On
        PostgreSQL one of this process waits, so that it takes no connection from others. Raises
        StoreUnavailable.
        """
        if self._alone is not None:
            async with self._noted(), self._translated(), self._turns.turn():
                async with asyncio.timeout(BUSY_TIMEOUT):
                    result, changed = await self._alone.run(work)
            self.refuses_writes &= not changed
            return result
        async with self._translated(), self._turns.turn(), self.write() as connection:
            await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(lock)))
            return await connection.run_sync(work)

    @asynccontextmanager
    async def _noted(self) -> AsyncIterator[None]:
        try:
            yield
        except StoreUnavailable:
            self.refuses_writes = True
            raise

    @asynccontextmanager
    async def _translated(self) -> AsyncIterator[None]:
        """Raise ours for the driver's, whose texts hold statements and parameters."""
        try:
            yield
        except (sa.exc.DBAPIError, sa.exc.TimeoutError, OSError) as error:
            raise StoreUnavailable(f"{self}: {describe_problem(error)}") from None


class _Alone:
    """One connection to SQLite, and the one thread that works with it; both begin when used."""

    def __init__(self, url: URL) -> None:
        self._executor = ThreadPoolExecutor(1, "sqlite")
        self._engine = sa.create_engine(
            url.set(drivername="sqlite+pysqlite"),
            pool_size=1,
            max_overflow=0,
            # Another thread closes it, once this one has ended.
            connect_args={"timeout": BUSY_TIMEOUT, "check_same_thread": False},
        )
        _listen_sqlite(self._engine)
        _listen_changes(self._engine)

    def close(self) -> None:
        """Let what has begun end, drop what waits, and close the connection."""
        self._executor.shutdown(cancel_futures=True)
        self._engine.dispose()

    async def run(self, work: Callable[[sa.Connection], T]) -> tuple[T, bool]:
        """Return what the work does, and whether it changed anything."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._do, work)

    def _do(self, work: Callable[[sa.Connection], T]) -> tuple[T, bool]:
        with self._engine.connect() as connected:
            connection = connected.execution_options(immediate=True)
            with connection.begin():
                result = work(connection)
            return result, connection.info[CHANGED]


def make_place(url: URL) -> None:
    """Make a SQLite database's file and folders, for nobody else to read. Raises StoreUnusable."""
    path = Path(url.database or "")
    try:
        for folder in reversed(path.parents):  # `parents=True` would make all but the last public
            folder.mkdir(mode=0o700, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StoreUnusable(f"{error.filename}: {error.strerror}") from None


def _make_sqlite(url: URL, connections: int) -> AsyncEngine:
    engine = create_async_engine(
        url.set(drivername="sqlite+aiosqlite"),
        pool_size=connections,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT,
        connect_args={"timeout": BUSY_TIMEOUT},
    )
    _listen_sqlite(engine.sync_engine)
    return engine


def _listen_sqlite(engine: sa.Engine) -> None:
    sa.event.listen(engine, "connect", _set_up_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)


def _set_up_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where we say so
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA journal_mode={journal_mode()}")
    cursor.execute("PRAGMA synchronous=FULL")  # a power cut must not bring a revoked token back
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _listen_changes(engine: sa.Engine) -> None:
    sa.event.listen(engine, "begin", _begin_unchanged)
    sa.event.listen(engine, "after_cursor_execute", _note_change)


def _begin_unchanged(connection: sa.Connection) -> None:
    connection.info[CHANGED] = False


def _note_change(connection: sa.Connection, cursor: Any, *rest: Any) -> None:
    context = rest[2]
    if cursor.rowcount > 0 and (context.isinsert or context.isupdate or context.isdelete):
        connection.info[CHANGED] = True


def journal_mode() -> str:
    """Return WAL where SQLite's two writers cannot corrupt it (fixed in 3.51.3), else TRUNCATE."""
    version = sqlite3.sqlite_version_info
    fixed = version >= (3, 51, 3) or version in {(3, 50, 7), (3, 44, 6)}
    return "WAL" if fixed else "TRUNCATE"


def _begin_sqlite(connection: sa.Connection) -> None:
    immediate = connection.get_execution_options().get("immediate")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _make_postgresql(url: str, connections: int) -> AsyncEngine:
    try:
        return create_async_engine(
            # The driver reads the URL itself: it knows `sslmode` and the like, SQLAlchemy does not.
            "postgresql+asyncpg://",
            # Whoever waited for a row or a lock has to see what the other committed.
            isolation_level="READ COMMITTED",
            pool_size=connections,
            max_overflow=0,
            pool_timeout=POOL_TIMEOUT,
            pool_pre_ping=True,
            connect_args={
                "dsn": url,
                "timeout": CONNECT_TIMEOUT,
                "command_timeout": COMMAND_TIMEOUT,
                # PgBouncer hands connections to others: without this cache statements have no name,
                # and are parsed at each use, also those that SQLAlchemy keeps.
                "statement_cache_size": 0,
            },
        )
    except ModuleNotFoundError:
        raise MissingExtra("database.url: postgresql://", "postgres") from None
