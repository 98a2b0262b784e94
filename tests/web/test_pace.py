"""Dear work is done a slice at a time, in its order, and what is cheap goes on between."""

import asyncio
import gc
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from sidecar.web import pace as pace_module
from sidecar.web.pace import MOST_WAITING, SLICE, Pace

pytestmark = pytest.mark.asyncio

PIECE = 0.0005  # seconds of work; a signature takes less
REST = 0.0001  # seconds of work behind that; a refusal takes less
BURST = 100  # pieces at once: to ask for them costs next to nothing, under coverage too
PROMISE = 0.005  # seconds for which the loop may be held
ROUNDS = 3  # the machine is shared: the best one counts


def work_for(seconds: float) -> None:
    """Keep the processor busy, however often others take it away meanwhile."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def stays() -> bool:
    """Say that nobody has gone."""
    return False


async def next_turn() -> None:
    await asyncio.sleep(0)


def use_up(pace: Pace) -> None:
    """Have a turn begin whose slice is used up."""
    assert pace.may_work()
    until = time.perf_counter() + SLICE
    while time.perf_counter() < until:
        pass


def ask_at_once(pace: Pace) -> None:
    """Ask a burst of questions, each of which takes a piece of dear work."""
    work = partial(work_for, PIECE)
    for _ in range(BURST):
        if pace.may_work():
            work()
        else:
            pace.put(work)


class Unpaced(Pace):
    """Lets everybody work at once."""

    def may_work(self) -> bool:
        return True


async def hold(pace: Pace) -> float:
    """Return the longest turn of the loop of a burst, in seconds of work."""
    began = time.thread_time()
    ask_at_once(pace)
    turns = [time.thread_time() - began]
    while pace.waiting:
        began = time.thread_time()
        await next_turn()
        turns.append(time.thread_time() - began)
    return max(turns)


@pytest.fixture
def _no_garbage() -> Iterator[None]:
    """Leave what the tests have left to a collection that holds nobody up here."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_no_garbage")
async def test_a_burst_holds_the_loop_no_longer_than_is_promised() -> None:
    assert min([await hold(Unpaced()) for _ in range(ROUNDS)]) > PIECE * BURST * 0.9
    assert min([await hold(Pace()) for _ in range(ROUNDS)]) < PROMISE


@pytest.mark.usefixtures("_no_garbage")
async def test_what_is_left_of_them_holds_it_no_longer_either() -> None:
    """As where strangers show what is no token: to see that takes less than to refuse it."""

    async def hold_with(together: int) -> float:
        pace = Pace()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pace_module, "TOGETHER", together)
            for _ in range(BURST):
                pace.put(lambda: partial(work_for, REST))
            longest = 0.0
            while pace.waiting:
                began = time.thread_time()
                await next_turn()
                longest = max(longest, time.thread_time() - began)
        return longest

    assert min([await hold_with(BURST) for _ in range(ROUNDS)]) > PROMISE
    assert min([await hold_with(pace_module.TOGETHER) for _ in range(ROUNDS)]) < PROMISE


async def test_what_is_cheap_is_answered_between() -> None:
    pace = Pace()
    ask_at_once(pace)
    turns = 0
    while pace.waiting:
        turns += 1
        await next_turn()
    assert turns > PIECE * BURST / (2 * SLICE + PIECE)


async def test_work_is_done_in_the_order_in_which_it_came() -> None:
    pace, done = Pace(), list[int]()
    use_up(pace)
    for number in range(20):
        pace.put(partial(done.append, number))
    assert not pace.may_work()
    while pace.waiting:
        assert not pace.may_work()  # nobody overtakes what waits
        await next_turn()
    assert done == list(range(20))


async def test_a_turn_has_one_slice_and_the_next_turn_has_another() -> None:
    pace = Pace()
    use_up(pace)
    assert not pace.may_work()
    await next_turn()
    assert pace.may_work()


async def test_a_loop_that_has_nothing_dear_to_do_is_left_alone() -> None:
    pace = Pace()
    assert pace.may_work()
    pace.put(lambda: None)
    for _ in range(3):
        await next_turn()
    assert pace.waiting == 0
    assert pace.may_work()


async def test_nothing_is_done_for_who_has_gone_and_nothing_of_them_is_kept() -> None:
    pace, done = Pace(), list[int]()
    waiting = [
        asyncio.create_task(pace.run(partial(appending, done, number), stays))
        for number in range(3)
    ]
    await next_turn()
    assert pace.waiting == 3
    waiting[1].cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert done == [0, 2]
    assert waiting[1].cancelled()
    assert pace.waiting == 0


async def test_for_who_is_known_to_be_gone_nothing_is_done() -> None:
    pace, done = Pace(), list[int]()
    use_up(pace)
    waiting = asyncio.create_task(pace.run(partial(appending, done, 1), lambda: True))
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert done == []
    assert pace.waiting == 0


async def test_it_is_full_before_it_is_without_end() -> None:
    pace = Pace()
    use_up(pace)
    while not pace.is_full:
        pace.put(lambda: None)
    assert pace.waiting == MOST_WAITING
    while pace.waiting:
        await next_turn()
    assert not pace.is_full


def appending(done: list[int], number: int) -> Callable[[], None]:
    """Do what is dear, of which nothing is left."""
    done.append(number)
    return lambda: None


def fail() -> Any:
    raise LookupError("a bug")


async def test_what_a_piece_of_work_raises_is_raised_where_it_is_waited_for() -> None:
    pace = Pace()
    use_up(pace)
    failing = asyncio.create_task(pace.run(fail, stays))
    good = asyncio.create_task(pace.run(lambda: lambda: 7, stays))
    with pytest.raises(LookupError):
        await failing
    assert await good == 7


async def test_what_is_left_of_all_pieces_is_done_behind_their_dear_parts() -> None:
    pace, done = Pace(), list[str]()

    def work(number: int) -> Callable[[], None]:
        done.append(f"dear {number}")
        return partial(done.append, f"rest {number}")

    for number in range(3):
        pace.put(partial(work, number))
    assert await pace.run(lambda: lambda: 7, stays) == 7
    assert done == [f"{part} {number}" for part in ("dear", "rest") for number in range(3)]


async def test_what_is_left_behind_one_that_raises_is_done() -> None:
    pace, done, said = Pace(), list[int](), list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, told: said.append(told["exception"]))
    for rest in (partial(done.append, 1), fail, partial(done.append, 2)):
        pace.put(partial(returning, rest))
    failing = asyncio.create_task(pace.run(partial(returning, fail), stays))
    with pytest.raises(LookupError):
        await failing
    assert done == [1, 2]
    assert [type(error) for error in said] == [LookupError]


async def test_who_goes_while_their_answer_is_made_is_not_answered() -> None:
    pace, done, said = Pace(), list[int](), list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, told: said.append(told))
    waiting: asyncio.Future[None]

    def work() -> Callable[[], None]:
        waiting.cancel()
        return partial(done.append, 1)

    waiting = asyncio.ensure_future(pace.run(work, stays))
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    while pace.waiting:
        await next_turn()
    assert (done, said) == ([], [])


def returning(rest: Callable[[], None]) -> Callable[[], None]:
    return rest


async def test_a_piece_of_work_that_raises_does_not_hold_up_the_others() -> None:
    pace, done, said = Pace(), list[int](), list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, told: said.append(told["exception"]))
    pace.put(fail)
    pace.put(partial(done.append, 1))
    while pace.waiting:
        await next_turn()
    assert done == [1]
    assert [type(error) for error in said] == [LookupError]
