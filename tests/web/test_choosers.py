"""Whoever has new passwords judged without end keeps nobody else from setting one."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlencode

import pytest

from sidecar.clock import read_clock
from tests.programs.service import PASSWORD
from tests.web.asked import OWN_FORM, ask, bearer
from tests.web.conftest import BY, Web
from tests.web.staff import make_staff
from tests.web.test_login_throttle import at

pytestmark = pytest.mark.asyncio

TOGETHER = 16  # twice as many as are judged at once
ROUNDS = 4
HARD = "password" * 30  # refused, and it takes long to see why


async def test_one_user_keeps_no_administrator_and_no_link_waiting(served: Web) -> None:
    staff = await make_staff(served)
    await served.add_user("mallory")
    token, _ = await served.serving.services.resets.make(staff.alice.id, BY, read_clock().unix)
    link = {"token": token, "new_password": "short", "again": "short"}
    statuses = []
    async with choosing(served, (await served.log_in("mallory"))["access_token"]) as answers:
        for number in range(ROUNDS):
            body = {"username": f"new{number}", "password": "kuihg83hjkdi2h"}
            statuses.append((await staff.manage("POST", "/users", body)).status)
            statuses.append((await ask(served, "POST", "/reset", OWN_FORM, urlencode(link))).status)
    assert statuses == [201, 422] * ROUNDS
    assert set(answers) == {422, 503}


@asynccontextmanager
async def choosing(web: Web, token: str) -> AsyncIterator[Counter[int]]:
    """Have somebody change their password for the length of the block; count what they are told.

    It begins when they have all the places that they can have.
    """
    answers: Counter[int] = Counter()
    no_more = asyncio.Event()
    body = {"current_password": PASSWORD, "new_password": HARD}

    async def go_on(number: int) -> None:
        headers = bearer(token) | at(f"203.0.113.{number}")
        while True:
            status = (await ask(web, "POST", "/me/password", headers, body)).status
            answers[status] += 1
            if status == 503:
                no_more.set()

    clients = [asyncio.create_task(go_on(number)) for number in range(TOGETHER)]
    try:
        await no_more.wait()
        yield answers
    finally:
        for each in clients:
            each.cancel()
        await asyncio.wait(clients)
