"""The alert rules ask for metrics that there are, and each has a place that says what to do."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from aiohttp import ClientSession, UnixConnector

from sidecar.core.propagation import BOUNDS
from sidecar.schemas.defaults import DEFAULTS
from sidecar.schemas.values import parse_duration
from tests.docs.markdown import ROOT, read_anchors, read_blocks, read_prose
from tests.web.conftest import serving_web

RULES: Final = ROOT / "deploy/prometheus/alerts.yaml"
PAGE: Final = ROOT / "docs/alerts.md"
PAIRS: Final = {"(": ")", "{": "}", "[": "]"}


def read_rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    assert group.keys() == {"name", "rules"}
    rules: list[dict[str, Any]] = group["rules"]
    return rules


NAMES: Final = [rule["alert"] for rule in read_rules()]


@pytest.fixture(params=read_rules(), ids=NAMES)
def rule(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return each rule in turn."""
    each: dict[str, Any] = request.param
    return each


def test_no_two_rules_have_one_name() -> None:
    assert len(set(NAMES)) == len(NAMES) > 8


def test_a_rule_has_all_that_prometheus_takes_and_nothing_else(rule: dict[str, Any]) -> None:
    assert {"alert", "expr", "labels", "annotations"} <= rule.keys()
    assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
    assert "for" not in rule or parse_duration(rule["for"])
    assert rule["labels"].keys() == {"severity"}
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"].keys() == {"summary", "description", "runbook"}
    assert all(isinstance(text, str) and text for text in rule["annotations"].values())


def test_a_rule_is_explained_under_its_name(rule: dict[str, Any]) -> None:
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    assert (ROOT / page, anchor) == (PAGE, rule["alert"].lower())
    assert anchor in read_anchors(PAGE)


def test_what_opens_in_an_expression_is_closed(rule: dict[str, Any]) -> None:
    waiting = []
    for sign in re.sub(r'"[^"]*"', "", rule["expr"]):
        if sign in PAIRS:
            waiting.append(PAIRS[sign])
        elif sign in PAIRS.values():
            assert waiting.pop() == sign
    assert waiting == []


def test_a_summary_says_where_and_asks_only_for_labels_that_the_rule_leaves(
    rule: dict[str, Any],
) -> None:
    told = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
    assert "instance" in told
    grouped = re.search(r"^\s*[\d.]*,? ?sum by \(([^)]*)\)", rule["expr"], re.MULTILINE)
    if grouped is not None:
        assert told <= set(grouped[1].split(", "))


def find_selectors(expression: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the names of metrics, each with the labels that are asked for."""
    for name, labels in re.findall(r"\b(sidecar_\w+)(?:\{([^}]*)\})?", expression):
        yield name, dict(re.findall(r'(\w+)="([^"]*)"', labels))


@pytest.mark.asyncio
async def test_every_metric_and_label_that_a_rule_asks_for_is_exported(tmp_path: Path) -> None:
    settings = {"redis": {"url": f"unix://{tmp_path / 'nobody'}"}}
    async with (
        serving_web(tmp_path, settings) as web,
        ClientSession(connector=UnixConnector(str(web.operations))) as session,
    ):
        web.serving.services.propagation.release(0, 0.0)
        async with web.session.get(f"{web.url}/verify/traefik") as answer:
            assert answer.status == 400
        async with session.get("http://operations/metrics") as answer:
            lines = (await answer.text()).splitlines()
    samples = [
        (name, dict(re.findall(r'(\w+)="([^"]*)"', labels)))
        for name, labels in re.findall(r"^(\w+)(?:\{(.*)\})? \S+$", "\n".join(lines), re.MULTILINE)
    ]
    asked = [each for rule in read_rules() for each in find_selectors(rule["expr"])]
    assert len(asked) >= len(NAMES)
    for name, labels in asked:
        found = [has for sample, has in samples if sample == name]
        assert any(labels.items() <= has.items() for has in found), (name, labels)


def test_the_page_names_the_file_of_the_rules_and_where_the_metrics_are() -> None:
    (block,) = read_blocks(PAGE)
    read = yaml.safe_load(block.text)
    assert read["rule_files"] == [RULES.name]
    (job,) = read["scrape_configs"]
    (down,) = (rule["expr"] for rule in read_rules() if rule["alert"] == "SidecarDown")
    (jobs,) = re.findall(r'^up\{job=~"([^"]+)"\} == 0$', down)
    assert re.fullmatch(jobs, job["job_name"])
    assert job["static_configs"] == [{"targets": [DEFAULTS["server"]["operations_listen"]]}]


def test_the_bounds_of_the_promises_are_bounds_of_buckets() -> None:
    compared = {
        float(bound)
        for rule in read_rules()
        if "histogram_quantile" in rule["expr"]
        for bound in re.findall(r"^\) > ([\d.]+)$", rule["expr"], re.MULTILINE)
    }
    assert compared == {0.25, 1.0}
    assert compared < set(BOUNDS)
    prose = read_prose(PAGE)
    assert all(f'`le="{bound}"`' in prose for bound in compared)
