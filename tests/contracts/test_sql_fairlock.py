"""Who writes comes in the order in which they asked, and nobody waits behind what has failed."""

import asyncio

import pytest

from sidecar.stores.sql.fairlock import FairLock

pytestmark = pytest.mark.asyncio


async def take(lock: FairLock, name: str, order: list[str]) -> None:
    async with lock.held():
        order.append(name)
        await asyncio.sleep(0)


async def fail(lock: FairLock, leave: asyncio.Event, error: Exception) -> None:
    """Hold it until told to leave it, by this error."""
    async with lock.held():
        await leave.wait()
        raise error


async def test_the_first_that_came_is_the_next() -> None:
    lock, order = FairLock(), list[str]()
    await asyncio.gather(*(take(lock, name, order) for name in "abcdef"))
    assert order == list("abcdef")


async def test_who_goes_while_they_wait_leaves_it_to_the_next() -> None:
    lock, order = FairLock(), list[str]()
    async with lock.held():
        gone = asyncio.create_task(take(lock, "gone", order))
        late = asyncio.create_task(take(lock, "late", order))
        last = asyncio.create_task(take(lock, "last", order))
        await asyncio.sleep(0)
        gone.cancel()
    late.cancel()  # it is theirs by now, but they have not begun
    await last
    assert order == ["last"]
    async with lock.held():
        pass


async def test_where_the_database_fails_one_those_behind_do_not_wait_for_it_again() -> None:
    lock, leave, order = FairLock(), asyncio.Event(), list[str]()
    first = asyncio.create_task(fail(lock, leave, TimeoutError("locked")))
    await asyncio.sleep(0)
    behind = [asyncio.create_task(take(lock, name, order)) for name in "ab"]
    await asyncio.sleep(0)
    leave.set()
    for each in (first, *behind):
        with pytest.raises(TimeoutError):
            await each
    assert order == []
    await take(lock, "later", order)
    assert order == ["later"]


async def test_what_is_refused_is_no_reason_to_send_others_away() -> None:
    lock, leave, order = FairLock(), asyncio.Event(), list[str]()
    first = asyncio.create_task(fail(lock, leave, KeyError("no such user")))
    await asyncio.sleep(0)
    behind = asyncio.create_task(take(lock, "behind", order))
    await asyncio.sleep(0)
    leave.set()
    with pytest.raises(KeyError):
        await first
    await behind
    assert order == ["behind"]
