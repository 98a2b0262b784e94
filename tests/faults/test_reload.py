"""Policy and keys are watched: what is right is in force soon, what is wrong never."""

import asyncio
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml
from aiohttp import ClientSession

from sidecar.core.encoding import from_base64url
from tests.faults.asking import ask, log_in_token, readiness, until, until_degraded
from tests.programs.process import Program
from tests.programs.service import POLICY, Service, end_quietly, make_service, serving
from tests.sources.keydirs import RSA, kid_of, pkcs8, put, put_key

pytestmark = pytest.mark.asyncio

PROMISE = 2.0  # seconds until a change is in force
AHEAD = 4  # seconds between publishing a key and signing with it
CLOSED = {"hosts": {"app.example.com": [{"path": "/**", "allow": {"roles": ["admin"]}}]}}


@pytest_asyncio.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    """Run a service with a user alice."""
    made = make_service(tmp_path, {"keys": {"publish_ahead": f"{AHEAD}s"}})
    await made.add_user("alice")
    async with serving(made):
        yield made


def write_policy(service: Service, policy: Mapping[str, Any] | str) -> float:
    """Write the policy; return the monotonic second."""
    text = policy if isinstance(policy, str) else yaml.safe_dump(dict(policy))
    (service.directory / "policy.yaml").write_text(text)
    return time.monotonic()


async def until_status(client: ClientSession, service: Service, token: str, status: int) -> float:
    """Wait until the gate answers so; return the monotonic second of the last other question."""
    latest = 0.0

    async def is_so() -> bool:
        nonlocal latest
        sent = time.monotonic()
        if await ask(client, service, token) == status:
            return True
        latest = sent
        return False

    await until(is_so, f"{status} from the gate")
    return latest


async def published(client: ClientSession, service: Service) -> set[str]:
    async with client.get(f"{service.url}/.well-known/jwks.json") as answer:
        return {key["kid"] for key in (await answer.json())["keys"]}


def logged(service: Service, message: str) -> list[dict[str, Any]]:
    return [line for line in service.read_log() if line["message"] == message]


async def test_a_policy_that_changed_is_in_force_without_a_signal(
    service: Service, client: ClientSession
) -> None:
    token = await log_in_token(client, service)
    assert await ask(client, service, token) == 200
    since = write_policy(service, CLOSED)
    assert await until_status(client, service, token, 403) - since <= PROMISE
    since = write_policy(service, POLICY)
    assert await until_status(client, service, token, 200) - since <= PROMISE


@pytest.mark.parametrize("broken", ["hosts: {", "hosts: {a.example.com: []}", "", "\0"])
async def test_a_broken_policy_leaves_the_old_in_force_until_it_heals(
    service: Service, client: ClientSession, broken: str
) -> None:
    token = await log_in_token(client, service)
    write_policy(service, broken)
    await until_degraded(client, service, "policy")
    assert await ask(client, service, token) == 200
    write_policy(service, CLOSED)
    await until_status(client, service, token, 403)
    await until_degraded(client, service)
    problems = logged(service, "policy: the old one stays in force")
    assert len(problems) == 1
    assert "policy.yaml" in problems[0]["cause"]


async def test_a_policy_that_went_away_and_came_back(
    service: Service, client: ClientSession
) -> None:
    token = await log_in_token(client, service)
    (service.directory / "policy.yaml").unlink()
    await until_degraded(client, service, "policy")
    assert await ask(client, service, token) == 200
    write_policy(service, CLOSED)
    await until_status(client, service, token, 403)
    await until_degraded(client, service)


async def test_sighup_reads_policy_and_keys_again(service: Service) -> None:
    await signal_and_await(service, "policy: read", "keys: read")


async def test_sighup_with_a_broken_policy_leaves_the_old_in_force(
    service: Service, client: ClientSession
) -> None:
    token = await log_in_token(client, service)
    write_policy(service, "hosts: {")
    await signal_and_await(service, "policy: the old one stays in force", "keys: read")
    assert await ask(client, service, token) == 200
    assert await readiness(client, service) == (200, ["policy"])


async def test_a_sighup_that_comes_while_it_starts_ends_nothing(tmp_path: Path) -> None:
    service = make_service(tmp_path)
    await service.add_user("alice")
    database = sqlite3.connect(tmp_path / "data" / "sidecar.db", isolation_level=None)
    database.execute("BEGIN EXCLUSIVE")  # the start waits for it
    starting = asyncio.create_task(service.start())
    try:

        async def listens_to_signals() -> bool:
            return service.program is not None and catches(service.program, signal.SIGHUP)

        await until(listens_to_signals, "SIGHUP is caught")
        assert service.program is not None
        service.program.process.send_signal(signal.SIGHUP)
        database.close()
        await starting
    finally:
        database.close()
        await asyncio.gather(starting, return_exceptions=True)
        await end_quietly(service)


def catches(program: Program, number: signal.Signals) -> bool:
    """Say whether a process has a handler for a signal (proc(5), SigCgt)."""
    lines = (Path("/proc") / str(program.process.pid) / "status").read_text().splitlines()
    mask = next(line for line in lines if line.startswith("SigCgt:")).split()[1]
    return bool(int(mask, 16) >> (number - 1) & 1)


async def signal_and_await(service: Service, *messages: str) -> None:
    assert service.program is not None
    service.program.process.send_signal(signal.SIGHUP)

    async def are_there() -> bool:
        return all(logged(service, message) for message in messages)

    await until(are_there, f"logged: {messages}")
    assert service.program.process.returncode is None


async def test_a_key_of_another_process_is_published_and_then_signs(
    service: Service, client: ClientSession
) -> None:
    before = await published(client, service)
    old_token = await log_in_token(client, service)
    put_key(service.directory / "keys")
    kid = kid_of(RSA)

    async def is_published() -> bool:
        return kid in await published(client, service)

    assert await until(is_published, "the key in the JWKS") <= PROMISE
    seen = time.monotonic()
    assert await published(client, service) == before | {kid}
    read = logged(service, "keys: read")[-1]
    assert (read["keys"], read["changed"]) == (3, [f"{kid} next"])

    async def signs() -> bool:
        return header_kid(await log_in_token(client, service)) == kid

    await until(signs, "a token of the new key")
    assert time.monotonic() - seen >= AHEAD - PROMISE  # it was published first
    assert await ask(client, service, await log_in_token(client, service)) == 200
    assert await ask(client, service, old_token) == 200
    listed = await service.run("key", "list", "--json")
    assert {row["kid"] for row in yaml.safe_load(listed.out) if row["state"] == "active"} >= {kid}


def header_kid(token: str) -> str:
    header = from_base64url(token.partition(".")[0])
    assert header is not None
    return str(yaml.safe_load(header.decode())["kid"])


async def test_a_broken_key_file_leaves_the_old_ring_until_it_heals(
    service: Service, client: ClientSession
) -> None:
    before = await published(client, service)
    token = await log_in_token(client, service)
    path = put(service.directory / "keys" / "mine.pem", pkcs8(RSA), 0o644)
    await until_degraded(client, service, "keys")
    assert await published(client, service) == before
    assert await ask(client, service, token) == 200
    assert await ask(client, service, await log_in_token(client, service)) == 200
    path.chmod(0o600)
    await until_degraded(client, service)
    assert await published(client, service) == before | {kid_of(RSA)}


async def test_a_key_that_was_taken_away_stays_in_force_here(
    service: Service, client: ClientSession
) -> None:
    """What it sealed is still out there; a restart would refuse to go on without it."""
    token = await log_in_token(client, service)
    path = service.directory / "keys" / f"{header_kid(token)}.pem"
    octets = path.read_bytes()
    path.unlink()
    await until_degraded(client, service, "keys")
    assert await ask(client, service, token) == 200
    path.write_bytes(octets)
    path.chmod(0o600)
    await until_degraded(client, service)


async def test_a_key_that_came_while_the_database_was_locked_is_published_afterwards(
    service: Service, client: ClientSession
) -> None:
    database = sqlite3.connect(service.directory / "data" / "sidecar.db", isolation_level=None)
    database.execute("BEGIN EXCLUSIVE")
    put_key(service.directory / "keys")
    await until_degraded(client, service, "keys", "sql")
    database.close()
    await until_degraded(client, service)
    assert kid_of(RSA) in await published(client, service)
