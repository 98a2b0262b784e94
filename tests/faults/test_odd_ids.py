"""Ids in paths that nobody has, and that some databases refuse to look for: not there, not away."""

from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from yarl import URL

from tests.faults.asking import log_in_token
from tests.programs.service import make_service, serving

pytestmark = pytest.mark.asyncio

IDS = ["%00", "a%00b", "%ed%a0%80", "%ff", "%C2%85", "A" * 4000, "-", "%27"]
ENDPOINTS = [
    ("DELETE", "/me/tokens/{}"),
    ("DELETE", "/me/sessions/{}"),
    ("POST", "/users/{}/revoke"),
    ("GET", "/clients/{}"),
    ("DELETE", "/clients/{}"),
    ("POST", "/clients/{}/rotate"),
]
QUERIES = ["/audit?subject=%00", "/audit?actor=%00", "/clients?after=%00"]


async def test_what_can_be_no_id_is_not_there(
    tmp_path: Path, database: dict[str, dict[str, str]], client: ClientSession
) -> None:
    service = make_service(tmp_path, database)
    if database:
        assert (await service.run("db", "upgrade")).status == 0
    await service.add_user("root", "--role", "admin")
    async with serving(service):
        headers = {"Authorization": f"Bearer {await log_in_token(client, service, 'root')}"}

        async def call(method: str, path: str) -> tuple[int, dict[str, Any]]:
            url = URL(f"{service.url}{path}", encoded=True)
            async with client.request(method, url, headers=headers) as answer:
                return answer.status, await answer.json()

        for method, path in ENDPOINTS:
            for odd in IDS:
                status, problem = await call(method, path.format(odd))
                assert (status, problem["reason"]) == (404, "not_found"), (method, path, odd)
        for path in QUERIES:
            status, problem = await call("GET", path)
            assert (status, problem["reason"]) == (422, "fields_invalid"), path
