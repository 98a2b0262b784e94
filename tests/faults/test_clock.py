"""The clock set forward and back by an hour, and a machine that slept: a real service goes on."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from aiohttp import ClientSession

from sidecar.clock import read_clock
from tests.faults.asking import log_in, log_out, until
from tests.faults.clocks import JUMPED, Shifted, bearer
from tests.faults.shifted import Shifts
from tests.faults.test_reload import header_kid, published
from tests.programs.redis import serving_redis
from tests.programs.service import Service, end_quietly, make_service
from tests.programs.sqlite import held

pytestmark = pytest.mark.asyncio

HOUR: Final = 3600  # seconds
SETTINGS: Final[dict[str, dict[str, Any]]] = {
    "session": {"idle_ttl": "5m"},  # an hour is as if nobody had come for long
    "revocation": {"canary": None},  # each would be a revocation beside those of this test
}
AHEAD: Final = 1800  # seconds between publishing a key and signing with it
TURNING: Final = {"keys": {"rotate_every": "90m", "publish_ahead": f"{AHEAD}s"}}
PEOPLE: Final = ("alice", "bob", "carol")
EMBEDDED: Final = "sqlite"
both = pytest.mark.parametrize("carrier", [EMBEDDED, "postgresql and redis"])


@pytest.fixture
def settings() -> dict[str, dict[str, Any]]:
    """Return the settings of the service."""
    return SETTINGS


@pytest.fixture
def carrier() -> str:
    """Return what the service stands on."""
    return EMBEDDED


@pytest_asyncio.fixture
async def shifted(
    tmp_path: Path,
    client: ClientSession,
    settings: dict[str, dict[str, Any]],
    carrier: str,
    request: pytest.FixtureRequest,
) -> AsyncIterator[Shifted]:
    """Run a service with people who can log in."""
    async with AsyncExitStack() as stack:
        if carrier != EMBEDDED:
            (tmp_path / "redis").mkdir()
            redis = await stack.enter_async_context(serving_redis(tmp_path / "redis"))
            url = request.getfixturevalue("postgres").make_database()
            settings = {**settings, "database": {"url": url}, "redis": {"url": redis.url}}
        service = make_service(tmp_path, settings)
        if carrier != EMBEDDED:
            assert (await service.run("db", "upgrade")).status == 0
        yield await stack.enter_async_context(shifting(service, tmp_path, client))


@asynccontextmanager
async def shifting(
    service: Service, tmp_path: Path, client: ClientSession
) -> AsyncIterator[Shifted]:
    """Run this service for the length of the block, by clocks that are moved."""
    for name in PEOPLE:
        await service.add_user(name)
    running = Shifted(service, Shifts(tmp_path / "shifts"), client)
    try:
        await running.start()
        yield running
    finally:
        await end_quietly(service)


@both
async def test_an_hour_forward_and_back_lets_nobody_in_and_logs_nobody_out(
    shifted: Shifted, client: ClientSession
) -> None:
    service = shifted.service
    alice, cookie = await log_in(client, service, "alice"), await shifted.log_in_cookie("alice")
    bob, bobs_cookie = await log_in(client, service, "bob"), await shifted.log_in_cookie("bob")
    carol = await log_in(client, service, "carol")
    await log_out(client, service, bob["access_token"])
    await shifted.log_out_browser(bobs_cookie)
    revoked = shifted.told().count("revoked")
    for headers in (bearer(alice), cookie, bearer(carol)):
        assert await shifted.judge(headers) == (200, None)

    async def assert_bob_stays_out() -> None:
        for headers in (bearer(bob), bobs_cookie):
            assert (await shifted.judge(headers))[0] == 401
        assert await shifted.refresh(bob) is None

    await shifted.move_clock(HOUR)
    assert await shifted.judge(bearer(alice)) == (401, "expired")
    ahead = await shifted.refresh(alice)
    assert await shifted.judge(bearer(ahead)) == (200, None)
    assert await shifted.judge(cookie) == (200, None)
    await assert_bob_stays_out()
    assert shifted.told().count("revoked") == revoked  # no sweep took them for idle
    # Who logs in by that clock, and who logs out with a token that is over by it.
    late, late_cookie = await log_in(client, service, "bob"), await shifted.log_in_cookie("bob")
    for headers in (bearer(late), late_cookie):
        assert await shifted.judge(headers) == (200, None)
    await log_out(client, service, carol["access_token"])

    await shifted.move_clock(0)
    # The first token is not over by this clock, and nobody took it back.
    assert await shifted.judge(bearer(alice)) == (200, None)
    assert await shifted.judge(cookie) == (200, None)
    for tokens in (ahead, late):
        assert tokens is not None
        assert await shifted.judge(bearer(tokens)) == (401, "not_yet_valid")
        again = await shifted.refresh(tokens)
        assert await shifted.judge(bearer(again)) == (200, None)
    assert await shifted.judge(late_cookie) == (401, "not_yet_valid")
    assert await shifted.judge(await shifted.renew(late_cookie)) == (200, None)
    await assert_bob_stays_out()
    assert await shifted.judge(bearer(carol)) == (401, "revoked_session")
    assert await shifted.refresh(carol) is None
    assert shifted.told().count("revoked") == revoked + 1  # carol's


@both
async def test_a_revocation_outlives_the_sweeps_of_an_hour_ahead(
    shifted: Shifted, client: ClientSession
) -> None:
    """What a sweep forgets by that clock would be good again once it is set back."""
    service = shifted.service
    alice, cookie = await log_in(client, service, "alice"), await shifted.log_in_cookie("alice")
    await log_out(client, service, alice["access_token"])
    await shifted.log_out_browser(cookie)
    await shifted.move_clock(HOUR)
    assert await shifted.judge(bearer(alice)) == (401, "expired")
    await shifted.move_clock(0)
    for headers in (bearer(alice), cookie):
        assert await shifted.judge(headers) == (401, "revoked_session")
    # Nor does a process that starts behind that have forgotten it.
    await service.end()
    await shifted.start()
    for headers in (bearer(alice), cookie):
        assert await shifted.judge(headers) == (401, "revoked_session")


@both
@pytest.mark.parametrize("settings", [SETTINGS | TURNING], ids=["keys that turn"])
async def test_no_jump_of_the_clock_leaves_nobody_without_a_key(
    shifted: Shifted, client: ClientSession
) -> None:
    service = shifted.service

    async def seal_and_show() -> str:
        tokens = await log_in(client, service)
        assert await shifted.judge(bearer(tokens)) == (200, None)
        return header_kid(tokens["access_token"])

    async def has_two() -> bool:
        return len(await published(client, service)) == 2

    first = await seal_and_show()
    await shifted.move_clock(HOUR)  # the next key is due: it is published, and the first one signs
    assert await seal_and_show() == first
    await until(has_two, "the next key")
    assert await seal_and_show() == first
    await shifted.move_clock(HOUR + AHEAD + 60)  # the next one signs
    tokens = await log_in(client, service)
    second = header_kid(tokens["access_token"])
    assert second != first
    assert await shifted.judge(bearer(tokens)) == (200, None)
    await shifted.move_clock(0)  # the first one signs again, and no third is made
    assert await seal_and_show() == first
    assert await published(client, service) >= {first, second}
    assert await shifted.judge(bearer(tokens)) in {(401, "key_not_yet"), (401, "not_yet_valid")}
    refreshed = await shifted.refresh(tokens)
    assert await shifted.judge(bearer(refreshed)) == (200, None)
    assert len(await published(client, service)) == 2


@pytest.mark.parametrize(
    "settings", [{"revocation": SETTINGS["revocation"]}], ids=["nobody is idle after an hour"]
)
async def test_a_machine_that_slept_says_nothing_by_the_view_of_before(
    shifted: Shifted, client: ClientSession
) -> None:
    """Nor is its clock taken for one that jumped: time has passed."""
    service = shifted.service
    cookie, gone = await shifted.log_in_cookie("alice"), await shifted.log_in_cookie("bob")
    for headers in (cookie, gone):
        assert await shifted.judge(headers) == (200, None)
    async with held(service.directory / "data" / "sidecar.db"):  # no feed reads anything new
        shifted.shifts.set(slept=HOUR)
        for headers in (cookie, gone):
            assert await shifted.judge(headers) == (503, "unavailable")
        async with client.get(f"{service.operations}/readyz") as answer:
            told = await answer.json()
            assert (answer.status, told["revocations"]["stale"]) == (503, True)
            assert HOUR <= told["revocations"]["age"] < HOUR + 60

        async def is_told() -> bool:
            return any("the revocations were last read 36" in line for line in shifted.told())

        await until(is_told, "a line about the age of the view")

    async def is_well() -> bool:
        return (await shifted.judge(cookie))[0] == 200

    await until(is_well, "a view that is fresh")
    await shifted.log_out_browser(gone)
    assert (await shifted.judge(gone))[0] == 401
    assert JUMPED not in shifted.told()


async def test_the_steady_clock_is_the_one_that_counts_sleep() -> None:
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert before <= read_clock().monotonic <= time.clock_gettime(time.CLOCK_BOOTTIME)
