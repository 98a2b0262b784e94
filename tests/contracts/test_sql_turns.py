"""Who writes comes in the order in which they asked, and nobody waits behind what has failed."""

import asyncio

import pytest

from sidecar.stores.sql.turns import Turns

pytestmark = pytest.mark.asyncio


async def take(turns: Turns, name: str, order: list[str]) -> None:
    async with turns.turn():
        order.append(name)
        await asyncio.sleep(0)


async def fail(turns: Turns, leave: asyncio.Event, error: Exception) -> None:
    """Have the turn until told to leave it, by this error."""
    async with turns.turn():
        await leave.wait()
        raise error


async def test_the_first_that_came_is_the_next() -> None:
    turns, order = Turns(), list[str]()
    await asyncio.gather(*(take(turns, name, order) for name in "abcdef"))
    assert order == list("abcdef")


async def test_who_goes_while_they_wait_leaves_the_turn_to_the_next() -> None:
    turns, order = Turns(), list[str]()
    async with turns.turn():
        gone = asyncio.create_task(take(turns, "gone", order))
        late = asyncio.create_task(take(turns, "late", order))
        last = asyncio.create_task(take(turns, "last", order))
        await asyncio.sleep(0)
        gone.cancel()
    late.cancel()  # the turn is theirs by now, but they have not begun
    await last
    assert order == ["last"]
    async with turns.turn():
        pass


async def test_where_the_database_fails_one_those_behind_do_not_wait_for_it_again() -> None:
    turns, leave, order = Turns(), asyncio.Event(), list[str]()
    first = asyncio.create_task(fail(turns, leave, TimeoutError("locked")))
    await asyncio.sleep(0)
    behind = [asyncio.create_task(take(turns, name, order)) for name in "ab"]
    await asyncio.sleep(0)
    leave.set()
    for each in (first, *behind):
        with pytest.raises(TimeoutError):
            await each
    assert order == []
    await take(turns, "later", order)
    assert order == ["later"]


async def test_what_is_refused_is_no_reason_to_send_others_away() -> None:
    turns, leave, order = Turns(), asyncio.Event(), list[str]()
    first = asyncio.create_task(fail(turns, leave, KeyError("no such user")))
    await asyncio.sleep(0)
    behind = asyncio.create_task(take(turns, "behind", order))
    await asyncio.sleep(0)
    leave.set()
    with pytest.raises(KeyError):
        await first
    await behind
    assert order == ["behind"]
