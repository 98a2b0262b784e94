"""`make bench`; `make bench ARGS=--short` for a quick look, `ARGS="--part warm"` at a part."""

from pathlib import Path

import click

from tests.bench.interrupted import run_to_its_end
from tests.bench.plan import FULL, SHORT
from tests.bench.run import PARTS, run
from tests.bench.servers import CACHE

OUT = CACHE / "bench.json"


@click.command()
@click.option("--short", is_flag=True, help="Fewer and shorter rounds, a few minutes.")
@click.option("--part", "parts", multiple=True, type=click.Choice(list(PARTS)), help="Only these.")
@click.option("--out", type=click.Path(path_type=Path), default=OUT, help="Where the JSON goes.")
def main(short: bool, parts: tuple[str, ...], out: Path) -> None:
    """Measure what a decision costs; exit 1 where a limit does not hold."""
    report = run_to_its_end(run(SHORT if short else FULL, _tell, parts))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(report.to_json())
    for line in report.to_table():
        click.echo(line)
    raise SystemExit(0 if report.holds else 1)


def _tell(text: str) -> None:
    click.echo(text, err=True)


if __name__ == "__main__":
    main()
