"""The whole service in the test's own process, on real sockets and a database of its own."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml
from aiohttp import ClientSession, DummyCookieJar, TCPConnector, web
from blockbuster import blockbuster_ctx

from sidecar.accounts import NewUser
from sidecar.app.runner import open_serving
from sidecar.app.serving import Serving
from sidecar.clock import read_clock
from sidecar.core.audit import OPERATOR, Author
from sidecar.core.user import User
from sidecar.ports import UserChange
from sidecar.settings import load_settings
from tests.programs.service import PASSWORD, POLICY
from tests.web.gated import GATE_POLICY, Gated, gate_people

BY = Author(OPERATOR)
PUBLIC_URL = "http://auth.example.com"


@dataclass(slots=True)
class Web:
    """A service that listens at `url`, and a client without cookies of its own."""

    url: str
    operations: Path
    port: int
    serving: Serving
    session: ClientSession
    directory: Path
    runner: web.AppRunner

    async def add_user(self, name: str = "alice", *roles: str, password: str = PASSWORD) -> User:
        """Add somebody who can log in."""
        accounts = self.serving.services.accounts
        new = NewUser(name, email=f"{name}@example.com", name=name.title(), roles=roles)
        return await accounts.add(new, password, BY, read_clock().unix)

    async def change_user(self, name: str, /, **members: Any) -> User:
        """Change somebody, as an operator does."""
        accounts, change = self.serving.services.accounts, UserChange(**members)
        user_id = (await accounts.show(name)).id
        return (await accounts.change(user_id, change, BY, read_clock().unix, seen=None))[0]

    async def set_password(self, name: str, password: str = PASSWORD) -> None:
        """Give somebody another password, as an operator does."""
        accounts = self.serving.services.accounts
        user_id = (await accounts.show(name)).id
        await accounts.set_password(user_id, password, BY, read_clock().unix)

    async def remove_user(self, name: str) -> None:
        """Remove somebody, as an operator does."""
        accounts = self.serving.services.accounts
        user_id = (await accounts.show(name)).id
        await accounts.remove(user_id, BY, read_clock().unix, seen=None)

    async def log_in(self, name: str = "alice") -> dict[str, Any]:
        """Return what a frontend gets."""
        body = {"username": name, "password": PASSWORD}
        async with self.session.post(f"{self.url}/login", json=body) as answer:
            assert answer.status == 200, await answer.text()
            tokens: dict[str, Any] = await answer.json()
            return tokens

    async def log_in_cookie(self, name: str = "alice", **members: object) -> str:
        """Return a session cookie as a `Cookie` header holds it."""
        body = {"username": name, "password": PASSWORD, "cookie": True, **members}
        async with self.session.post(f"{self.url}/login", json=body) as answer:
            assert answer.status == 200, await answer.text()
            return answer.headers["Set-Cookie"].partition(";")[0]


@asynccontextmanager
async def serving_web(
    directory: Path,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    policy: Mapping[str, Any] = POLICY,
) -> AsyncIterator[Web]:
    """Run a service for the length of the block; it never blocks the event loop meanwhile."""
    merged: dict[str, dict[str, Any]] = {
        "server": {
            "listen": "127.0.0.1:0",
            "operations_listen": f"unix:{directory / 'operations'}",
            "public_url": PUBLIC_URL,
        },
        "revocation": {"canary": None},  # tests look at every row that is written
    }
    for section, keys in (settings or {}).items():
        merged[section] = {**merged.get(section, {}), **keys}
    (directory / "policy.yaml").write_text(yaml.safe_dump(dict(policy), sort_keys=False))
    file = directory / "sidecar.yaml"
    file.write_text(yaml.safe_dump(merged))
    read = load_settings(file, environ={}, flags={})
    async with open_serving(read) as (serving, runner):
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            port = runner.addresses[0][1]
            connector = TCPConnector(force_close=True)
            async with ClientSession(connector=connector, cookie_jar=DummyCookieJar()) as session:
                url, operations = f"http://127.0.0.1:{port}", directory / "operations"
                with blockbuster_ctx("sidecar") as watch:
                    # What measures the coverage waits for its own lock, in our frames.
                    locks = watch.functions["threading.Lock.acquire"]
                    locks.can_block_in("coverage/collector.py", "lock_data")
                    yield Web(url, operations, port, serving, session, directory, runner)
        finally:
            await runner.cleanup()


@asynccontextmanager
async def in_one_task(work: Any) -> AsyncIterator[Any]:
    """Enter and leave a context manager in one task: fixtures are set up and torn down in two."""
    loop = asyncio.get_running_loop()
    entered: asyncio.Future[Any] = loop.create_future()
    leave = asyncio.Event()

    async def hold() -> None:
        try:
            async with work as value:
                entered.set_result(value)
                await leave.wait()
        except BaseException as error:
            if entered.done():
                raise
            entered.set_exception(error)

    task = loop.create_task(hold())
    try:
        yield await entered
    finally:
        leave.set()
        await task


@pytest_asyncio.fixture
async def served(tmp_path: Path) -> AsyncIterator[Web]:
    """Run a service with the policy of `tests.programs.service`, and no user."""
    async with in_one_task(serving_web(tmp_path)) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gated(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gated]:
    """Run a service with people who are logged in, for all questions of a module.

    A parameter is `server.lane`.
    """
    directory = tmp_path_factory.mktemp("gated")
    settings = {"server": {"lane": getattr(request, "param", "auto")}}
    async with in_one_task(serving_web(directory, settings, GATE_POLICY)) as running:
        yield await gate_people(running)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def settled(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Web]:
    """Run a service with alice, for all questions of a module that change nothing for others."""
    directory = tmp_path_factory.mktemp("settled")
    async with in_one_task(serving_web(directory)) as running:
        await running.add_user()
        yield running
