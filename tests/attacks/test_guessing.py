"""Ten thousand guesses from a thousand addresses: the person still gets in, the guessers do not.

How many an hour of any schedule has is a property of tests/contracts/test_admission.py; here the
whole service is asked, and what is blocked costs it neither a hash nor, mostly, a look.
"""

import asyncio
import itertools
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import ClientSession, DummyCookieJar

from sidecar.core.throttle import USER
from sidecar.web.credentials import DEVICE_COOKIE
from tests.faults.raw import connected, request
from tests.programs.service import PASSWORD, Service, make_service, serving

pytestmark = pytest.mark.asyncio

ATTEMPTS = 10_000
ADDRESSES = 1_000
CONNECTIONS = 10
LOGINS = 5  # of the person meanwhile, from a device that is known by its cookie
# So many waits end while the guessers go on: 1 + 2 + 4 + … seconds; no machine takes ten minutes.
MOST_TRIES = USER.free + 10
DEADLINE = 300.0  # seconds; hashes alone would take longer than this, blocked ones some seconds


async def log_in(client: ClientSession, service: Service, address: str, **headers: str) -> str:
    """Log the person in; return the cookie by which the device is known."""
    body = {"username": "alice", "password": PASSWORD, "cookie": True}
    headers["X-Forwarded-For"] = address
    async with client.post(f"{service.url}/login", json=body, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        lines = answer.headers.getall("Set-Cookie")
        (line,) = [each for each in lines if each.startswith(f"{DEVICE_COOKIE}=")]
        return line.partition(";")[0]


async def guess(service: Service, numbers: Iterator[int]) -> Counter[int]:
    """Guess over one connection, each time from the next address; count what that is told."""
    told: Counter[int] = Counter()
    async with connected(service) as connection:
        for number in numbers:
            index = number % ADDRESSES
            address = f"198.18.{index // 250}.{index % 250}"
            body = json.dumps({"username": "alice", "password": f"guess {number}"}).encode()
            headers = [("Content-Type", "application/json"), ("X-Forwarded-For", address)]
            await connection.send(request("POST", "/login", headers, body))
            status, answered, _ = await connection.receive()
            told[status] += 1
            assert status == 401 or int(answered["retry-after"]) > 0
    return told


async def read_outcomes(client: ClientSession, service: Service) -> dict[str, int]:
    """Return how often a login ended in which way."""
    prefix = 'sidecar_logins_total{outcome="'
    async with client.get(f"{service.operations}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    pairs = (line.removeprefix(prefix).split('"} ') for line in lines if line.startswith(prefix))
    return {outcome: int(float(number)) for outcome, number in pairs}


async def test_ten_thousand_guesses_from_a_thousand_addresses(tmp_path: Path) -> None:
    service = make_service(tmp_path)
    await service.add_user("alice")
    async with serving(service), ClientSession(cookie_jar=DummyCookieJar()) as client:
        cookie = await log_in(client, service, "203.0.113.7")
        numbers = itertools.islice(itertools.count(), ATTEMPTS)
        async with asyncio.timeout(DEADLINE):
            guessers = [asyncio.create_task(guess(service, numbers)) for _ in range(CONNECTIONS)]
            for number in range(LOGINS):
                # From where nobody logged in before, but on a device that did.
                await log_in(client, service, f"192.0.2.{number}", Cookie=cookie)
            told = sum(await asyncio.gather(*guessers), Counter[int]())
        assert told.total() == ATTEMPTS
        assert USER.free <= told[401] <= MOST_TRIES
        outcomes = await read_outcomes(client, service)
        assert outcomes["invalid_credentials"] == told[401]
        assert outcomes["ok"] == LOGINS + 1
        # Without the cookie, but from an address where they logged in before.
        await log_in(client, service, "203.0.113.7")
