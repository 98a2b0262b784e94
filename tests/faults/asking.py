"""What the fault tests do again and again: log in, ask the gate, and see until when it lets in."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import ClientSession

from tests.programs.service import PASSWORD, Service

PATIENCE = 15.0  # seconds; what has not come by then on any machine does not come
QUESTION = {
    "X-Forwarded-Method": "GET",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "app.example.com",
    "X-Forwarded-Uri": "/orders",
}


async def log_in(
    client: ClientSession, service: Service, name: str = "alice", password: str = PASSWORD
) -> dict[str, Any]:
    """Return what a frontend gets."""
    body = {"username": name, "password": password}
    async with client.post(f"{service.url}/login", json=body) as answer:
        assert answer.status == 200, await answer.text()
        tokens: dict[str, Any] = await answer.json()
        return tokens


async def log_in_token(client: ClientSession, service: Service, name: str = "alice") -> str:
    """Return an access token."""
    token: str = (await log_in(client, service, name))["access_token"]
    return token


async def log_out(client: ClientSession, service: Service, token: str) -> float:
    """Log out; return the monotonic second at which the 204 was here."""
    headers = {"Authorization": f"Bearer {token}"}
    async with client.post(f"{service.url}/logout", headers=headers) as answer:
        assert answer.status == 204, await answer.text()
    return time.monotonic()


async def ask(client: ClientSession, service: Service, token: str, path: str = "/orders") -> int:
    """Ask the gate as Traefik does; return the status."""
    headers = QUESTION | {"X-Forwarded-Uri": path, "Authorization": f"Bearer {token}"}
    async with client.get(f"{service.url}/verify", headers=headers) as answer:
        await answer.read()
        return answer.status


async def let_in_until(client: ClientSession, service: Service, token: str, since: float) -> float:
    """Ask without a pause until the gate refuses.

    Return how many seconds after `since` the last question was sent that was let in; 0: none. A
    slow machine makes the answers late, but not the questions that a promise is about.
    """
    latest = since
    deadline = since + PATIENCE
    while time.monotonic() < deadline:
        sent = time.monotonic()
        status = await ask(client, service, token)
        if status == 401:
            return latest - since
        assert status == 200, status
        latest = sent
    raise AssertionError("still let in")


async def until(condition: Callable[[], Awaitable[bool]], what: str) -> float:
    """Wait until this holds; return how many seconds it took."""
    began = time.monotonic()
    while time.monotonic() - began < PATIENCE:
        if await condition():
            return time.monotonic() - began
        await asyncio.sleep(0.02)
    raise AssertionError(f"in vain: {what}")


async def readiness(client: ClientSession, service: Service) -> tuple[int, list[str]]:
    """Return the status of `/readyz`, and what it says is degraded."""
    async with client.get(f"{service.operations}/readyz") as answer:
        degraded: list[str] = (await answer.json())["degraded"]
        return answer.status, degraded


async def until_told(service: Service, message: str) -> None:
    """Wait until the log has a line of this message."""

    async def is_told() -> bool:
        return any(line["message"] == message for line in service.read_log())

    await until(is_told, message)


async def until_degraded(client: ClientSession, service: Service, *names: str) -> float:
    """Wait until exactly these are degraded, while the service stays ready."""

    async def is_so() -> bool:
        status, degraded = await readiness(client, service)
        assert status == 200, (degraded, service.read_log()[-5:])
        return degraded == sorted(names)

    return await until(is_so, f"degraded: {names}")
