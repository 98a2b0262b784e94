"""`python -m tests.bench.charts`: the charts of docs/performance.md from the JSON of `make bench`.

What was not measured in that run is not drawn.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

from tests.bench.bars import Bar, Chart
from tests.bench.measure import Spread

ROOT: Final = Path(__file__).parents[2]
MEASURED: Final = ROOT / ".cache" / "bench.json"
FOLDER: Final = ROOT / "docs" / "charts"
FILLED: Final = "Filled: this service. Outlined: what it is compared with."
FOREIGN: Final = ("bare ", "low-level ", "as many constant ")  # how their names begin
SERVICE: Final = "the service"

# The parts whose rows are CPU for a request. Each has a chart, for a new token takes ten times what
# a known one does.
ROWS: Final = {
    "warm": "CPU of a request: a known token",
    "cold": "CPU of a request: a new token, and refusals",
    "rules": "CPU of a request, by the number of rules",
    "connections": "CPU of a request by connection, with a client of our own",
}

Members = Mapping[str, Any]


def make_charts(report: Members) -> dict[str, Chart]:
    """Return the charts of a report, as JSON has it, by the names of their files."""
    parts = report["parts"]
    limits = {each["name"]: each["most"] for each in report["limits"]}
    charts = {
        f"{name}.svg": Chart(
            told,
            f"Microseconds, user and system; median, least and most of the rounds. {FILLED}",
            _keep({name: _list_rows(parts.get(name, {}))}),
        )
        for name, told in ROWS.items()
    }
    charts |= {
        "ratios.svg": Chart(
            "What many rules and revocations cost",
            "CPU divided by that with few or none, by round; dashed: the most that it may be.",
            _keep(_list_ratios(parts, limits)),
        ),
        "behind.svg": Chart(
            "Behind a gateway",
            "Rate, divided by that with an empty 200 instead; dashed: the least that it may be.",
            _keep(_list_gateways(parts.get("behind", {}), limits)),
        ),
    }
    return {name: chart for name, chart in charts.items() if chart.groups}


def _keep(groups: Mapping[str, Sequence[Bar]]) -> dict[str, Sequence[Bar]]:
    """Return those that have bars."""
    return {name: bars for name, bars in groups.items() if bars}


def _list_rows(part: Members) -> list[Bar]:
    """Return a bar for each row, or for each event loop that it ran on."""
    return [
        Bar(name, spread, ours=not name.startswith(FOREIGN))
        for row, figures in part.get("rows", {}).items()
        for name, spread in _find_spreads(row, figures)
    ]


def _find_spreads(name: str, figures: Members) -> Iterator[tuple[str, Spread]]:
    if "median" in figures:
        yield name, Spread(**figures)
        return
    for below, inner in figures.items():
        yield from _find_spreads(f"{name}, {below}", inner)


def _list_ratios(parts: Members, limits: Mapping[str, float]) -> dict[str, Sequence[Bar]]:
    found: dict[str, Sequence[Bar]] = {}
    if "rules" in parts:
        name = "10 000 rules / 10 rules"
        found["rules"] = [Bar(name, Spread(**parts["rules"]["ratio"]), limit=limits.get(name))]
    if "revocations" in parts:
        crowd = parts["revocations"]
        most = limits.get(f"decision by {crowd['revocations']} / by none")
        number = f"{crowd['revocations']:,}".replace(",", " ")
        found["revocations"] = [
            Bar(f"{number} revocations / none", Spread(**crowd["ratio"]), limit=most),
            Bar(f"{number} / none, behind a new one", Spread(**crowd["anew"])),
        ]
    return found


def _list_gateways(part: Members, limits: Mapping[str, float]) -> dict[str, Sequence[Bar]]:
    found: dict[str, Sequence[Bar]] = {}
    for gateway, rows in part.get("rows", {}).items():
        most = limits.get(f"{gateway}, rate by an empty 200 / by ours")
        ours = {SERVICE: None if most is None else 1 / most}
        found[gateway] = [
            Bar(asked, Spread(**row["left"]), asked in ours, ours.get(asked), "at least")
            for asked, row in rows.items()
        ]
    return found


@click.command()
@click.argument("measured", type=click.Path(path_type=Path), default=MEASURED)
@click.option("--out", type=click.Path(path_type=Path), default=FOLDER, help="Their folder.")
def main(measured: Path, out: Path) -> None:
    """Draw the charts anew."""
    out.mkdir(parents=True, exist_ok=True)
    for name, chart in make_charts(json.loads(measured.read_text())).items():
        (out / name).write_text(chart.draw())
        click.echo(out / name)


if __name__ == "__main__":
    main()
