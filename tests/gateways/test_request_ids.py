"""Behind any gateway a request has one id, which no client chooses, in log, answer and upstream."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.gateways.conftest import HOST, PUBLIC_URL, Fleet, Guarded, running_fleet
from tests.gateways.raw import compose, connecting
from tests.programs.upstream import header_values

pytestmark = pytest.mark.asyncio(loop_scope="module")

CHOSEN = "chosen-by-the-client"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def telling(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    """Run a service that logs every decision."""
    settings = {"server": {"public_url": PUBLIC_URL}, "log": {"decisions": "all"}}
    async with running_fleet(tmp_path_factory.mktemp("telling"), settings, HOST) as fleet:
        yield fleet


@pytest_asyncio.fixture(loop_scope="module")
async def guarded(gateway_name: str, telling: Fleet) -> Guarded:
    """Give each test every gateway in turn."""
    return await telling.guard(gateway_name)


def _read_ids(guarded: Guarded, message: str) -> list[str]:
    log = guarded.service.read_log()
    return [line["request_id"] for line in log if line["message"] == message]


@pytest.mark.parametrize("lines", [(), (CHOSEN,), (CHOSEN, f"{CHOSEN}-2")])
async def test_the_upstream_gets_the_id_that_the_gateway_asked_with(
    guarded: Guarded, lines: tuple[str, ...]
) -> None:
    asked = [f"X-Request-Id: {value}" for value in lines]
    async with connecting(guarded.gateway.port) as client:
        for _ in range(2):
            assert await client.ask(compose("/public/", f"Host: {HOST}", *asked)) == 200
    ids = [each for got in guarded.upstream.received for each in header_values(got, "X-Request-Id")]
    assert len(ids) == len(set(ids)) == 2
    assert ids == _read_ids(guarded, "allowed")[-2:]
    assert CHOSEN not in "".join(ids)


async def test_the_pages_of_the_service_get_no_id_of_the_client_either(guarded: Guarded) -> None:
    status, answered = await guarded.ask("/auth/me", {"X-Request-Id": CHOSEN})
    assert status == 401
    (request_id,) = answered.getall("X-Request-Id")
    assert request_id != CHOSEN


async def test_a_refusal_has_the_id_that_the_gateway_asked_with(guarded: Guarded) -> None:
    for name in ("X-Request-Id", "x-request-id", "X-REQUEST-ID"):
        status, answered = await guarded.ask("/orders", {name: CHOSEN})
        assert status == 401
        ids = answered.getall("X-Request-Id")
        assert ids == _read_ids(guarded, "refused")[-1:]
        assert CHOSEN not in "".join(ids)
