"""The rule that decides: of one host, the first that matches; no rule, nobody."""

from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from sidecar.core.access import Access, Roles
from sidecar.core.facts import Host, RequestFacts
from sidecar.core.policy import HostRules, Policy, Rule, WhenStale, wildcards
from sidecar.core.verdict import Deny, Reason
from tests.core.asking import find_rule, make_facts

ANYONE, SIGNED_IN = Access(anyone=True), Access()
STAFF = Access.of(Roles(frozenset({"staff"})))
ADMIN = Access.of(Roles(frozenset({"admin"})))
NO_RULE, AMBIGUOUS = Deny(Reason.NO_RULE), Deny(Reason.PATH_AMBIGUOUS)


def _at(host: str, path: str) -> RequestFacts:
    return make_facts(path, host=Host(host, None))


def _path(found: Rule | Deny) -> str | Deny:
    return found if isinstance(found, Deny) else found.path


@pytest.mark.parametrize(
    ("pattern", "held", "not_held"),
    [
        ("/", ["/"], ["/a", "/a/", ""]),
        ("/a", ["/a"], ["/", "/a/", "/a/b", "/ab", "/b", "/b/a"]),
        ("/a/", ["/a/"], ["/a", "/a/b", "/"]),
        ("/**", ["/", "/a", "/a/", "/a/b/c"], []),
        ("/a/**", ["/a", "/a/", "/a/b", "/a/b/c/"], ["/", "/ab", "/ab/c", "/b/a", "/b/a/c"]),
        ("/*", ["/a", "/*", "/**"], ["/", "/a/", "/a/b"]),
        ("/*/", ["/a/"], ["/a", "/", "/a/b"]),
        ("/a/*", ["/a/b", "/a/*"], ["/a", "/a/", "/a/b/", "/a/b/c"]),
        ("/*/b", ["/a/b"], ["/b", "/a/b/", "/a/c", "/a/a/b"]),
        ("/*/b/**", ["/a/b", "/a/b/", "/c/b/d"], ["/a", "/b", "/a/c/b"]),
        ("/a/*/c/**", ["/a/b/c", "/a/b/c/d"], ["/a/c", "/a/b/b/c", "/a/b/d"]),
        ("/\u00e9/**", ["/\u00e9/x"], ["/e/x", "/%c3%a9/x"]),
        ("/a b", ["/a b"], ["/a%20b", "/a", "/a+b"]),
    ],
)
def test_a_pattern_holds_whole_segments(
    pattern: str, held: Sequence[str], not_held: Sequence[str]
) -> None:
    rules = HostRules([Rule(pattern, SIGNED_IN)])
    for path in held:
        assert _path(find_rule(rules, path)) == pattern
    for path in not_held:
        assert find_rule(rules, path) == NO_RULE


ORDERED = [
    Rule("/public/**", ANYONE),
    Rule("/admin/status", SIGNED_IN),
    Rule("/admin/**", ADMIN),
    Rule("/*/own", STAFF),
    Rule("/**", SIGNED_IN),
    Rule("/late/**", ANYONE),
]


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("/public", "/public/**"),
        ("/public/own", "/public/**"),
        ("/admin", "/admin/**"),
        ("/admin/status", "/admin/status"),
        ("/admin/status/", "/admin/**"),
        ("/admin/own", "/admin/**"),
        ("/x/own", "/*/own"),
        ("/late/own", "/*/own"),
        ("/late/x", "/**"),
        ("/", "/**"),
        ("/publicity", "/**"),
    ],
)
def test_the_first_rule_that_matches_decides(path: str, pattern: str) -> None:
    assert _path(find_rule(ORDERED, path)) == pattern


@pytest.mark.parametrize(
    "path",
    ["/Admin", "/ADMIN/", "/aDmin/x", "/admin/Status", "/Public", "/PUBLIC/x", "/x/OWN",
     "/\u017ftatus/own".replace("own", "Own")],
)  # fmt: skip
def test_a_path_that_another_rule_holds_in_another_case_is_ambiguous(path: str) -> None:
    assert find_rule(ORDERED, path) == AMBIGUOUS


def test_another_case_is_no_matter_where_the_same_people_may_enter() -> None:
    rules = HostRules([Rule("/a/**", STAFF), Rule("/**", STAFF)])
    assert _path(find_rule(rules, "/A/x")) == "/**"


@pytest.mark.parametrize("path", ["/A", "/A/x", "/SS"])
def test_a_path_that_no_rule_holds_stays_without_one_in_any_case(path: str) -> None:
    assert find_rule(HostRules([Rule("/a/**", ANYONE), Rule("/\u00df", ANYONE)]), path) == NO_RULE


def test_folding_reaches_letters_beyond_ascii() -> None:
    rules = HostRules([Rule("/stra\u00dfe/**", ADMIN), Rule("/**", ANYONE)])
    for path in ("/STRASSE", "/strasse/x", "/STRA\u1e9eE"):
        assert find_rule(rules, path) == AMBIGUOUS


HOSTS = Policy(
    {
        "app.example.com": [Rule("/app", SIGNED_IN)],
        "*.example.com": [Rule("/one", SIGNED_IN)],
        "*.tools.example.com": [Rule("/two", SIGNED_IN)],
        "[::1]": [Rule("/six", SIGNED_IN)],
        "10.0.0.1": [Rule("/four", SIGNED_IN)],
    }
)


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("app.example.com", "/app"),
        ("x.example.com", "/one"),
        ("x.y.example.com", "/one"),
        ("x.app.example.com", "/one"),
        ("tools.example.com", "/one"),
        ("a.tools.example.com", "/two"),
        ("a.b.tools.example.com", "/two"),
        ("[::1]", "/six"),
        ("10.0.0.1", "/four"),
    ],
)
def test_the_exact_host_wins_then_the_longest_wildcard_and_no_other_rule_applies(
    host: str, path: str
) -> None:
    assert HOSTS.holds(host)
    for asked in ("/app", "/one", "/two", "/six", "/four"):
        assert _path(HOSTS.match(_at(host, asked))) == (path if asked == path else NO_RULE)


@pytest.mark.parametrize(
    "host",
    ["example.com", "com", "", "evil.com", "xexample.com", "app.example.com.evil.com", "10.0.0.2",
     "[::2]", "[::1].example.org", ".", "localhost", "*.example.org", "APP.EXAMPLE.ORG"],
)  # fmt: skip
def test_a_host_of_no_entry_has_no_rule(host: str) -> None:
    assert not HOSTS.holds(host)
    assert HOSTS.match(_at(host, "/one")) == NO_RULE


def test_an_empty_policy_denies_everything() -> None:
    assert Policy({}).match(_at("app.example.com", "/")) == NO_RULE
    assert len(Policy({})) == 0
    assert Policy({}).hosts == ()


def test_a_host_without_rules_denies_everything_even_below_a_wildcard() -> None:
    policy = Policy({"a.example.com": [], "*.example.com": [Rule("/**", ANYONE)]})
    assert policy.match(_at("a.example.com", "/")) == NO_RULE


def test_a_policy_counts_its_rules_and_keeps_the_order_of_its_hosts() -> None:
    assert len(HOSTS) == 5
    assert HOSTS.hosts[:3] == ("app.example.com", "*.example.com", "*.tools.example.com")


@pytest.mark.parametrize(
    ("host", "names"),
    [
        ("a.b.c", ["*.b.c", "*.c"]),
        ("a.b", ["*.b"]),
        ("a", []),
        ("", []),
        ("[::1]", []),
        ("[::ffff:1.2.3.4]", []),
    ],
)
def test_a_wildcard_never_holds_its_own_domain(host: str, names: list[str]) -> None:
    assert list(wildcards(host)) == names


STAFF_OR_NOT = [
    Rule("/a/**", STAFF, methods=frozenset({"POST"})),
    Rule("/a/**", ADMIN, networks=(ip_network("10.0.0.0/8"), ip_network("fd00::/8"))),
    Rule("/a/**", Access(preflight=True)),
    Rule("/a/b", ANYONE, methods=frozenset({"GET", "HEAD"}), networks=(ip_network("192.0.2.7"),)),
    Rule("/a/**", SIGNED_IN),
    Rule("/b", ANYONE, methods=frozenset({"GET", "HEAD"})),
    Rule("/c", Access(preflight=True)),
    Rule("/d", ANYONE, networks=(ip_network("10.0.0.0/8"),)),
]


@pytest.mark.parametrize(
    ("path", "asked", "decides"),
    [
        ("/a/x", {}, 4),
        ("/a/x", {"method": "POST"}, 0),
        ("/a/x", {"method": "post"}, 4),
        ("/a/x", {"method": "POST", "address": ip_address("10.0.0.1")}, 0),
        ("/a/x", {"address": ip_address("10.0.0.0")}, 1),
        ("/a/x", {"address": ip_address("10.255.255.255")}, 1),
        ("/a/x", {"address": ip_address("9.255.255.255")}, 4),
        ("/a/x", {"address": ip_address("11.0.0.0")}, 4),
        ("/a/x", {"address": ip_address("fdff::1")}, 1),
        ("/a/x", {"address": ip_address("fe00::1")}, 4),
        ("/a/x", {"method": "OPTIONS"}, 4),
        ("/a/x", {"method": "OPTIONS", "preflight": True}, 2),
        ("/a/b", {"address": ip_address("192.0.2.7")}, 3),
        ("/a/b", {"address": ip_address("192.0.2.7"), "method": "HEAD"}, 3),
        ("/a/b", {"address": ip_address("192.0.2.7"), "method": "PUT"}, 4),
        ("/a/b", {"address": ip_address("192.0.2.6")}, 4),
        ("/b", {}, 5),
        ("/b", {"method": "POST"}, None),
        ("/b", {"method": "get"}, None),
        ("/c", {"preflight": True, "method": "OPTIONS"}, 6),
        ("/c", {"method": "OPTIONS"}, None),
        ("/c", {}, None),
        ("/d", {"address": ip_address("10.1.2.3")}, 7),
        ("/d", {"address": ip_address("192.0.2.7")}, None),
        ("/d", {}, None),
    ],
)
def test_a_rule_about_other_requests_is_passed_over(
    path: str, asked: dict[str, Any], decides: int | None
) -> None:
    expected = NO_RULE if decides is None else STAFF_OR_NOT[decides]
    assert find_rule(STAFF_OR_NOT, path, **asked) == expected


def test_a_path_is_ambiguous_only_for_requests_that_another_case_would_judge_otherwise() -> None:
    rules = [Rule("/Admin", ADMIN, methods=frozenset({"POST"})), Rule("/**", SIGNED_IN)]
    assert find_rule(rules, "/admin", method="POST") == AMBIGUOUS
    assert find_rule(rules, "/admin") == rules[1]
    assert find_rule(rules, "/Admin", method="POST") == rules[0]


def test_rules_that_differ_in_an_outage_are_two_readings() -> None:
    stale = Rule("/A", SIGNED_IN, when_stale=WhenStale.ALLOW)
    assert find_rule([stale, Rule("/**", SIGNED_IN)], "/a") == AMBIGUOUS


def test_a_policy_tells_the_rules_of_an_entry() -> None:
    assert HOSTS.rules_of("*.tools.example.com") == (Rule("/two", SIGNED_IN),)
    assert HOSTS.find_entry("a.tools.example.com") == "*.tools.example.com"
    assert HOSTS.find_entry("example.com") is None
