"""A database or a folder that cannot be used: one line, exit 1, nothing changed."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.running import add_user, sidecar, sidecar_each

pytestmark = pytest.mark.asyncio

LIST = ("user", "list")
DATABASE = "data/sidecar.db"


async def test_the_schema_is_made_and_made_once(tmp_path: Path) -> None:
    for _ in range(2):
        ran = await sidecar(tmp_path, "db", "upgrade")
        assert (ran.status, ran.out, ran.err) == (0, "the database is up to date\n", "")
    assert (tmp_path / DATABASE).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


async def test_several_that_start_at_once_make_one_schema(tmp_path: Path) -> None:
    for ran in await sidecar_each(tmp_path, *(LIST for _ in range(4))):
        assert (ran.status, ran.out, ran.err) == (0, "", "")


async def test_a_locked_database_is_one_line(tmp_path: Path) -> None:
    await add_user(tmp_path, "alice")
    with closing(sqlite3.connect(tmp_path / DATABASE, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        attempts = (("user", "remove", "alice"), ("db", "upgrade"))
        for ran in await sidecar_each(tmp_path, *attempts):
            assert (ran.status, ran.out) == (1, "")
            assert ran.problems == [f"{tmp_path}/{DATABASE}: database is locked"]
        other.execute("ROLLBACK")
    assert "alice" in (await sidecar(tmp_path, *LIST)).out


async def test_a_newer_database_is_left_alone(tmp_path: Path) -> None:
    await sidecar(tmp_path, "db", "upgrade")
    with closing(sqlite3.connect(tmp_path / DATABASE)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    before = (tmp_path / DATABASE).read_bytes()
    for ran in await sidecar_each(tmp_path, LIST, ("db", "upgrade")):
        assert (ran.status, ran.out) == (1, "")
        (problem,) = ran.problems
        assert problem.startswith(f"{tmp_path}/{DATABASE}: the schema is at version 9999")
    assert (tmp_path / DATABASE).read_bytes() == before


async def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / DATABASE).write_text("dear diary, " * 100)
    for ran in await sidecar_each(tmp_path, LIST, ("db", "upgrade")):
        assert (ran.status, ran.out) == (1, "")
        assert ran.problems == [f"{tmp_path}/{DATABASE}: file is not a database"]
    assert (tmp_path / DATABASE).read_text() == "dear diary, " * 100


async def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    ran = await sidecar(tmp_path, *LIST)
    assert (ran.status, ran.out) == (1, "")
    (problem,) = ran.problems
    assert problem.startswith(f"{tmp_path}/data")

    environ = {"SIDECAR_DATABASE__URL": "sqlite:///elsewhere.db"}
    (tmp_path / "keys").write_text("a file")
    ran = await sidecar(tmp_path, "key", "list", environ=environ)
    assert (ran.status, ran.out) == (1, "")
    (problem,) = ran.problems
    assert problem.startswith(f"{tmp_path}/keys: ")


async def test_a_database_that_does_not_answer_is_one_line(tmp_path: Path) -> None:
    environ = {"SIDECAR_DATABASE__URL": "postgresql://u:hunter2@127.0.0.1:1/people"}
    ran = await sidecar(tmp_path, *LIST, environ=environ)
    assert (ran.status, ran.out) == (1, "")
    (problem,) = ran.problems
    assert "127.0.0.1:1/people" in problem
    assert "hunter2" not in problem
