"""`make chaos`: ten minutes of faults; `make chaos SECONDS=60 SEED=…` for a while, or again."""

import asyncio
import secrets
import shutil
import signal
import tempfile
from pathlib import Path
from typing import Final

import click
import pytest

from tests.chaos.model import WrongAnswer
from tests.chaos.report import Report
from tests.chaos.runner import run_chaos
from tests.chaos.schedule import draw_schedule

SECONDS: Final = 600.0
SEEDS: Final = 2**31
LACKING: Final = (pytest.skip.Exception, pytest.fail.Exception)  # a program that is not installed


@click.command()
@click.option("--seconds", default=SECONDS, type=click.FloatRange(30, 86_400), help="How long.")
@click.option("--seed", type=int, help="What the faults are drawn from; by itself a new one.")
def main(seconds: float, seed: int | None) -> None:
    """Ask who may pass while everything fails in turn; exit 1 at the first wrong answer."""
    drawn = secrets.randbelow(SEEDS) if seed is None else seed
    click.echo(f"seed {drawn}", err=True)
    try:
        report = asyncio.run(_run(drawn, seconds))
    except (WrongAnswer, *LACKING) as wrong:
        raise click.ClickException(str(wrong)) from None
    except asyncio.CancelledError:  # SIGTERM
        raise click.Abort from None
    for line in report.lines():
        click.echo(line)


async def _run(seed: int, seconds: float) -> Report:
    """End as on Ctrl-C, with all that was started, when SIGTERM comes."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    folder = Path(tempfile.mkdtemp(prefix="sidecar-chaos-"))
    try:
        report = await run_chaos(folder, seed, seconds, draw_schedule(seed, seconds))
    except WrongAnswer:
        click.echo(f"what the replicas wrote: {folder}", err=True)
        raise
    except BaseException:
        shutil.rmtree(folder)
        raise
    shutil.rmtree(folder)
    return report


if __name__ == "__main__":
    main()
