"""What an admission costs the stores, and what becomes of it while they are away."""

import logging

import pytest

from sidecar.core.audit import Device
from sidecar.core.throttle import USER
from sidecar.credentials.beliefs import LONGEST_BELIEF, MOST_REMEMBERED
from sidecar.credentials.throttle import SHARED_RETRY, Admission
from sidecar.errors import StoreUnavailable
from tests.contracts.admission import HOME, Watched, admitted, log_in, make_throttle
from tests.contracts.sql_stores import NOW


@pytest.mark.asyncio
async def test_a_flood_that_is_blocked_costs_no_store_anything() -> None:
    store = Watched()
    throttle = make_throttle(store)
    await admitted(throttle, USER.free + 8)
    asked = store.asked
    assert await admitted(throttle, 1_000) == 0
    # One second is over sooner than the belief, and only then is it asked again.
    assert store.asked == asked == USER.free + 1
    assert await admitted(throttle, 1, now=NOW + 1) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("later", "asks"),
    [(0, 0), (LONGEST_BELIEF - 1, 0), (LONGEST_BELIEF, 1), (-1, 1)],
)
async def test_a_block_is_believed_for_some_seconds_so_that_clearing_it_helps(
    later: int, asks: int
) -> None:
    store = Watched()
    throttle = make_throttle(store, logins_per_hour=1)
    await log_in(throttle, "alice", HOME)
    await admitted(throttle, 1)
    asked = store.asked
    await admitted(throttle, 1, now=NOW + later)
    assert store.asked - asked == asks


@pytest.mark.asyncio
async def test_what_is_believed_is_bounded_and_the_oldest_goes_first() -> None:
    store = Watched()
    throttle = make_throttle(store)
    await admitted(throttle, USER.free)
    devices = [Device(f"2001:db8:{number:x}::1") for number in range(MOST_REMEMBERED + 1)]
    for device in devices:
        await admitted(throttle, 1, device=device)
    asked = store.asked
    await admitted(throttle, 1, device=devices[1])
    assert store.asked == asked
    await admitted(throttle, 1, device=devices[0])
    assert store.asked == asked + 1


@pytest.mark.asyncio
async def test_while_the_shared_store_is_away_sql_counts_and_the_log_says_so_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "sidecar.throttle")
    store, shared = Watched(), Watched()
    throttle = make_throttle(store, shared)
    await admitted(throttle, 3)
    assert (store.asked, shared.asked, throttle.unshared) == (0, 3, 0)
    shared.away = True
    await admitted(throttle, 3)
    assert (store.asked, shared.asked, throttle.unshared) == (3, 4, 3)
    await admitted(throttle, 1, now=NOW + SHARED_RETRY)
    assert (store.asked, shared.asked, throttle.unshared) == (4, 5, 4)
    shared.away = False
    await admitted(throttle, 1, now=NOW + 2 * SHARED_RETRY)
    await admitted(throttle, 1, now=NOW + 2 * SHARED_RETRY)
    assert (store.asked, shared.asked, throttle.unshared) == (4, 7, 4)
    assert [record.getMessage() for record in caplog.records] == [
        "attempts to log in are counted in SQL: the shared store is away",
        "attempts to log in are counted in the shared store again",
    ]


@pytest.mark.asyncio
async def test_what_the_shared_store_does_not_take_back_keeps_nobody_out() -> None:
    store, shared = Watched(), Watched()
    throttle = make_throttle(store, shared)
    admission = await throttle.admit("alice", HOME, None, NOW)
    assert isinstance(admission, Admission)
    shared.away = True
    await throttle.forgive(admission)
    shared.away = False
    assert await admitted(throttle, 20, now=NOW + SHARED_RETRY) == USER.free - 1


@pytest.mark.asyncio
async def test_without_sql_nobody_is_admitted() -> None:
    store = Watched()
    throttle = make_throttle(store)
    admission = await throttle.admit("alice", HOME, None, NOW)
    assert isinstance(admission, Admission)
    store.away = True
    with pytest.raises(StoreUnavailable):
        await throttle.admit("alice", HOME, None, NOW)
    with pytest.raises(StoreUnavailable):
        await throttle.forgive(admission)
