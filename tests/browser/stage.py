"""A service with people whose days are full, for those who look at its pages."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import ClientSession
from playwright.async_api import BrowserContext, Page

from tests.programs.process import free_port
from tests.programs.service import PASSWORD, Service, make_service, serving

ADMINISTRATOR = "ada"
PEOPLE = (
    ("grace", "Grace Hopper", ("staff", "ops")),
    ("linus", "Linus Pauling", ("staff",)),
    ("maria", "Maria Mitchell", ("staff",)),
    ("sofia", "Sofia Kovalevskaya", ()),
)
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1"
DEVICES = ((PHONE, "203.0.113.7"), ("backup-script/2.1", "198.51.100.20"))


@dataclass(frozen=True, slots=True)
class Stage:
    """The service as a browser reaches it."""

    service: Service
    base: str
    users: dict[str, str]

    async def enter(self, context: BrowserContext, name: str = ADMINISTRATOR) -> Page:
        """Return a page of somebody who is logged in."""
        page = await context.new_page()
        await self.type_password(page, name)
        await page.wait_for_url(lambda url: "/login" not in url)
        return page

    async def type_password(self, page: Page, name: str = ADMINISTRATOR) -> None:
        """Fill the login page and send it."""
        await page.goto(f"{self.base}/login")
        await page.get_by_label("Username").fill(name)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Log in").click()


@asynccontextmanager
async def set_stage(directory: Path) -> AsyncIterator[Stage]:
    """Run the service for the length of the block, with an administrator and four others."""
    port = free_port()
    settings: dict[str, dict[str, Any]] = {
        "server": {"listen": f"127.0.0.1:{port}", "public_url": f"http://localhost:{port}"},
        "tokens": {"role_scopes": {"staff": ["orders:read", "orders:write"]}},
    }
    service = make_service(directory, settings)
    roles = ("--role", "admin", "--role", "staff")
    await service.add_user(ADMINISTRATOR, *roles, "--name", "Ada Lovelace")
    async with serving(service), ClientSession() as session:
        stage = Stage(service, f"http://localhost:{port}", {})
        await _fill(session, stage)
        yield stage


async def _fill(session: ClientSession, stage: Stage) -> None:
    url = stage.service.url
    headers: dict[str, str] = {}
    for agent, address in DEVICES:
        told = {"User-Agent": agent, "X-Forwarded-For": address}
        body = {"username": ADMINISTRATOR, "password": PASSWORD}
        async with session.post(f"{url}/login", json=body, headers=told) as answer:
            tokens = json.loads(await answer.text())
            assert answer.status == 200, tokens
            headers = {"Authorization": f"Bearer {tokens['access_token']}", **told}
    for name, full_name, roles in PEOPLE:
        person = {
            "username": name,
            "name": full_name,
            "email": f"{name}@example.com",
            "roles": list(roles),
            "password": PASSWORD,
        }
        async with session.post(f"{url}/users", json=person, headers=headers) as answer:
            made = json.loads(await answer.text())
            assert answer.status == 201, made
            stage.users[name] = made["id"]
    token = {"name": "nightly backup", "scopes": ["orders:read"], "networks": ["10.0.0.0/8"]}
    async with session.post(f"{url}/me/tokens", json=token, headers=headers) as answer:
        assert answer.status == 201, await answer.text()
    sofia = f"{url}/users/{stage.users['sofia']}"
    change = {**headers, "If-Match": "*"}
    async with session.patch(sofia, json={"disabled": True}, headers=change) as answer:
        assert answer.status == 200, await answer.text()
