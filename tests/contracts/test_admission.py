"""Who may try a password now: strangers, known devices, and guessers from everywhere."""

import asyncio
from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sidecar.core.audit import UNKNOWN_DEVICE, Device
from sidecar.core.throttle import ADDRESS, HOUR, KNOWN, MARK_TTL, USER, Throttled
from sidecar.credentials.buckets import LONGEST_DEVICE, BucketNames, draw_device
from sidecar.credentials.throttle import Admission
from tests.contracts.admission import CAFE, HOME, KEY, admitted, log_in, make_throttle
from tests.contracts.sql_stores import NOW
from tests.contracts.throttles import MemoryThrottle


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["alice", "nobody", "", "not a name", "a" * 9_999, "\udcff", "\0"])
async def test_any_name_has_the_same_allowance(name: str) -> None:
    throttle = make_throttle()
    assert await admitted(throttle, USER.free + 10, name, UNKNOWN_DEVICE) == USER.free
    assert await throttle.admit(name, CAFE, None, NOW) == Throttled(1)
    assert throttle.throttled == Counter(user=11)


@pytest.mark.asyncio
@pytest.mark.parametrize("spelled", ["ALICE", "Alice", "\uff41lice"])
async def test_every_spelling_of_a_name_is_one(spelled: str) -> None:
    throttle = make_throttle()
    await admitted(throttle, USER.free)
    assert await throttle.admit(spelled, HOME, None, NOW) == Throttled(1)


@pytest.mark.asyncio
async def test_nothing_that_was_typed_is_kept_but_addresses_are() -> None:
    store = MemoryThrottle()
    await admitted(make_throttle(store), 1, "hunter2")
    keys = {key for key, _ in await store.list_tallies()}
    assert f"address:{HOME.address}" in keys
    assert "hunter2" not in repr(keys)


@pytest.mark.asyncio
async def test_the_wait_grows_and_is_told() -> None:
    throttle, now, waits = make_throttle(), NOW, []
    await admitted(throttle, USER.free)
    for _ in range(9):
        answer = await throttle.admit("alice", CAFE, None, now)
        assert isinstance(answer, Throttled)
        waits.append(answer.retry_after)
        now += answer.retry_after
        assert await admitted(throttle, 1, device=CAFE, now=now) == 1
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 180]


@pytest.mark.asyncio
async def test_one_address_wears_out_against_many_names() -> None:
    throttle = make_throttle()
    tried = [await admitted(throttle, 1, f"name{number}") for number in range(ADDRESS.free + 5)]
    assert sum(tried) == ADDRESS.free
    assert throttle.throttled == Counter(address=5)
    assert await admitted(throttle, 1, "name99", CAFE) == 1


@pytest.mark.asyncio
async def test_ipv6_addresses_of_one_customer_wear_out_together() -> None:
    throttle = make_throttle()
    for number in range(ADDRESS.free):
        await admitted(throttle, 1, f"name{number}", Device(f"2001:db8::{number + 1:x}"))
    assert await admitted(throttle, 1, "alice", Device("2001:db8::ffff")) == 0
    assert await admitted(throttle, 1, "alice", Device("2001:db8:0:1::1")) == 1


@pytest.mark.asyncio
async def test_where_no_address_is_known_names_and_the_service_count() -> None:
    throttle = make_throttle()
    names = [f"name{number}" for number in range(ADDRESS.free + 5)]
    assert sum([await admitted(throttle, 1, name, UNKNOWN_DEVICE) for name in names]) == len(names)


@pytest.mark.asyncio
async def test_a_device_that_logged_in_before_has_an_allowance_of_its_own() -> None:
    throttle = make_throttle()
    shown = await log_in(throttle, "alice", Device("192.0.2.1"))
    other = await log_in(throttle, "alice", Device("192.0.2.2"))
    await admitted(throttle, 50, device=CAFE)
    assert await admitted(throttle, 50, "ALICE", device=CAFE, known=shown) == KNOWN.free
    assert await admitted(throttle, 1, device=CAFE, known=other) == 1


@pytest.mark.asyncio
async def test_a_device_that_is_not_remembered_is_a_stranger_also_with_a_good_seal() -> None:
    throttle = make_throttle()
    await admitted(throttle, USER.free, device=CAFE)
    shown = throttle.names.seal_device("alice", draw_device())
    assert await admitted(throttle, 1, device=HOME, known=shown) == 0


@pytest.mark.asyncio
@pytest.mark.parametrize(("later", "known"), [(MARK_TTL - 1, True), (MARK_TTL, False)])
async def test_a_device_is_known_for_thirty_days(later: int, known: bool) -> None:
    throttle = make_throttle()
    shown = await log_in(throttle, "alice", HOME)
    await admitted(throttle, 50, device=CAFE, now=NOW + later)
    assert await admitted(throttle, 1, device=CAFE, known=shown, now=NOW + later) == known


@pytest.mark.asyncio
async def test_at_an_address_that_wore_out_a_user_is_told_from_nobody_by_a_device_alone() -> None:
    throttle = make_throttle()
    shown = await log_in(throttle, "alice", HOME)
    for number in range(ADDRESS.free):
        await admitted(throttle, 1, f"name{number}")
    assert await throttle.admit("alice", HOME, None, NOW) == Throttled(1)
    assert await throttle.admit("nobody", HOME, None, NOW) == Throttled(1)
    assert await admitted(throttle, 1, known=shown) == 1


@pytest.mark.asyncio
async def test_guesses_at_a_user_whom_the_address_knows_wear_it_out_for_all() -> None:
    throttle = make_throttle()
    names = ["alice", "bob"]
    for name in names:
        await log_in(throttle, name, HOME)
    tried = [await admitted(throttle, 20, name) for name in names]
    assert tried == [KNOWN.free, ADDRESS.free - KNOWN.free]
    assert await admitted(throttle, 1, "nobody") == 0


@pytest.mark.asyncio
async def test_an_address_from_which_somebody_logged_in_is_known_for_them_alone() -> None:
    throttle = make_throttle()
    await log_in(throttle, "alice", HOME)
    await admitted(throttle, 50, device=CAFE)
    assert await admitted(throttle, 50, device=HOME) == KNOWN.free
    await admitted(throttle, 50, "eve", Device("192.0.2.1"))
    assert await admitted(throttle, 1, "eve", HOME) == 0


@pytest.mark.asyncio
@pytest.mark.parametrize(("later", "known"), [(MARK_TTL - 1, True), (MARK_TTL, False)])
async def test_an_address_is_known_for_thirty_days(later: int, known: bool) -> None:
    throttle = make_throttle()
    await log_in(throttle, "alice", HOME)
    await admitted(throttle, 50, device=CAFE, now=NOW + later)
    assert await admitted(throttle, 1, device=HOME, now=NOW + later) == known


DEVICE = draw_device()
GOOD = BucketNames(KEY, logins_per_hour=1).seal_device("alice", DEVICE)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "shown",
    [
        "",
        ".",
        GOOD + "A",
        GOOD + ".",
        GOOD.replace(".", ".."),
        GOOD.partition(".")[0],
        "." + GOOD.partition(".")[2],
        ("B" if GOOD[0] == "A" else "A") + GOOD[1:],
        GOOD.partition(".")[0] + "." + "A" * 43,
        GOOD[1:],
        "AA." + GOOD.partition(".")[2],
        GOOD + " " * LONGEST_DEVICE,
        "\u00fc" * 66,
        BucketNames(KEY, logins_per_hour=1).seal_device("eve", DEVICE),
        BucketNames(b"o" * 32, logins_per_hour=1).seal_device("alice", DEVICE),
    ],
    ids=map(str, range(15)),  # each run has other keys: what runs side by side is called alike
)
async def test_what_is_no_mark_of_this_users_device_is_as_none(shown: str) -> None:
    throttle = make_throttle()
    first = await throttle.admit("alice", Device("192.0.2.1"), GOOD, NOW)
    assert isinstance(first, Admission)
    assert first.device == DEVICE
    await throttle.welcome(first, "alice", (0, 0), remembers=False)
    await admitted(throttle, USER.free, device=CAFE)
    assert await admitted(throttle, 1, known=GOOD) == 1
    assert await admitted(throttle, 1, known=shown) == 0


@pytest.mark.asyncio
async def test_good_logins_count_for_all_devices_together_for_an_hour() -> None:
    throttle = make_throttle(logins_per_hour=3)
    *_, shown = [await log_in(throttle, "alice", HOME) for _ in range(3)]
    assert await throttle.admit("alice", CAFE, shown, NOW + 60) == Throttled(HOUR - 60)
    assert await admitted(throttle, 1, "eve") == 1
    assert await admitted(throttle, 1, now=NOW + HOUR) == 1
    assert throttle.throttled == Counter(logins=1)


@pytest.mark.asyncio
async def test_wrong_passwords_use_up_no_logins() -> None:
    throttle = make_throttle(logins_per_hour=3)
    assert await admitted(throttle, USER.free, device=CAFE) == USER.free
    await log_in(throttle, "alice", HOME, NOW + 1)


@pytest.mark.asyncio
async def test_who_is_right_is_never_slowed_down() -> None:
    throttle = make_throttle()
    for _ in range(5 * ADDRESS.free):
        admission = await throttle.admit("alice", HOME, None, NOW)
        assert isinstance(admission, Admission)
        await throttle.forgive(admission)


# How many seconds behind the one before; from which of a thousand addresses, 0: that of the person;
# and whether it is the person, who is right, on a device that logged in before.
KNOCKS = st.lists(
    st.tuples(st.integers(0, 200), st.integers(0, 1_000), st.booleans()), max_size=200
)
STORM = [(0 if number % 3 else 1, number % 1_000 + 1, number % 100 == 0) for number in range(9_000)]
NEIGHBOUR = [(1, number % 2, number % 50 == 0) for number in range(3_600)]


@settings(deadline=None, max_examples=50)
@given(KNOCKS)
@example(STORM)
@example(NEIGHBOUR)
def test_no_schedule_gives_guessers_a_hundred_tries_an_hour_or_keeps_the_person_out(
    knocks: list[tuple[int, int, bool]],
) -> None:
    """Also where one of them sits behind the person's own address, which is known."""
    tries = asyncio.run(besiege(knocks))
    for index, first in enumerate(tries):
        assert sum(at < first + HOUR for at in tries[index:]) < 100


async def besiege(knocks: list[tuple[int, int, bool]]) -> list[int]:
    """Return when guessers were let try; the person is let in whenever they ask."""
    throttle, now, tries = make_throttle(), NOW, []
    shown = await log_in(throttle, "alice", Device("192.0.2.1"))
    for pause, number, is_owner in knocks:
        now += pause
        device = Device("192.0.2.1" if number == 0 else f"2001:db8:{number:x}::1")
        answer = await throttle.admit("alice", device, shown if is_owner else None, now)
        if is_owner:
            assert isinstance(answer, Admission)
            await throttle.forgive(answer)
        elif isinstance(answer, Admission):
            tries.append(now)
    return tries
