"""What the policy says of a request, and an explanation in lines for a person."""

from collections.abc import Iterator, Mapping
from typing import Any

import click

from sidecar.core.explain import Explanation, explain
from sidecar.core.facts import RequestFacts
from sidecar.core.policy import Policy
from sidecar.core.principal import Principal
from sidecar.core.text import printable
from sidecar.core.verdict import Deny, Reason


def judge(
    facts: RequestFacts | Deny, principal: Principal | None, policy: Policy, now: int
) -> tuple[Reason | None, Explanation | None]:
    """Return why `principal` (None: nobody) may not ask at `now` (Unix seconds), None: they may.

    With it comes what the policy says; None where the gate would not read the request.
    """
    if isinstance(facts, Deny):
        return facts.reason, None
    found = explain(facts, principal, policy=policy, now=now)
    return None if found.refusal is None else found.refusal.reason, found


def print_explained(members: Mapping[str, Any]) -> None:
    """Print what `dump_explanation` gives, with its `verdict`, `reason` and `needs`."""
    for line in _lines(members):
        click.echo(printable(line))


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
    said = [f", {key}: {rule[key]}" for key in ("max_staleness", "when_stale") if key in rule]
    return f"line {rule['line']}, {rule['path']}{''.join(said)}"
