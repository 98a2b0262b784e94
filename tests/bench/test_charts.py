"""The charts show every row, inside their frame, to whoever looks or listens."""

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

from tests.bench.behind import Asked, Behind, Row
from tests.bench.charts import ROWS, main, make_charts
from tests.bench.measure import Spread
from tests.bench.report import Report
from tests.bench.test_report import make_report

SVG = "{http://www.w3.org/2000/svg}"
LEAST_TEXT = 12  # pixels


def make_measured(**figures: float) -> dict[str, Any]:
    report = make_report(**figures)
    rows = {each.value: Row(1000.0, Spread(0.9, 0.8, 1.2), 20.0, 9.0) for each in Asked}
    behind = Behind({"nginx <1.22>": rows, "traefik": rows})
    whole = Report(report.cores, {**report.parts, "behind": behind})
    measured: dict[str, Any] = json.loads(whole.to_json())
    return measured


MEASURED = make_measured()
CHARTS = {name: chart.draw() for name, chart in make_charts(MEASURED).items()}


def read(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - written here


def texts(svg: str) -> list[str]:
    return [each.text or "" for each in read(svg).iter(f"{SVG}text")]


def frame(svg: str) -> tuple[float, float]:
    _, _, width, height = map(float, read(svg).attrib["viewBox"].split())
    return width, height


def test_each_part_has_one() -> None:
    assert [name.removesuffix(".svg") for name in CHARTS] == [*ROWS, "ratios", "behind"]


def test_every_row_stands_in_one() -> None:
    *_, ratios, behind = map(texts, CHARTS.values())
    parts = MEASURED["parts"]
    for part in ("cold", "rules", "connections"):
        assert set(parts[part]["rows"]) <= set(texts(CHARTS[f"{part}.svg"]))
    warm = texts(CHARTS["warm.svg"])
    for row, loops in parts["warm"]["rows"].items():
        assert {f"{row}, {loop}" for loop in loops} <= set(warm)
    assert warm.count("10.0 (9.00 to 11.0)") == 2
    assert {"10 000 rules / 10 rules", "9 revocations / none"} <= set(ratios)
    assert set(parts["behind"]["rows"]) <= set(behind)
    for asked in Asked:
        assert behind.count(asked.value) == 2


@pytest.mark.parametrize("name", CHARTS)
def test_whoever_listens_is_told_what_whoever_looks_sees(name: str) -> None:
    root = read(CHARTS[name])
    assert root.attrib["role"] == "img"
    told = {each.attrib["id"]: each.text or "" for each in root if "id" in each.attrib}
    assert root.attrib["aria-labelledby"].split() == list(told) == ["title", "desc"]
    shown = texts(CHARTS[name])
    assert shown[0] == told["title"]
    assert all(text in told["desc"] for text in shown[1:] if not re.fullmatch(r"[\d.]+", text))


@pytest.mark.parametrize("least", [1e-4, 0.02, 1.0, 77.0, 12_345.0])
def test_all_is_inside_the_frame(least: float) -> None:
    figures = dict.fromkeys(("cold", "rules_ratio", "view_ratio"), least)
    for chart in make_charts(make_measured(**figures)).values():
        svg = chart.draw()
        width, height = frame(svg)
        for each in read(svg).iter(f"{SVG}rect"):
            if each.attrib["class"] != "back":
                x, y, wide, high = (
                    float(each.attrib[key]) for key in ("x", "y", "width", "height")
                )
                assert 0 <= x <= x + wide <= width
                assert 0 <= y <= y + high <= height
        for each in read(svg).iter(f"{SVG}path"):
            for kind, numbers in re.findall("([MHV])([^MHV]+)", each.attrib["d"]):
                places = [float(number) for number in numbers.split()]
                bounds = {"M": (width, height), "H": (width,), "V": (height,)}[kind]
                assert all(0 <= place <= most for place, most in zip(places, bounds, strict=True))
        for each in read(svg).iter(f"{SVG}text"):
            assert 0 <= float(each.attrib["x"]) <= width
            assert 0 <= float(each.attrib["y"]) <= height


@pytest.mark.parametrize("name", CHARTS)
def test_it_can_be_read_in_the_dark_and_without_colours(name: str) -> None:
    style = next(read(CHARTS[name]).iter(f"{SVG}style")).text or ""
    assert "@media (prefers-color-scheme: dark)" in style
    assert all(int(size) >= LEAST_TEXT for size in re.findall(r"(\d+)px", style))
    assert "fill: none" in style[style.index(".other") :].partition("}")[0]


def test_what_was_not_measured_is_not_drawn() -> None:
    parts = {"cold": MEASURED["parts"]["cold"]}
    (name,) = make_charts({**MEASURED, "parts": parts})
    assert name == "cold.svg"


def test_they_are_drawn_anew_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "bench.json").write_text(json.dumps(MEASURED))
    folder = tmp_path / "charts"
    ran = CliRunner().invoke(main, [str(tmp_path / "bench.json"), "--out", str(folder)])
    assert ran.exit_code == 0, ran.output
    assert {file.name: file.read_text() for file in folder.iterdir()} == CHARTS
