"""Where method, host and path alone tell which rule decides."""

from ipaddress import ip_address, ip_network

import pytest

from sidecar.core.access import Access
from sidecar.core.facts import Asked, Host
from sidecar.core.policy import Policy, Rule
from tests.core.asking import make_facts
from tests.core.forge import HOST

SIGNED_IN = Access()
GET = frozenset({"GET", "HEAD"})
NEAR = (ip_network("10.0.0.0/8"),)

ALL = Rule("/**", SIGNED_IN, 9)
READ = Rule("/a/**", SIGNED_IN, 1, methods=GET)
INSIDE = Rule("/a/**", SIGNED_IN, 2, networks=NEAR)
PREFLIGHT = Rule("/a/**", Access(preflight=True), 3)
CASED = Rule("/A/**", Access(anyone=True), 4)


def ask(method: str = "GET", host: str = HOST) -> Asked:
    return Asked(method, "https", Host(host, None), "/a/b", "/a/b")


@pytest.mark.parametrize(
    ("rules", "method", "found"),
    [
        ([ALL], "GET", ALL),
        ([READ, ALL], "GET", READ),
        ([READ, ALL], "POST", ALL),
        ([READ], "POST", None),
        ([], "GET", None),
        ([INSIDE, ALL], "GET", None),
        ([ALL, INSIDE], "GET", ALL),  # the first is about every request, and the other never asked
        ([PREFLIGHT, ALL], "OPTIONS", None),
        ([CASED, ALL], "GET", None),  # /a might be read as /A
    ],
    ids=[
        *("all", "method", "another method", "no method", "no rule", "network", "behind all"),
        *("preflight", "case"),
    ],
)
def test_a_plain_rule_is_the_one_that_decides(
    rules: list[Rule], method: str, found: Rule | None
) -> None:
    policy = Policy({HOST: rules})
    assert policy.find_plain(ask(method)) is found
    if found is not None:
        for address in (None, ip_address("10.0.0.1"), ip_address("192.0.2.1")):
            for preflight in (False, True):
                facts = make_facts("/a/b", method=method, address=address, preflight=preflight)
                assert policy.match(facts) is found


def test_no_rule_is_plain_on_a_host_that_has_none() -> None:
    assert Policy({HOST: [ALL]}).find_plain(ask(host="other.example")) is None


def test_what_one_policy_noted_is_not_taken_for_what_another_says() -> None:
    asked = ask()
    assert Policy({HOST: [ALL]}).find_plain(asked) is ALL
    assert Policy({HOST: [READ, ALL]}).find_plain(asked) is READ
    assert Policy({}).find_plain(asked) is None
