"""A flood of logins keeps nobody out who logged in here before."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from sidecar.credentials import recognition
from sidecar.credentials.buckets import draw_device
from sidecar.stores.sql import engine
from sidecar.web.credentials import DEVICE_COOKIE
from tests.programs.service import PASSWORD
from tests.web.asked import ask
from tests.web.conftest import Web, in_one_task, serving_web
from tests.web.test_login_throttle import PATIENCE, at, know

pytestmark = pytest.mark.asyncio(loop_scope="module")

STRANGERS = 50  # at once, each again and again: more than there are places for them
# Seconds until a stranger who was turned away tries again. They want the places; the one event loop
# that service and clients share here they could fill by asking alone.
PAUSE = 0.1
LOGINS, TOGETHER = 21, 7
FORMER = 6  # people who were removed, each with as many devices as they like
Stranger = tuple[str, dict[str, str]]  # the name, and the headers


def one_address(_web: Web, number: int) -> Stranger:
    return f"nobody{number}", at("198.51.100.9")


def many_networks(_web: Web, number: int) -> Stranger:
    return f"nobody{number}", at(f"2001:db8:{number % 0xFFFF:x}::1")


def former_devices(web: Web, number: int) -> Stranger:
    name = f"former{number % FORMER}"
    seal = web.serving.throttle.names.seal_device(name, draw_device())
    return name, at(f"2001:db8:{number % 0xFFFF:x}::1", f"{DEVICE_COOKIE}={seal}")


FLOODS: dict[str, Callable[[Web, int], Stranger]] = {
    "one address": one_address,
    "many networks": many_networks,
    "former devices": former_devices,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def flooded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Web, str]]:
    """Run a service for one person; return what their device shows, too.

    Who has a place has their turn at the database too, however slow the machine.
    """
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(recognition, "LONGEST_IN_LINE", PATIENCE)
        for name in ("POOL_TIMEOUT", "BUSY_TIMEOUT"):
            patched.setattr(engine, name, PATIENCE)
        async with in_one_task(serving_web(tmp_path_factory.mktemp("flooded"))) as running:
            await running.add_user("alice")
            yield running, await know(running)


@pytest.mark.parametrize("flood", FLOODS)
async def test_a_known_device_logs_in_each_time_while_strangers_want_to(
    flooded: tuple[Web, str], flood: str
) -> None:
    web, cookie = flooded
    headers = at("198.51.100.9" if flood == "one address" else "192.0.2.77", cookie)
    members = {"username": "alice", "password": PASSWORD}
    async with strangers(web, FLOODS[flood]) as answers:
        statuses: list[int] = []
        for _ in range(LOGINS // TOGETHER):
            logins = [ask(web, "POST", "/login", headers, members) for _ in range(TOGETHER)]
            statuses += [each.status for each in await asyncio.gather(*logins)]
    assert statuses == [200] * LOGINS
    assert answers[503], answers  # there was no place for some of them
    assert set(answers) <= {401, 429, 503}


@asynccontextmanager
async def strangers(
    web: Web, make_stranger: Callable[[Web, int], Stranger]
) -> AsyncIterator[Counter[int]]:
    """Have strangers log in for the length of the block; count what they are told."""
    answers: Counter[int] = Counter()
    tried = iter(range(1_000_000))

    async def go_on() -> None:
        while True:
            name, headers = make_stranger(web, next(tried))
            members = {"username": name, "password": PASSWORD}
            answer = await ask(web, "POST", "/login", headers, members)
            answers[answer.status] += 1
            if answer.status == 503:
                await asyncio.sleep(PAUSE)

    clients = [asyncio.create_task(go_on()) for _ in range(STRANGERS)]
    try:
        yield answers
        assert not any(each.done() for each in clients)
    finally:
        for each in clients:
            each.cancel()
        await asyncio.wait(clients)
