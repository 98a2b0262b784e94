"""Tasks that run beside the requests for as long as a process serves."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from sidecar.errors import SidecarError

END_TIMEOUT: Final = 4.0  # seconds; with a frozen database a task takes two and a half

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
    One that does not end in its time when the block is left is named in the log.
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
            # Once: what a task does at its end, such as closing a connection, must not be cut off.
            task.cancel()
        done, left = await asyncio.wait(tasks, timeout=END_TIMEOUT)
        await asyncio.gather(*done, return_exceptions=True)  # what they raise is of no use any more
        for task in left:
            log.warning("%s has not ended, and is left behind", task.get_name())
    if failed:
        raise BackgroundEnded(f"{failed[0]} has ended, which is a bug; the log has its cause")
