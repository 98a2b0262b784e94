"""Programs that end as on Ctrl-C, with all that they started, when SIGTERM comes."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

import click

from tests.bench.load import LoadFailed

T = TypeVar("T")


def run_to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Return what `work` returns; a signal, or a load that failed, ends the program."""

    async def watched() -> T:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await work

    try:
        return asyncio.run(watched())
    except LoadFailed as error:
        raise click.ClickException(str(error)) from None
    except asyncio.CancelledError:  # SIGTERM
        raise click.Abort from None
