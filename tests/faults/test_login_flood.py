"""More logins than a machine can hash: the excess is told to come back, the gate goes on."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from aiohttp import ClientSession, TCPConnector

from tests.faults.asking import ask, log_in_token
from tests.programs.service import PASSWORD, make_service, serving

pytestmark = pytest.mark.asyncio

LOGINS = 150  # more than three times what waits at once


async def test_the_excess_is_503_with_retry_after_and_the_gate_goes_on(
    tmp_path: Path, client: ClientSession
) -> None:
    service = make_service(tmp_path)
    await service.add_user("alice")
    async with serving(service), ClientSession(connector=TCPConnector(limit=0)) as flood:
        token = await log_in_token(client, service)
        retry_after: set[str | None] = set()

        async def try_log_in(number: int) -> int:
            # Half of them are nobody: that must cost, and be refused, as a wrong password is.
            body = {"username": f"nobody{number}" if number % 2 else "alice", "password": PASSWORD}
            async with flood.post(f"{service.url}/login", json=body) as answer:
                if answer.status == 503:
                    retry_after.add(answer.headers.get("Retry-After"))
                return answer.status

        logins = [asyncio.create_task(try_log_in(number)) for number in range(LOGINS)]
        decided = 0
        while not all(login.done() for login in logins):
            assert await ask(client, service, token) == 200
            decided += 1
        statuses = Counter(await asyncio.gather(*logins))
        assert set(statuses) == {200, 401, 503}
        assert all(value is not None and int(value) > 0 for value in retry_after)
        assert decided > 5
        await log_in_token(client, service)
