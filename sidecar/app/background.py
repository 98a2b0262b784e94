"""Tasks that run beside the requests for as long as a process serves."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from sidecar.errors import SidecarError

CANCEL_AGAIN: Final = 0.2  # seconds

log = logging.getLogger("sidecar.app")


class BackgroundEnded(SidecarError):
    """A task that runs for ever has ended: a bug, whose cause stands in the log."""


@asynccontextmanager
async def running(
    work: Mapping[str, Coroutine[Any, Any, object]], *, ended: Callable[[], None]
) -> AsyncIterator[None]:
    """Run tasks, by name, until the block is left.

    None of them ends by itself. Where one does, its cause is logged and `ended` called, so that the
    block is left soon: a gate that nobody keeps fresh must not go on. Raises BackgroundEnded then.
    """
    failed: list[str] = []

    def note_end(task: asyncio.Task[object]) -> None:
        name = task.get_name()
        error = None if task.cancelled() else task.exception()
        log.critical("%s has ended, which is a bug: this process ends too", name, exc_info=error)
        failed.append(name)
        ended()

    tasks = [asyncio.create_task(each, name=name) for name, each in work.items()]
    for task in tasks:
        task.add_done_callback(note_end)
    try:
        yield
    finally:
        for task in tasks:
            task.remove_done_callback(note_end)
        await _cancel(tasks)
    if failed:
        raise BackgroundEnded(f"{failed[0]} has ended, which is a bug; the log has its cause")


async def _cancel(tasks: Collection[asyncio.Task[object]]) -> None:
    """Cancel tasks until they have ended.

    Once is not always enough: with a frozen PostgreSQL a cancellation was lost where it met the end
    of a patience, and the task went on as if the database alone had failed.
    """
    while unended := [task for task in tasks if not task.done()]:
        for task in unended:
            task.cancel()
        await asyncio.wait(unended, timeout=CANCEL_AGAIN)
    await asyncio.gather(*tasks, return_exceptions=True)  # what they raised has been of no use
