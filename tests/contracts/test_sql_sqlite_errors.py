"""A SQLite file that is locked, read-only, or none at all."""

import asyncio
import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest

from sidecar.errors import StoreUnavailable, StoreUnusable
from sidecar.stores.sql import open_store
from sidecar.stores.sql.engine import Database
from tests.contracts.sql_stores import NOW, read_tables

WRITE_VERSION = 18  # the octet of a database's header above whose 2 nobody may write (fileformat2)
PATIENCE = 1.0  # seconds that a writer waits for the lock
ENDED = 10.0  # seconds, within which it has ended where it ends at all


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sidecar.db"


def use(file: Path, *, write: bool = False) -> None:
    """Do what a process does with its database first."""

    async def work() -> None:
        async with open_store(f"sqlite:///{file}", outbox=False) as store:
            await store.prepare_schema()
            if write:
                await store.revocations.revoke_token("j-1", forget_at=NOW)

    asyncio.run(work())


def fail(file: Path, *, write: bool = False) -> str:
    """Return the one line of what cannot be done with this file."""
    with pytest.raises((StoreUnavailable, StoreUnusable)) as raised:
        use(file, write=write)
    line = str(raised.value)
    assert "\n" not in line
    return line


@pytest.mark.parametrize("current", [True, False])
def test_a_file_that_somebody_holds_is_locked(file: Path, current: bool) -> None:
    if current:
        use(file)
    with closing(sqlite3.connect(file, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        assert fail(file) == f"{file}: database is locked"
        holder.execute("ROLLBACK")
    use(file)


def test_a_file_that_somebody_writes_is_locked_for_writers(file: Path) -> None:
    use(file)
    with closing(sqlite3.connect(file, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        assert fail(file, write=True) == f"{file}: database is locked"


def test_a_read_only_file_takes_nothing(file: Path) -> None:
    use(file)
    octets = bytearray(file.read_bytes())
    octets[WRITE_VERSION] = 3
    file.write_bytes(octets)
    assert fail(file, write=True) == f"{file}: attempt to write a readonly database"
    assert file.read_bytes() == octets


def test_a_file_that_is_no_database_stays_as_it_is(file: Path) -> None:
    file.write_bytes(b"# a settings file, by mistake\n" * 100)
    before = file.read_bytes()
    assert fail(file) == f"{file}: file is not a database"
    assert file.read_bytes() == before


def test_a_directory_is_no_database(file: Path) -> None:
    file.mkdir()
    assert fail(file) == f"{file}: Is a directory"


def test_a_file_in_the_way_of_its_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    assert fail(tmp_path / "data" / "sidecar.db") == f"{tmp_path / 'data'}: File exists"
    line = fail(tmp_path / "data" / "deeper" / "sidecar.db")
    assert line == f"{tmp_path / 'data'}: File exists"


def test_folders_and_file_are_made_for_nobody_else_to_read(tmp_path: Path) -> None:
    file = tmp_path / "var" / "lib" / "sidecar.db"
    use(file)
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (file, *list(file.parents)[:2])]
    assert modes == [0o600, 0o700, 0o700]


def test_what_is_there_keeps_its_mode(file: Path) -> None:
    file.touch(0o640)
    file.chmod(0o640)
    file.parent.chmod(0o750)
    use(file)
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (file, file.parent)]
    assert modes == [0o640, 0o750]


def test_a_damaged_file_is_said_to_be_damaged(file: Path) -> None:
    use(file)
    octets = bytearray(file.read_bytes())
    octets[100:] = b"\xff" * (len(octets) - 100)
    file.write_bytes(octets)
    assert fail(file) == f"{file}: database disk image is malformed"
    assert file.read_bytes() == octets


def test_what_was_acknowledged_is_in_the_file(file: Path) -> None:
    """The journal is not needed to read it: nobody has to come back for it."""
    use(file, write=True)
    (read,) = asyncio.run(read_tables(f"sqlite:///{file}"))["revocations"]
    assert "j-1" in read


def test_a_writer_that_is_cut_off_twice_ends(file: Path) -> None:
    """As a request is whose time is over, and again where the loop is closed."""
    use(file)

    async def write(database: Database) -> None:
        async with database.write():
            raise AssertionError("the file is locked")

    async def cut_off() -> None:
        database = Database(f"sqlite:///{file}", patience=PATIENCE)
        writer = asyncio.create_task(write(database))
        await asyncio.wait([writer], timeout=PATIENCE / 2)  # it waits for the lock
        assert not writer.done()
        writer.cancel()
        await asyncio.sleep(0)
        # Nobody waits for it: what is left is cancelled where the loop is closed.

    thread = threading.Thread(target=asyncio.run, args=(cut_off(),), daemon=True)
    with closing(sqlite3.connect(file, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        thread.start()
        thread.join(ENDED)
    assert not thread.is_alive()
