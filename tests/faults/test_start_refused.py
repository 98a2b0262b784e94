"""What keeps a service from starting is one line on standard error and exit 1; nothing changes."""

import asyncio
import shutil
import socket
import sqlite3
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.faults.asking import log_in_token
from tests.programs.service import Commanded, Service, make_service, serving
from tests.sources.keydirs import put

pytestmark = pytest.mark.asyncio

ONE_PROCESS: tuple[str, ...] = ()
TWO_WORKERS = ("--workers", "2")
HOW = pytest.mark.parametrize("how", [ONE_PROCESS, TWO_WORKERS], ids=["one process", "workers"])
END = 15.0  # seconds; a database that is locked is waited for


async def refused(service: Service, *arguments: str) -> str:
    """Return the one line that a start says before it exits with 1."""
    async with asyncio.timeout(END):
        done: Commanded = await service.run("serve", *arguments)
    assert done.status == 1, done.out
    line, end, rest = done.err.partition("\n")
    assert (end, rest) == ("\n", "")
    return line


async def made_once(service: Service, client: ClientSession) -> None:
    """Let the service make its database and ring, and stop."""
    async with serving(service), client.get(f"{service.url}/login") as answer:
        assert answer.status == 200


def files_of(directory: Path) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes()
        for folder in ("data", "keys")
        for path in (directory / folder).glob("*")
        if path.name != ".lock"
    }


@HOW
async def test_a_port_that_is_taken(tmp_path: Path, how: tuple[str, ...]) -> None:
    service = make_service(tmp_path)
    host, _, port = service.settings["server"]["listen"].rpartition(":")
    with socket.create_server((host, int(port))):
        line = await refused(service, *how)
    assert line == f"cannot listen on {host}:{port}: Address already in use"


async def test_an_operations_port_that_is_taken(tmp_path: Path) -> None:
    service = make_service(tmp_path)
    host, _, port = service.settings["server"]["operations_listen"].rpartition(":")
    with socket.create_server((host, int(port))):
        line = await refused(service)
    assert line == f"cannot listen on {host}:{port}: Address already in use"


@pytest.mark.parametrize(
    ("listen", "why"),
    [
        ("192.0.2.1:8420", "Cannot assign requested address"),
        ("name.invalid:8420", ""),  # what the resolver says of it differs from machine to machine
        ("unix:missing/socket", "No such file or directory"),
    ],
)
async def test_an_address_that_is_not_ours(tmp_path: Path, listen: str, why: str) -> None:
    service = make_service(tmp_path)
    line = await refused(service, "--listen", listen)
    assert line.startswith("cannot listen on ")
    assert line.endswith(why)
    assert "Unknown error" not in line


@HOW
async def test_a_database_of_a_newer_version(
    tmp_path: Path, client: ClientSession, how: tuple[str, ...]
) -> None:
    service = make_service(tmp_path)
    await made_once(service, client)
    with sqlite3.connect(tmp_path / "data" / "sidecar.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    before = files_of(tmp_path)
    assert "9999" in await refused(service, *how)
    assert files_of(tmp_path) == before


async def test_a_file_that_is_not_a_database(tmp_path: Path) -> None:
    service = make_service(tmp_path)
    (tmp_path / "data").mkdir()
    put(tmp_path / "data" / "sidecar.db", b"not a database " * 100)
    before = files_of(tmp_path)
    assert "not a database" in await refused(service)
    assert files_of(tmp_path) == before


async def test_a_database_that_is_locked(tmp_path: Path, client: ClientSession) -> None:
    service = make_service(tmp_path)
    await made_once(service, client)
    before = files_of(tmp_path)
    database = sqlite3.connect(tmp_path / "data" / "sidecar.db", isolation_level=None)
    try:
        database.execute("BEGIN EXCLUSIVE")
        assert "locked" in await refused(service)
    finally:
        database.close()
    assert files_of(tmp_path) == before


@pytest.mark.parametrize("url", ["sqlite:///keys", "sqlite:////proc/sidecar.db"])
async def test_a_database_that_cannot_be_written(tmp_path: Path, url: str) -> None:
    (tmp_path / "keys").mkdir()
    service = make_service(tmp_path, {"database": {"url": url}})
    assert (await refused(service)).startswith(str(tmp_path / url.removeprefix("sqlite:///")))
    assert files_of(tmp_path) == {}


@HOW
async def test_a_policy_that_was_named_and_is_wrong(tmp_path: Path, how: tuple[str, ...]) -> None:
    service = make_service(tmp_path, {"policy": {"file": "policy.yaml"}})
    (tmp_path / "policy.yaml").write_text("hosts: {app.example.com: [{path: /**, allow: nobody}]}")
    line = await refused(service, *how)
    assert line.startswith(f"{tmp_path / 'policy.yaml'}:1")
    assert "allow" in line


async def test_a_policy_that_was_named_and_is_missing(tmp_path: Path) -> None:
    service = make_service(tmp_path, {"policy": {"file": "elsewhere.yaml"}})
    assert await refused(service) == f"{tmp_path / 'elsewhere.yaml'}: there is no such file"


async def test_another_secret(tmp_path: Path, client: ClientSession) -> None:
    service = make_service(tmp_path)
    await made_once(service, client)
    put(tmp_path / "keys" / "secret", bytes(32))
    assert await refused(service) == (
        f"{tmp_path / 'keys' / 'secret'}: is not the one that this database knows"
    )


async def test_a_key_directory_that_lacks_a_key_still_in_use(
    tmp_path: Path, client: ClientSession
) -> None:
    service = make_service(tmp_path)
    await service.add_user("alice")
    async with serving(service):
        await log_in_token(client, service)
    lost = next((tmp_path / "keys").glob("*.pem"))
    lost.unlink()
    assert f"lacks the key {lost.stem}" in await refused(service)


@HOW
async def test_no_new_ring_beside_a_database_that_knows_one(
    tmp_path: Path, client: ClientSession, how: tuple[str, ...]
) -> None:
    service = make_service(tmp_path)
    await made_once(service, client)
    shutil.rmtree(tmp_path / "keys")
    assert "the database knows one" in await refused(service, *how)
    assert not (tmp_path / "keys").exists()


async def test_a_broken_key(tmp_path: Path, client: ClientSession) -> None:
    service = make_service(tmp_path)
    await made_once(service, client)
    path = put(tmp_path / "keys" / "mine.pem", b"")
    assert (await refused(service)).startswith(f"{path}: ")


async def test_a_database_that_is_away(tmp_path: Path) -> None:
    service = make_service(tmp_path, {"database": {"url": "postgresql://nobody@127.0.0.1:1/none"}})
    line = await refused(service)
    assert "nobody@127.0.0.1:1/none" in line
