"""An explanation in lines for a person."""

from collections.abc import Iterator, Mapping
from typing import Any

import click


def print_explained(members: Mapping[str, Any]) -> None:
    """Print what `dump_explanation` gives, with its `verdict`, `reason` and `needs`."""
    for line in _lines(members):
        click.echo(clean(line))


def clean(text: str) -> str:
    """Return text on one line that does nothing to a terminal: a client has chosen the path."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _lines(members: Mapping[str, Any]) -> Iterator[str]:
    reason = members["reason"]
    yield members["verdict"] if reason is None else f"{members['verdict']}: {reason}"
    if members["entry"] is not None:
        yield f"host: {members['entry']}"
    elif reason == "no_rule":
        yield "host: the policy has no entry that holds it"
    for rule in members["passed_over"]:
        yield f"passed over: {_rule(rule)}, which is about {rule['wants']}"
    if members["rule"] is not None:
        yield f"rule: {_rule(members['rule'])}"
    if members["folded"] is not None:
        yield f"where case is ignored: {_rule(members['folded'])}"
    for condition in members["conditions"]:
        asked_by = ", asked by the gateway" if condition["asked_by"] == "query" else ""
        held = "held" if condition["held"] else "missing"
        yield f"{condition['key']}: {', '.join(condition['wants'])}{asked_by}: {held}"
    for need in members["needs"]:
        yield f"needs: {need}"


def _rule(rule: Mapping[str, Any]) -> str:
    return f"line {rule['line']}, {rule['path']}"
