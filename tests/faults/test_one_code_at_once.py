"""One code of a second factor, typed at two processes at the same moment: one login."""

import asyncio
import time
from base64 import b32decode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientSession

from sidecar.core.totp import STEP, make_code
from tests.faults.asking import ask, log_in_token
from tests.faults.pairs import Pair, serving_pair
from tests.programs.service import PASSWORD, Service

pytestmark = pytest.mark.asyncio

AT_ONCE = 5  # twice: nobody has to wait for as many wrong codes


@pytest_asyncio.fixture
async def pair(database: dict[str, dict[str, str]], tmp_path: Path) -> AsyncIterator[Pair]:
    """Run two processes on one database, with a user alice."""
    async with serving_pair(tmp_path, database, upgrade=True) as running:
        yield running


async def post(
    client: ClientSession, service: Service, path: str, body: object, token: str
) -> dict[str, Any]:
    """Do something as the owner of a token."""
    headers = {"Authorization": f"Bearer {token}"}
    async with client.post(f"{service.url}{path}", json=body, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        members: dict[str, Any] = await answer.json()
        return members


async def test_one_login_has_the_code_and_the_others_do_not(
    pair: Pair, client: ClientSession
) -> None:
    services = (pair.one, pair.other)
    token = await log_in_token(client, pair.one)
    secret = b32decode((await post(client, pair.one, "/me/otp", {}, token))["secret"])
    step = int(time.time()) // STEP
    typed = {"otp": make_code(secret, step)}
    codes = (await post(client, pair.other, "/me/otp/confirm", typed, token))["recovery_codes"]

    async def log_in(number: int, otp: str) -> dict[str, Any]:
        body = {"username": "alice", "password": PASSWORD, "otp": otp}
        async with client.post(f"{services[number % 2].url}/login", json=body) as answer:
            members: dict[str, Any] = await answer.json()
            return members

    for otp in (make_code(secret, step + 1), codes[0]):
        answers = await asyncio.gather(*(log_in(number, otp) for number in range(AT_ONCE)))
        (good,) = [each for each in answers if "access_token" in each]
        refused = [each["reason"] for each in answers if each is not good]
        assert set(refused) == {"otp_invalid"}
        for service in services:
            assert await ask(client, service, good["access_token"]) == 200
