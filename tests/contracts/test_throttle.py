"""The port ThrottleStore, against every store behind it."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from sidecar.core.throttle import Blocked, Tally
from sidecar.ports.throttle import Counted, ThrottleStore
from sidecar.stores.redis import throttle as redis_throttle
from sidecar.stores.redis.throttle import RedisThrottle
from sidecar.stores.sql import open_store
from tests.contracts.sql_stores import NOW
from tests.contracts.throttles import ALICE, DELAY, EVE, HOME, LOGINS, SERVICE, knock
from tests.programs.redis import serving_redis

PATIENCE = 60.0  # seconds; what takes longer on any machine has failed


@pytest.fixture
def waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let whoever asks Redis wait for it: with so many at once half a second may be too short."""
    monkeypatch.setattr(redis_throttle, "TIMEOUT", PATIENCE)


@pytest.fixture(params=["sqlite", "postgresql", "redis"])
def door_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return where a store lies; that of Redis is not running yet."""
    if request.param == "sqlite":
        file = tmp_path / "sidecar.db"
        shutil.copy(request.getfixturevalue("current_sqlite"), file)
        return f"sqlite:///{file}"
    if request.param == "redis":
        return "redis"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest_asyncio.fixture
async def doors(
    door_url: str, tmp_path: Path
) -> AsyncIterator[tuple[ThrottleStore, ThrottleStore]]:
    """Open a store twice, as two replicas do."""
    if door_url.startswith("redis"):
        async with serving_redis(tmp_path) as server, both_redis(server.url) as opened:
            yield opened
    else:
        async with (
            open_store(door_url, outbox=False) as one,
            open_store(door_url, outbox=False) as other,
        ):
            yield one.throttle, other.throttle


@asynccontextmanager
async def both_redis(url: str) -> AsyncIterator[tuple[RedisThrottle, RedisThrottle]]:
    async with aclosing(RedisThrottle(url)) as one, aclosing(RedisThrottle(url)) as other:
        yield one, other


@pytest.mark.asyncio
async def test_what_one_replica_counts_the_other_one_knows(
    doors: tuple[ThrottleStore, ThrottleStore],
) -> None:
    here, there = doors
    assert await knock(here, ALICE, SERVICE, times=3) == Counted(
        ((ALICE.key, NOW), (SERVICE.key, NOW))
    )
    assert await knock(there, ALICE, SERVICE) == Blocked(ALICE.key, NOW + 1)
    assert await knock(there, ALICE, SERVICE, now=NOW + 1) == Counted(
        ((ALICE.key, NOW), (SERVICE.key, NOW))
    )
    assert await knock(here, ALICE, SERVICE, now=NOW + 1) == Blocked(ALICE.key, NOW + 3)


@pytest.mark.asyncio
@pytest.mark.usefixtures("waited_for")
async def test_two_hundred_at_once_are_admitted_as_often_as_one_after_the_other(
    doors: tuple[ThrottleStore, ThrottleStore],
) -> None:
    here, there = doors
    knocks = [knock(here if number % 2 else there, ALICE, SERVICE) for number in range(200)]
    answers = await asyncio.gather(*knocks)
    assert sum(isinstance(answer, Counted) for answer in answers) == DELAY.free


@pytest.mark.asyncio
@pytest.mark.usefixtures("waited_for")
async def test_keys_in_any_order_at_once_block_nobody_for_ever(
    doors: tuple[ThrottleStore, ThrottleStore],
) -> None:
    here, there = doors
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(
            *(knock(here, ALICE, EVE, SERVICE, now=NOW + n) for n in range(40)),
            *(knock(there, SERVICE, EVE, ALICE, now=NOW + n) for n in range(40)),
        )


@pytest.mark.asyncio
async def test_what_is_blocked_counts_nowhere(doors: tuple[ThrottleStore, ThrottleStore]) -> None:
    here, _ = doors
    await knock(here, ALICE, SERVICE, times=3)
    before = await here.list_tallies()
    await knock(here, ALICE, SERVICE, times=5)
    assert await here.list_tallies() == before
    assert dict(before) == {
        ALICE.key: Tally(3, NOW, NOW),
        SERVICE.key: Tally(3, NOW, NOW),
    }


@pytest.mark.asyncio
async def test_an_attempt_is_taken_back_once_and_no_other(
    doors: tuple[ThrottleStore, ThrottleStore],
) -> None:
    here, there = doors
    await knock(here, ALICE, times=2)
    mine = await knock(here, ALICE)
    assert isinstance(mine, Counted)
    await there.forgive(mine)
    assert isinstance(await knock(here, ALICE), Counted)
    assert isinstance(await knock(here, ALICE), Blocked)


@pytest.mark.asyncio
async def test_nothing_is_taken_back_of_a_tally_that_began_anew(
    doors: tuple[ThrottleStore, ThrottleStore],
) -> None:
    here, _ = doors
    old = await knock(here, ALICE)
    assert isinstance(old, Counted)
    later = NOW + DELAY.quiet
    await knock(here, ALICE, now=later, times=3)
    await here.forgive(old)
    assert isinstance(await knock(here, ALICE, now=later), Blocked)
    await here.forgive(Counted((("user:nobody", NOW),)))


@pytest.mark.asyncio
@pytest.mark.parametrize(("later", "blocked"), [(10, False), (9, True), (0, True)])
async def test_a_delay_ends_at_its_second(
    doors: tuple[ThrottleStore, ThrottleStore], later: int, blocked: bool
) -> None:
    here, _ = doors
    now = NOW
    for wait in (0, 0, 0, 1, 2, 4, 8):
        now += wait
        assert isinstance(await knock(here, ALICE, now=now), Counted)
    answer = await knock(here, ALICE, now=now + later)
    assert isinstance(answer, Blocked) is blocked


@pytest.mark.asyncio
@pytest.mark.parametrize(("quiet", "forgotten"), [(59, False), (60, True)])
async def test_a_tally_is_forgotten_after_its_quiet_time(
    doors: tuple[ThrottleStore, ThrottleStore], quiet: int, forgotten: bool
) -> None:
    here, _ = doors
    await knock(here, ALICE, times=3)
    again = await knock(here, ALICE, now=NOW + quiet)
    since = NOW + quiet if forgotten else NOW
    assert again == Counted(((ALICE.key, since),))


@pytest.mark.asyncio
async def test_logins_count_once_they_are_welcome_and_are_judged_ahead_of_the_next(
    doors: tuple[ThrottleStore, ThrottleStore],
) -> None:
    here, there = doors
    for _ in range(2):
        mine = await knock(here, ALICE, LOGINS)
        assert mine == Counted(((ALICE.key, NOW),))
        await here.welcome(mine, LOGINS, NOW)
    assert await knock(there, ALICE, LOGINS, now=NOW + 59) == Blocked(LOGINS.key, NOW + 60)
    assert await knock(there, EVE, now=NOW + 59) == Counted(((EVE.key, NOW + 59),))
    assert isinstance(await knock(there, ALICE, LOGINS, now=NOW + 60), Counted)


@pytest.mark.asyncio
async def test_the_tallies_are_listed_by_attempts_without_what_was_taken_back(
    doors: tuple[ThrottleStore, ThrottleStore],
) -> None:
    here, there = doors
    assert await here.list_tallies() == []
    mine = await knock(here, HOME)
    assert isinstance(mine, Counted)
    await here.welcome(mine, LOGINS, NOW)
    await knock(here, EVE, SERVICE)
    await knock(here, ALICE, SERVICE, times=2)
    assert await there.list_tallies() == [
        (SERVICE.key, Tally(3, NOW, NOW)),
        (ALICE.key, Tally(2, NOW, NOW)),
        (LOGINS.key, Tally(1, NOW, NOW)),
        (EVE.key, Tally(1, NOW, NOW)),
    ]
