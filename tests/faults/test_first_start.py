"""The first start: one ring, one schema, one administrator, however many processes begin."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.faults.asking import ask, log_in, log_in_token, readiness
from tests.faults.pairs import serving_pair
from tests.programs.service import PASSWORD, make_service, serving

pytestmark = pytest.mark.asyncio


def count(directory: Path, table: str) -> int:
    database = sqlite3.connect(directory / "data" / "sidecar.db")
    try:
        rows = database.execute(f"SELECT count(*) FROM {table}")  # noqa: S608 - names of ours
        number: int = rows.fetchone()[0]
        return number
    finally:
        database.close()


def with_bootstrap(directory: Path, admin: str = "root") -> dict[str, str]:
    """Return the environment that makes the first administrator; the password is in a file."""
    file = directory / "password"
    file.write_text(f"{PASSWORD}\n")
    file.chmod(0o600)
    return {"SIDECAR_BOOTSTRAP__ADMIN": admin, "SIDECAR_BOOTSTRAP__PASSWORD_FILE": str(file)}


async def test_two_processes_at_once_in_an_empty_directory(
    tmp_path: Path, client: ClientSession
) -> None:
    environ = with_bootstrap(tmp_path)
    async with serving_pair(tmp_path, user=None, environ=environ) as pair:
        assert count(tmp_path, "ring_keys") == 2
        assert count(tmp_path, "users") == 1
        for here, there in pair.ways():
            token = await log_in_token(client, here, "root")
            assert await ask(client, there, token, "/admin/") == 200
        jwks = []
        for service in (pair.one, pair.other):
            async with client.get(f"{service.url}/.well-known/jwks.json") as answer:
                jwks.append(await answer.json())
        assert jwks[0] == jwks[1]
    assert len(list((tmp_path / "keys").glob("*.pem"))) == 2


async def test_the_first_administrator_is_made_once(tmp_path: Path, client: ClientSession) -> None:
    service = make_service(tmp_path, environ=with_bootstrap(tmp_path))
    async with serving(service):
        await log_in(client, service, "root")
    changed = await service.run("user", "passwd", "root", "--password-stdin", stdin="another one !")
    assert changed.status == 0, changed.err
    async with serving(service):
        await log_in(client, service, "root", "another one !")
    assert count(tmp_path, "users") == 1


async def test_no_administrator_is_made_where_there_is_a_user(
    tmp_path: Path, client: ClientSession
) -> None:
    service = make_service(tmp_path, environ=with_bootstrap(tmp_path))
    await service.add_user("alice")
    async with serving(service):
        body = {"username": "root", "password": PASSWORD}
        async with client.post(f"{service.url}/login", json=body) as answer:
            assert answer.status == 401
    assert count(tmp_path, "users") == 1


@pytest.mark.parametrize("admin", ["", "two words", "a:b"])
async def test_a_first_administrator_who_cannot_be_is_said(tmp_path: Path, admin: str) -> None:
    service = make_service(tmp_path, environ=with_bootstrap(tmp_path, admin))
    done = await service.run("serve")
    assert done.status == 1
    assert "bootstrap" in done.err.lower()
    assert "Traceback" not in done.err


async def test_without_a_policy_everything_is_refused_and_it_says_so(
    tmp_path: Path, client: ClientSession
) -> None:
    service = make_service(tmp_path)
    (tmp_path / "policy.yaml").unlink()
    await service.add_user("alice")
    async with serving(service):
        assert await readiness(client, service) == (200, ["policy"])
        assert await ask(client, service, await log_in_token(client, service), "/public/") == 403
        warnings = [line for line in service.read_log() if line["level"] == "WARNING"]
        assert [line["message"] for line in warnings] == ["no policy: everything is refused"]


async def test_it_is_ready_only_once_it_listens(tmp_path: Path) -> None:
    """Who connects the moment that `/readyz` says 200 is not turned away."""
    service = make_service(tmp_path)
    host, _, port = service.settings["server"]["listen"].rpartition(":")
    for _ in range(3):
        async with serving(service):
            _, writer = await asyncio.open_connection(host, int(port))
            writer.close()
