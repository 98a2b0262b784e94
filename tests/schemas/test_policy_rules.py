"""One rule: every key of the language, and what it means."""

from ipaddress import ip_network
from typing import Any

import pytest

from sidecar.core.access import Access, Amr, Condition, MaxAge, Networks, Roles, Scope, Users
from sidecar.core.policy import WhenStale
from sidecar.schemas.policy import parse_rules
from tests.schemas.policies import NAME, parse_rule, write


def _networks(*texts: str) -> tuple[Any, ...]:
    return tuple(map(ip_network, texts))


@pytest.mark.parametrize(
    ("allow", "access"),
    [
        ("anyone", Access(anyone=True)),
        ("signed-in", Access()),
        ("preflight", Access(preflight=True)),
    ],
)
def test_a_word_lets_in_anyone_or_who_is_signed_in_or_preflights(
    allow: str, access: Access
) -> None:
    assert parse_rule(f"{{path: /, allow: {allow}}}").access == access


@pytest.mark.parametrize(
    ("key", "condition"),
    [
        ("roles: [staff, team:ops]", Roles(frozenset({"staff", "team:ops"}))),
        ("scope: [orders:read, 'a!']", Scope(frozenset({"orders:read", "a!"}))),
        ("users: [alice]", Users(frozenset({"alice"}))),
        ("users: [ALICE, Stra\u00dfe, '\uff42ob']", Users(frozenset({"alice", "strasse", "bob"}))),
        ("networks: [10.0.0.0/8, 192.0.2.7]", Networks(_networks("10.0.0.0/8", "192.0.2.7"))),
        ("networks: ['2001:db8::/32', '::1']", Networks(_networks("2001:db8::/32", "::1"))),
        ("amr: [otp, hwk]", Amr(frozenset({"otp", "hwk"}))),
        ("max_age: 15m", MaxAge(900)),
        ("max_age: 1h30m", MaxAge(5400)),
        ("max_age: 1s", MaxAge(1)),
        ("max_age: 400d", MaxAge(400 * 86_400)),
    ],
)
def test_each_condition_is_read(key: str, condition: Condition) -> None:
    assert parse_rule(f"{{path: /, allow: {{{key}}}}}").access == Access.of(condition)


def test_all_conditions_of_a_rule_must_hold() -> None:
    rule = parse_rule("{path: /, allow: {max_age: 5m, amr: [otp], scope: [a], roles: [b]}}")
    assert rule.access.conditions == (
        Roles(frozenset({"b"})),
        Scope(frozenset({"a"})),
        Amr(frozenset({"otp"})),
        MaxAge(300),
    )


@pytest.mark.parametrize(
    ("methods", "meant"),
    [
        ("[GET]", {"GET", "HEAD"}),
        ("[GET, HEAD]", {"GET", "HEAD"}),
        ("[HEAD]", {"HEAD"}),
        ("[POST, PUT]", {"POST", "PUT"}),
        ("[M-SEARCH]", {"M-SEARCH"}),
        ("['*']", {"*"}),  # a token like any other
        ("[" + "X" * 32 + "]", {"X" * 32}),
    ],
)
def test_get_holds_head_and_no_other_method_holds_another(methods: str, meant: set[str]) -> None:
    assert parse_rule(f"{{path: /, methods: {methods}, allow: anyone}}").methods == frozenset(meant)


def test_a_rule_without_methods_and_networks_is_about_all() -> None:
    rule = parse_rule("{path: /, allow: anyone}")
    assert (rule.methods, rule.networks, rule.when_stale) == (None, None, None)
    assert rule.max_staleness is None


def test_networks_beside_the_path_say_what_a_rule_is_about() -> None:
    rule = parse_rule("{path: /metrics, networks: [10.0.0.0/8], allow: anyone}")
    assert rule.networks == _networks("10.0.0.0/8")
    assert rule.access == Access(anyone=True)


def test_a_preflight_may_stand_among_other_methods() -> None:
    rule = parse_rule("{path: /, methods: [OPTIONS, PUT], allow: preflight}")
    assert rule.methods == frozenset({"OPTIONS", "PUT"})


@pytest.mark.parametrize("word", ["deny", "allow"])
def test_a_rule_says_what_holds_while_the_view_is_too_old(word: str) -> None:
    rule = parse_rule(f"{{path: /, when_stale: {word}, allow: signed-in}}")
    assert rule.when_stale is WhenStale(word)


@pytest.mark.parametrize(
    ("text", "seconds"), [("2s", 2), ("1m30s", 90), ("5m", 300), ("24h", 86_400), ("1d", 86_400)]
)
def test_a_rule_says_how_old_the_view_may_be_within_the_bounds_of_the_setting(
    text: str, seconds: int
) -> None:
    rule = parse_rule(f"{{path: /, max_staleness: {text}, allow: signed-in}}")
    assert (rule.max_staleness, rule.when_stale) == (seconds, None)


def test_rules_that_say_the_same_share_what_they_say() -> None:
    """Ten thousand rules have few sets of roles: the memory is that of the few."""
    rule = "{path: /PATH, methods: [GET, PUT], networks: [10.0.0.0/8], allow: {roles: [b, a]}}"
    text = write(*(rule.replace("PATH", path) for path in ("a", "b")))
    first, second = parse_rules(text, NAME)["a.example"]
    assert first.access is second.access
    assert first.methods is second.methods
    assert first.networks is second.networks
