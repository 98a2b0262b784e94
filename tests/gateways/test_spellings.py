"""However a protected path is spelled, no server behind a gateway reads it without the role."""

from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.gateways.conftest import PUBLIC_URL, Fleet, running_fleet
from tests.gateways.raw import compose, connecting
from tests.gateways.spellings import HOST, SPELLINGS, find_readings, is_protected
from tests.programs.upstream import serving_lenient_upstream

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_table_is_long_and_tells_servers_apart() -> None:
    assert len(SPELLINGS) == len(set(SPELLINGS)) >= 200
    read = Counter(
        name
        for target in SPELLINGS
        for name, path in find_readings(target).items()
        if is_protected(path)
    )
    # Each server reads some that no simpler one does, and none reads them all.
    assert read["plain"] < read["decodes twice"] < read["decodes twice and resolves dots"]
    assert read["plain"] < read["resolves dots"] < read["decodes twice and resolves dots"]
    assert read["plain"] < read["cuts what it decoded"] < len(SPELLINGS)
    assert read["plain"] < read["is a Windows"] < len(SPELLINGS)
    assert read["decodes twice and resolves dots"] < len(SPELLINGS)
    for name in ("cuts what it decoded", "is a Windows", "capitalizes"):
        assert any(_reads_alone(name, target) for target in SPELLINGS), name


def _reads_alone(name: str, target: str) -> bool:
    """Say whether this server reads the protected path in a target, and no other one does."""
    return [each for each, path in find_readings(target).items() if is_protected(path)] == [name]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lenient(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    """Run an upstream that takes whatever a gateway passes on."""
    folder = tmp_path_factory.mktemp("lenient")
    settings = {"server": {"public_url": PUBLIC_URL}}
    async with running_fleet(folder, settings, HOST, serve=serving_lenient_upstream) as fleet:
        yield fleet


async def test_no_spelling_reaches_the_protected_path_without_the_role(
    gateway_name: str, lenient: Fleet
) -> None:
    guarded = await lenient.guard(gateway_name)
    bearer = (await guarded.log_in("alice"))["Authorization"]
    reached, statuses = [], Counter[int]()
    async with connecting(guarded.gateway.port) as client:
        for target in SPELLINGS:
            request = compose(target, f"Host: {HOST}", f"Authorization: {bearer}")
            statuses[await client.ask(request)] += 1
            for received in guarded.upstream.received:
                readings = find_readings(received["target"])
                if any(map(is_protected, readings.values())):
                    reached.append((target, received["target"]))
            guarded.upstream.received.clear()
    assert reached == []
    # Most were judged, not lost on the way, and nothing has fallen over.
    assert statuses[400] + statuses[403] + statuses[404] > len(SPELLINGS) * 3 / 4
    assert statuses[500] == statuses[502] == statuses[503] == 0


async def test_the_right_role_reaches_it(gateway_name: str, lenient: Fleet) -> None:
    guarded = await lenient.guard(gateway_name)
    bearer = (await guarded.log_in("bob"))["Authorization"]
    async with connecting(guarded.gateway.port) as client:
        for target in ("/admin", "/admin/", "/admin/x", "/admin?x=1", f"http://{HOST}/admin/"):
            request = compose(target, f"Host: {HOST}", f"Authorization: {bearer}")
            assert await client.ask(request) == 200
            (received,) = guarded.upstream.received
            assert is_protected(find_readings(received["target"])["plain"])
            guarded.upstream.received.clear()
