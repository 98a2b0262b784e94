"""`make bench`; `make bench ARGS=--short` for a quick look."""

import asyncio
import signal
from pathlib import Path

import click

from tests.bench.load import LoadFailed
from tests.bench.report import Report
from tests.bench.run import FULL, SHORT, Plan, run
from tests.bench.servers import CACHE

OUT = CACHE / "bench.json"


@click.command()
@click.option("--short", is_flag=True, help="Fewer and shorter rounds, about a minute.")
@click.option("--out", type=click.Path(path_type=Path), default=OUT, help="Where the JSON goes.")
def main(short: bool, out: Path) -> None:
    """Measure what a decision costs; exit 1 where a limit does not hold."""
    try:
        report = asyncio.run(_run(SHORT if short else FULL))
    except LoadFailed as error:
        raise click.ClickException(str(error)) from None
    except asyncio.CancelledError:  # SIGTERM
        raise click.Abort from None
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(report.to_json())
    for line in report.to_table():
        click.echo(line)
    raise SystemExit(0 if report.holds else 1)


async def _run(plan: Plan) -> Report:
    """End as on Ctrl-C, with all that was started, when SIGTERM comes."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await run(plan, lambda text: click.echo(text, err=True))


if __name__ == "__main__":
    main()
