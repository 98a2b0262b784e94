"""The log: JSON lines, one for each login, refusal and revocation, and never a secret."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientSession

from tests.faults.asking import QUESTION, ask, log_in
from tests.programs.service import PASSWORD, Service, make_service, serving

pytestmark = pytest.mark.asyncio


@dataclass(slots=True)
class Logged:
    """A service with a user alice, and everything that must never stand in its log."""

    service: Service
    client: ClientSession
    secrets: set[str] = field(default_factory=lambda: {PASSWORD})

    def lines(self, message: str) -> list[dict[str, Any]]:
        return [line for line in self.service.read_log() if line["message"] == message]

    async def post(self, path: str, body: object, **headers: str) -> int:
        url = f"{self.service.url}{path}"
        async with self.client.post(url, json=body, headers=headers) as answer:
            cookie = answer.cookies.get("__Host-sidecar")
            if cookie is not None and cookie.value:
                self.secrets.add(cookie.value)
            if answer.content_type == "application/json":
                told = await answer.json()
                self.secrets |= {told[name] for name in told if name.endswith("_token")}
            return answer.status


@pytest_asyncio.fixture
async def logged(tmp_path: Path, client: ClientSession) -> AsyncIterator[Logged]:
    """Run the service at its most talkative; afterwards every line is JSON without a secret."""
    service = make_service(tmp_path, {"log": {"level": "debug", "decisions": "all"}})
    await service.add_user("alice")
    async with serving(service):
        running = Logged(service, client)
        yield running
    assert service.program is not None
    text = service.program.read_output()
    for line in text.splitlines():
        assert {"time", "level", "logger", "message"} <= json.loads(line).keys()
    assert not [secret for secret in running.secrets if secret in text]
    for secret in running.secrets:
        assert secret.rpartition(".")[2] not in text  # nor the part of a token that signs it


async def test_one_line_for_each_login(logged: Logged) -> None:
    body = {"username": "alice", "password": PASSWORD}
    assert await logged.post("/login", body) == 200
    assert await logged.post("/login", body | {"cookie": True}) == 200
    lines = logged.lines("logged in")
    assert len(lines) == 2
    assert {line["username"] for line in lines} == {"alice"}


@pytest.mark.parametrize("username", ["alice", "nobody", "bad name"])
async def test_one_line_for_each_refused_login(logged: Logged, username: str) -> None:
    wrong = "a password of somebody else"
    logged.secrets.add(wrong)
    status = await logged.post("/login", {"username": username, "password": wrong})
    assert status in {401, 422}
    if status == 401:
        assert len(logged.lines("login refused")) == 1


async def test_one_line_for_each_refusal_and_decision(logged: Logged) -> None:
    token = (await log_in(logged.client, logged.service))["access_token"]
    logged.secrets.add(token)
    assert await ask(logged.client, logged.service, token) == 200
    assert await ask(logged.client, logged.service, token, "/admin/?secret=in-a-query") == 403
    assert await ask(logged.client, logged.service, f"{token}x") == 401
    logged.secrets |= {"in-a-query"}
    refused = logged.lines("refused")
    assert refused[0]["reason"] == "role_missing"
    assert [line["path"] for line in refused] == ["/admin/", "/orders"]
    assert len(logged.lines("allowed")) == 1


async def test_one_line_for_each_revocation(logged: Logged) -> None:
    tokens = await log_in(logged.client, logged.service)
    logged.secrets |= {tokens["access_token"], tokens["refresh_token"]}
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert await logged.post("/refresh", {"refresh_token": tokens["refresh_token"]}) == 200
    assert await logged.post("/refresh", {"refresh_token": "not-one-of-ours"}) == 401
    assert await logged.post("/logout", {}, **bearer) == 204
    (line,) = logged.lines("revoked")
    assert line["what"] == "session"
    other = await log_in(logged.client, logged.service)
    logged.secrets |= {other["access_token"], other["refresh_token"]}
    body = {"refresh_token": other["refresh_token"], "everywhere": True}
    assert await logged.post("/logout", body) == 204
    assert [each["what"] for each in logged.lines("revoked")] == [
        "session",
        "user",
    ]


async def test_malformed_questions_and_bodies_show_nothing_of_what_they_held(
    logged: Logged,
) -> None:
    logged.secrets |= {"in-a-body", "in-a-header", "in-a-cookie"}
    body = {"username": "alice", "password": "in-a-body", "x": 1}
    assert await logged.post("/login", body) == 422
    url = f"{logged.service.url}/login"
    headers = {"Content-Type": "application/json"}
    async with logged.client.post(url, data=b'{"password": "in-a-body"', headers=headers) as answer:
        assert answer.status == 400
    question = QUESTION | {
        "Authorization": "Bearer in-a-header",
        "Cookie": "__Host-sidecar=in-a-cookie",
    }
    async with logged.client.get(f"{logged.service.url}/verify", headers=question) as answer:
        assert answer.status == 401
