"""An explanation in JSON: bounded, and with something to do for every refusal."""

from ipaddress import ip_network
from typing import Any, Final

import pytest

from sidecar.core.access import (
    ORDER,
    Access,
    Amr,
    Condition,
    MaxAge,
    Networks,
    Roles,
    Scope,
    Users,
)
from sidecar.core.explain import explain
from sidecar.core.policy import Policy, Rule, WhenStale
from sidecar.core.verdict import Reason
from sidecar.schemas.explanation import (
    MOST_NAMED,
    MOST_PASSED_OVER,
    dump_explanation,
    list_needs,
    list_wanted,
)
from tests.core.asking import NOBODY_SPECIAL, make_facts
from tests.core.forge import HOST, NOW

GET: Final = frozenset({"GET", "HEAD"})
INTERN: Final = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
POLICY: Final = Policy(
    {
        HOST: [
            Rule("/a", Access.of(Roles(frozenset({"b", "a"})), MaxAge(5400)), 3, methods=GET),
            Rule("/a", Access(anyone=True), 4, networks=INTERN),
            Rule("/a", Access(preflight=True), 5),
            Rule("/b", Access.of(Scope(frozenset({"x", "y"}))), 6),
        ]
    }
)


def test_it_names_the_rule_and_each_condition() -> None:
    found = explain(make_facts("/a"), NOBODY_SPECIAL, policy=POLICY, now=NOW)
    assert dump_explanation(found) == {
        "entry": HOST,
        "rule": {"line": 3, "path": "/a"},
        "folded": None,
        "passed_over": [],
        "conditions": [
            {"key": "roles", "wants": ["a", "b"], "held": False, "asked_by": "rule"},
            {"key": "max_age", "wants": ["1h30m"], "held": True, "asked_by": "rule"},
        ],
    }
    assert list_needs(Reason.ROLE_MISSING, found) == ["one of the roles a, b"]


def test_it_says_what_a_rule_that_was_passed_over_is_about() -> None:
    found = explain(make_facts("/a", method="PUT"), None, policy=POLICY, now=NOW)
    dumped: dict[str, Any] = dump_explanation(found)
    assert (dumped["rule"], dumped["conditions"]) == (None, [])
    assert [(each["line"], each["because"], each["wants"]) for each in dumped["passed_over"]] == [
        (3, "methods", "methods GET, HEAD"),
        (4, "networks", "networks 10.0.0.0/8, fd00::/8"),
        (5, "allow", "a true CORS preflight"),
    ]
    assert list_needs(Reason.NO_RULE, found) == [
        "a rule about it in the policy",
        "or a request that the rule of line 3 is about: methods GET, HEAD",
        "or a request that the rule of line 4 is about: networks 10.0.0.0/8, fd00::/8",
        "or a request that the rule of line 5 is about: a true CORS preflight",
    ]


def test_both_readings_of_an_ambiguous_path_are_named() -> None:
    found = explain(make_facts("/B"), None, policy=Policy({HOST: [
        Rule("/b", Access(), 6), Rule("/B", Access(anyone=True), 7)]}), now=NOW)  # fmt: skip
    dumped = dump_explanation(found)
    assert (dumped["rule"], dumped["folded"]) == (
        {"line": 7, "path": "/B"},
        {"line": 6, "path": "/b"},
    )


def test_it_tells_what_a_rule_says_for_itself_of_an_outage() -> None:
    strict = Rule("/b", Access(), 6, max_staleness=90)
    lent = Rule("/B", Access(), 7, max_staleness=90, when_stale=WhenStale.ALLOW)
    policy = Policy({HOST: [strict, lent]})
    dumped = dump_explanation(explain(make_facts("/B"), None, policy=policy, now=NOW))
    assert (dumped["rule"], dumped["folded"]) == (
        {"line": 7, "path": "/B", "max_staleness": "1m30s", "when_stale": "allow"},
        {"line": 6, "path": "/b", "max_staleness": "1m30s"},
    )


def test_what_the_gateway_asks_for_is_told_apart() -> None:
    narrowing = Access.of(Scope(frozenset({"z"})))
    found = explain(make_facts("/b"), NOBODY_SPECIAL, policy=POLICY, now=NOW, narrowing=narrowing)
    dumped: dict[str, Any] = dump_explanation(found)
    assert [(each["wants"], each["asked_by"]) for each in dumped["conditions"]] == [
        (["x", "y"], "rule"),
        (["z"], "query"),
    ]


def test_nobody_needs_to_be_somebody_and_all_the_rest() -> None:
    found = explain(make_facts("/b"), None, policy=POLICY, now=NOW)
    assert list_needs(Reason.NO_CREDENTIAL, found) == [
        "somebody who is signed in",
        "the scope x, y",
    ]


def test_a_request_that_no_rule_was_asked_about_has_nothing_but_its_reason() -> None:
    assert dump_explanation(None) == {
        "entry": None,
        "rule": None,
        "folded": None,
        "passed_over": [],
        "conditions": [],
    }
    (need,) = list_needs(Reason.HEADER_MISSING, None)
    assert "gateway.dialect" in need


def test_what_is_let_in_needs_nothing() -> None:
    assert list_needs(None, None) == []
    found = explain(make_facts("/a"), None, policy=POLICY, now=NOW)
    assert list_needs(None, found) == []


# Answers of the endpoints alone, never of the gate.
ELSEWHERE: Final = {
    Reason.CSRF_TOKEN,
    Reason.INVALID_CREDENTIALS,
    Reason.INVALID_GRANT,
    Reason.OTP_INVALID,
    Reason.OTP_REQUIRED,
}


@pytest.mark.parametrize("reason", sorted(set(Reason) - ELSEWHERE))
def test_for_every_reason_of_the_gate_there_is_something_to_do(reason: Reason) -> None:
    of_condition = {each.reason for each in ORDER}
    assert bool(list_needs(reason, None)) is (reason not in of_condition)


MANY: Final = frozenset(f"n{number:03}" for number in range(MOST_NAMED + 1))
NETWORKS: Final = tuple(ip_network(f"10.0.{number}.0/24") for number in range(MOST_NAMED + 1))


@pytest.mark.parametrize(
    "condition", [Users(MANY), Roles(MANY), Scope(MANY), Amr(MANY), Networks(NETWORKS)]
)
def test_a_long_list_is_cut_and_says_so(condition: Condition) -> None:
    wanted = list_wanted(condition)
    assert (len(wanted), wanted[-1]) == (MOST_NAMED + 1, "and 1 more")


def test_a_list_of_the_most_values_is_told_whole() -> None:
    assert len(list_wanted(Users(MANY - {"n000"}))) == MOST_NAMED
    assert "and 1 more" not in list_wanted(Users(MANY - {"n000"}))


def test_of_many_rules_that_were_passed_over_the_first_are_told() -> None:
    rules = [Rule("/", Access(), line, methods=frozenset({f"M{line}"})) for line in range(1, 60)]
    found = explain(make_facts("/"), None, policy=Policy({HOST: rules}), now=NOW)
    dumped: dict[str, Any] = dump_explanation(found)
    assert [each["line"] for each in dumped["passed_over"]] == list(range(1, MOST_PASSED_OVER + 1))
    assert len(list_needs(Reason.NO_RULE, found)) == 1 + MOST_PASSED_OVER
