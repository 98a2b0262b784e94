"""Work that strangers' requests must not slow down: a thread with an event loop of its own."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

# Calls a function on the loop that work was begun from, and waits for its end.
AtHome = Callable[[Callable[[], None]], Awaitable[None]]


async def run_apart(work: Callable[[AtHome], Coroutine[Any, Any, None]]) -> None:
    """Run a coroutine on a loop of its own; cancelled, wait until that has ended too.

    The loop of the requests comes round once for all that are ready: with hundreds of them each
    step of a read would take as long as all their steps together.
    """
    home = asyncio.get_running_loop()
    begun: Future[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = Future()

    async def at_home(function: Callable[[], None]) -> None:
        async def call() -> None:
            function()

        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(call(), home))

    async def begin() -> None:
        working = asyncio.create_task(work(at_home))
        begun.set_result((asyncio.get_running_loop(), working))
        await working

    executor = ThreadPoolExecutor(1, "apart")
    ended = home.run_in_executor(executor, lambda: asyncio.run(begin()))
    try:
        await asyncio.shield(ended)
    except asyncio.CancelledError:
        loop, working = await asyncio.wrap_future(begun)
        if not ended.done():
            loop.call_soon_threadsafe(working.cancel)
            await asyncio.gather(ended, return_exceptions=True)
        raise
    finally:
        executor.shutdown(wait=False)
