"""One database: its connections, its transactions, and one exception for all that goes wrong."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
    nullcontext,
)
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from sidecar.errors import MissingExtra, StoreUnavailable
from sidecar.stores.sql.fairlock import FairLock, SentAway
from sidecar.stores.sql.gate import Gate
from sidecar.stores.sql.hosts import Hosts, name_url
from sidecar.stores.sql.idle import Idle
from sidecar.stores.sql.problems import describe_problem
from sidecar.stores.sql.sqlite import connect, journal_mode, listen_sqlite

CONNECTIONS: Final = 5
POOL_TIMEOUT: Final = 3.0  # seconds to wait for a free connection
BUSY_TIMEOUT: Final = 3.0  # seconds that SQLite waits for a lock
CONNECT_TIMEOUT: Final = 3.0  # seconds
COMMAND_TIMEOUT: Final = 4.0  # seconds for one statement on PostgreSQL
# Of a transaction that writes: a process that is stopped, or whose machine is gone, would keep its
# locks for hours. It is less than what others wait for them, so that they still come to their turn.
IDLE_TIMEOUT: Final = "3s"
# Taken by every transaction that writes revocations, so that commits come in the order of
# sequences.
LOG_LOCK: Final = 0x51DE_CA01
SCHEMA_LOCK: Final = 0x51DE_CA02
CHANNEL: Final = "sidecar_revocations"  # PostgreSQL tells those who listen there of commits
POSTGRESQL: Final = "postgresql+asyncpg://"
CHANGED: Final = "changed"  # where a connection remembers that its transaction changed a row

_SILENCE: Final = sa.func.set_config("idle_in_transaction_session_timeout", IDLE_TIMEOUT, True)
_BEGINNING: Final = sa.select(_SILENCE)
# Whoever listens is told at the commit, and not where there is none.
_LOGGING: Final = _BEGINNING.add_columns(
    sa.func.pg_advisory_xact_lock(LOG_LOCK), sa.func.pg_notify(CHANNEL, "")
)

T = TypeVar("T")


class Database:
    """A database and its two kinds of transaction; `connections` is how many it opens at most.

    A single one is for reading or for writing: a commit waits for those who have begun to read.

    `patience` is how many seconds a statement, or a wait for a lock, may take at most; None: as
    long as somebody waits who asked for an answer.
    `write_problem`: why the last write failed, as with a full disk, which can be read all the same.
    A transaction that changes nothing proves nothing.
    """

    def __init__(
        self,
        url: str,
        *,
        connections: int = CONNECTIONS,
        patience: float | None = None,
        gate: Gate | None = None,
    ) -> None:
        self.write_problem: str | None = None
        self.is_sqlite = url.startswith("sqlite:")
        # WAL lets those who read and one who writes go on together.
        gated = self.is_sqlite and journal_mode() != "WAL"
        self._gate = (gate or Gate()) if gated else None
        self._patience = patience or BUSY_TIMEOUT
        self.url = make_url(url if self.is_sqlite else POSTGRESQL)
        self._text = url
        self._engine = (
            _make_sqlite(self.url, connections, self._patience)
            if self.is_sqlite
            else _make_postgresql(url, connections, patience or COMMAND_TIMEOUT)
        )
        self._failures = _list_failures(self._engine)
        _listen_changes(self._engine.sync_engine)
        self._idle = None if self.is_sqlite else Idle(self._engine.sync_engine)
        self._alone = _Alone(self.url, self._gate) if self.is_sqlite else None
        self._lock = FairLock()

    def again(self, *, connections: int, patience: float | None = None) -> "Database":
        """Return the same database with other connections, which no caller of this one takes."""
        return Database(self._text, connections=connections, patience=patience, gate=self._gate)

    def on_connect(self, hook: Callable[[Any], None]) -> None:
        """Have this called with each connection that is made from now on, as SQLAlchemy has it."""
        sa.event.listen(self._engine.sync_engine, "connect", lambda made, _record: hook(made))

    def __str__(self) -> str:
        """Name the database without its password."""
        return (self.url.database or "") if self.is_sqlite else name_url(self._text)

    async def close(self) -> None:
        """Close every connection, as soon where the database is frozen."""
        if self._alone is not None:
            await self._alone.close()
        if self._idle is not None:
            await self._idle.close()
        await self._engine.dispose()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that only reads. Raises StoreUnavailable."""
        # Who waits at the gate holds no connection that others could read with; who leaves it has
        # given SQLite's lock back.
        async with (
            self._translated(),
            self.reading(self._patience),
            self._engine.connect() as connection,
        ):
            yield connection

    def reading(self, timeout: float) -> AbstractAsyncContextManager[None]:
        """Keep commits of this process away meanwhile, where they are in the way of who reads.

        Raises TimeoutError after these seconds.
        """
        return nullcontext() if self._gate is None else self._gate.reading(timeout)

    def _committing(self) -> AbstractAsyncContextManager[None]:
        return nullcontext() if self._gate is None else self._gate.committing(self._patience)

    @asynccontextmanager
    async def write(
        self, *, log: bool = False, single: bool = False
    ) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that writes; it is committed where the block ends without an error.

        `log` says that it writes revocations, `single` that it is one statement, ahead of which
        nothing is asked. PostgreSQL ends another one that is silent for IDLE_TIMEOUT. Raises
        StoreUnavailable.
        """
        # Whoever waits for SQLite's lock tries now and then, and may never come to it while others
        # of this process write one after the other: here the first that came is the next.
        alone = self._lock.held() if self.is_sqlite else nullcontext()
        first = None if single else _LOGGING if log else _BEGINNING
        async with self._noted(), self._translated(), alone, self._transaction(first) as connection:
            yield connection

    @asynccontextmanager
    async def _transaction(self, first: sa.Select[Any] | None) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that writes; PostgreSQL is asked `first` ahead of all else."""
        async with AsyncExitStack() as stack:
            async with self.reading(self._patience):  # a new connection reads the file
                connected = await stack.enter_async_context(self._engine.connect())
            # A deferred transaction that turns into a writer fails at once while another writes.
            connection = await connected.execution_options(immediate=True)
            async with connection.begin() as transaction:
                if first is not None and not self.is_sqlite:
                    await connection.execute(first)
                yield connection
                async with self._committing():
                    await transaction.commit()
            self._note_write(changed=connection.info[CHANGED])

    def ending_if_silent(self, statement: sa.Update) -> sa.Update:
        """Return the one statement of a transaction, which PostgreSQL ends like the others then."""
        return statement if self.is_sqlite else statement.returning(_SILENCE)

    async def write_at_once(self, lock: int, work: Callable[[sa.Connection], T]) -> T:
        """Do this in a transaction that writes, one at a time in the whole deployment.

        `lock` is what PostgreSQL knows it by. SQLite's lock is not held while the event loop does
        other things, which is what a flood has it do: all of it is done by a thread of its own. On
        PostgreSQL one of this process waits, so that it takes no connection from others. Raises
        StoreUnavailable.
        """
        if self._alone is not None:
            async with self._noted(), self._translated(), self._lock.held():
                async with asyncio.timeout(BUSY_TIMEOUT):
                    result, changed = await self._alone.run(work)
            self._note_write(changed=changed)
            return result
        first = _BEGINNING.add_columns(sa.func.pg_advisory_xact_lock(lock))
        # Errors come to the lock untranslated: it sends those away who would wait for the same.
        async with (
            self._noted(),
            self._translated(),
            self._lock.held(),
            self._transaction(first) as connection,
        ):
            return await connection.run_sync(work)

    @asynccontextmanager
    async def _noted(self) -> AsyncIterator[None]:
        try:
            yield
        except StoreUnavailable as error:
            self.write_problem = str(error)
            raise

    def _note_write(self, *, changed: bool) -> None:
        if changed:
            self.write_problem = None

    @asynccontextmanager
    async def _translated(self) -> AsyncIterator[None]:
        """Raise ours for the driver's, whose texts hold statements and parameters."""
        before = _count_cancellations()
        try:
            yield
        except self._failures as error:
            # Who was sent away has asked nothing: whoever sent them away has dropped them.
            silent = isinstance(error, TimeoutError) and not isinstance(error, SentAway)
            if self._idle is not None and silent:
                self._idle.drop()
            if _count_cancellations() <= before:
                raise StoreUnavailable(f"{self}: {describe_problem(error)}") from None
        # One that came while the driver gave up a statement, or tried a connection, may be lost
        # there. Who runs for ever would go on, and the process not end.
        if _count_cancellations() > before:
            raise asyncio.CancelledError


def _count_cancellations() -> int:
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


def _list_failures(engine: AsyncEngine) -> tuple[type[Exception], ...]:
    """Return what the driver raises, by way of SQLAlchemy or past it, where a database fails."""
    failures = (sa.exc.DBAPIError, sa.exc.TimeoutError, OSError)
    if engine.dialect.name != "postgresql":
        return failures
    # Of a connection that was ended in the middle of the driver's own work.
    driver = engine.dialect.dbapi.asyncpg  # type: ignore[union-attr]  # what is made has its driver
    return (*failures, driver.InternalClientError)


class _Alone:
    """One connection to SQLite, and the one thread that works with it; both begin when used."""

    def __init__(self, url: URL, gate: Gate | None) -> None:
        self._gate = gate
        self._executor = ThreadPoolExecutor(1, "sqlite")
        self._engine = sa.create_engine(
            url.set(drivername="sqlite+pysqlite"),
            pool_size=1,
            max_overflow=0,
            # Another thread closes it, once this one has ended.
            connect_args={"timeout": BUSY_TIMEOUT, "check_same_thread": False},
        )
        listen_sqlite(self._engine)
        _listen_changes(self._engine)

    async def close(self) -> None:
        """Let what has begun end, drop what waits, and close the connection."""
        # Not on the event loop: what has begun may hang, at a file system that is gone.
        await asyncio.to_thread(self._executor.shutdown, cancel_futures=True)
        self._engine.dispose()

    async def run(self, work: Callable[[sa.Connection], T]) -> tuple[T, bool]:
        """Return what the work does, and whether it changed anything."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._do, work)

    def _do(self, work: Callable[[sa.Connection], T]) -> tuple[T, bool]:
        with self._engine.connect() as connected:
            connection = connected.execution_options(immediate=True)
            with connection.begin() as transaction:
                result = work(connection)
                with self._committing():
                    transaction.commit()
            return result, connection.info[CHANGED]

    def _committing(self) -> AbstractContextManager[None]:
        return nullcontext() if self._gate is None else self._gate.committing_thread(BUSY_TIMEOUT)


def _make_sqlite(url: URL, connections: int, busy_timeout: float) -> AsyncEngine:
    engine = create_async_engine(
        url.set(drivername="sqlite+aiosqlite"),
        pool_size=connections,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT,
        connect_args={"timeout": busy_timeout, "async_creator_fn": connect},
    )
    listen_sqlite(engine.sync_engine)
    return engine


def _listen_changes(engine: sa.Engine) -> None:
    sa.event.listen(engine, "begin", _begin_unchanged)
    sa.event.listen(engine, "after_cursor_execute", _note_change)


def _begin_unchanged(connection: sa.Connection) -> None:
    connection.info[CHANGED] = False


def _note_change(connection: sa.Connection, cursor: Any, *rest: Any) -> None:
    context = rest[2]
    if cursor.rowcount > 0 and (context.isinsert or context.isupdate or context.isdelete):
        connection.info[CHANGED] = True


def _make_postgresql(url: str, connections: int, command_timeout: float) -> AsyncEngine:
    try:
        return create_async_engine(
            # The driver reads the URL itself: it knows `sslmode` and the like, SQLAlchemy does not.
            POSTGRESQL,
            # Whoever waited for a row or a lock has to see what the other committed.
            isolation_level="READ COMMITTED",
            pool_size=connections,
            max_overflow=0,
            pool_timeout=POOL_TIMEOUT,
            pool_pre_ping=True,
            connect_args={
                "async_creator_fn": Hosts(url).connect,
                "timeout": CONNECT_TIMEOUT,
                "command_timeout": command_timeout,
                # PgBouncer hands connections to others: without this cache statements have no name,
                # and are parsed at each use, also those that SQLAlchemy keeps.
                "statement_cache_size": 0,
            },
        )
    except ModuleNotFoundError:
        raise MissingExtra("database.url: postgresql://", "postgres") from None
