"""The databases that every suite of the SQL store runs against.

The schema is made once; a test has a copy of what was made.
"""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from secrets import token_hex

import pytest
import pytest_asyncio
import sqlalchemy as sa

from sidecar.stores.redis import announcing, feed
from sidecar.stores.sql import SqlStore, open_store
from sidecar.stores.sql.schema import HEAD
from sidecar.stores.sql.tables import deployment, metadata
from tests.contracts.sql_stores import outside
from tests.programs.postgres import OWNER, Postgres
from tests.programs.redis import SERVERS, RedisServer, serving_redis

DATABASES = ("sqlite", "postgresql")
PATIENCE = 60.0  # seconds; what takes longer on any machine has failed


@pytest_asyncio.fixture(params=SERVERS)
async def redis_server(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[RedisServer]:
    """Run each program that speaks the protocol of Redis, for one test."""
    folder = tmp_path / "redis"
    folder.mkdir()
    async with serving_redis(folder, server=request.param) as server:
        yield server


@pytest.fixture
def announced_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let announcements wait for Redis: of many at once the last takes long on a slow machine."""
    for module in (announcing, feed):
        monkeypatch.setattr(module, "ANNOUNCE_TIMEOUT", PATIENCE)


def make_current(url: str) -> str:
    async def upgrade() -> None:
        async with open_store(url, outbox=False) as store:
            await store.upgrade_schema()

    asyncio.run(upgrade())
    return url


@pytest.fixture(scope="session")
def current_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file whose schema is current and which nobody opens."""
    file = tmp_path_factory.mktemp("current") / "sidecar.db"
    make_current(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def current_postgres(postgres: Postgres) -> str:
    """Return the name of a database whose schema is current and which nobody opens."""
    url = postgres.make_database()
    asyncio.run(stop_syncing(url))  # a database for each test: the disk would be all they wait for
    return make_current(url).rpartition("/")[2]


async def stop_syncing(url: str) -> None:
    async with outside(url) as opened:
        connection = await opened.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(sa.text("ALTER SYSTEM SET fsync = off"))
        await connection.execute(sa.text("SELECT pg_reload_conf()"))


@pytest.fixture(params=DATABASES)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of a database that holds nothing."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'data' / 'sidecar.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.make_database()


@pytest.fixture
def postgres_url(postgres: Postgres, current_postgres: str) -> str:
    """Return the URL of a PostgreSQL database whose schema is current."""
    address, name = f"127.0.0.1:{postgres.port}", f"test_{token_hex(6)}"
    create = [str(postgres.binaries / "createdb"), "-h", "127.0.0.1", "-p", str(postgres.port)]
    subprocess.run(
        [*create, "-U", OWNER, "-T", current_postgres, name], check=True, capture_output=True
    )
    return f"postgresql://{OWNER}@{address}/{name}"


@pytest.fixture(scope="session")
def spare_urls() -> list[str]:
    """Return the PostgreSQL databases that are as good as new: a copy takes long."""
    return []


async def empty(url: str) -> bool:
    """Empty what a test leaves; False where it is not what it was."""
    async with outside(url) as connection:
        tables = ", ".join(table.name for table in metadata.sorted_tables)
        try:
            version = await connection.execute(sa.text("SELECT version_num FROM alembic_version"))
            await connection.execute(sa.text("SET LOCAL lock_timeout = '1s'"))
            await connection.execute(sa.text(f"TRUNCATE {tables} RESTART IDENTITY"))
            await connection.execute(sa.insert(deployment).values(id=1, epoch=0))
        except sa.exc.DBAPIError:
            return False
        await connection.commit()
        return version.scalar_one_or_none() == HEAD


@pytest.fixture(params=DATABASES)
def database_url(
    request: pytest.FixtureRequest, tmp_path: Path, spare_urls: list[str]
) -> Iterator[str]:
    """Yield the URL of a database whose schema is current."""
    if request.param == "sqlite":
        file = tmp_path / "data" / "sidecar.db"
        file.parent.mkdir()
        shutil.copy(request.getfixturevalue("current_sqlite"), file)
        yield f"sqlite:///{file}"
        return
    url: str = spare_urls.pop() if spare_urls else request.getfixturevalue("postgres_url")
    yield url
    if asyncio.run(empty(url)):
        spare_urls.append(url)


@pytest_asyncio.fixture
async def store(database_url: str) -> AsyncIterator[SqlStore]:
    """Open a store that announces."""
    async with open_store(database_url, outbox=True) as opened:
        yield opened


@pytest_asyncio.fixture
async def other(store: SqlStore, database_url: str) -> AsyncIterator[SqlStore]:
    """Open the same database a second time, as another replica does."""
    async with open_store(database_url, outbox=True) as opened:
        yield opened
