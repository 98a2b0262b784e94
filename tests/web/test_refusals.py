"""The memory of refusals: the last ones, bounded, whatever strangers ask for."""

import tracemalloc
from collections.abc import Iterable
from ipaddress import ip_network
from typing import Final

import pytest

from sidecar.core.access import Access, Roles, Scope
from sidecar.core.explain import NO_PERSON, find_grounds
from sidecar.core.facts import RequestFacts
from sidecar.core.policy import Policy, Rule
from sidecar.core.principal import Principal
from sidecar.core.verdict import Reason
from sidecar.settings import Dialect
from sidecar.web.refusals import (
    LONGEST_PATH,
    MOST,
    MOST_TOLD,
    Refusal,
    Refusals,
    dump_refusal,
    keep_inputs,
)
from sidecar.web.unread import Unread
from tests.core.asking import make_facts
from tests.core.forge import HOST, NOW

POLICY: Final = Policy({HOST: [Rule("/**", Access.of(Roles(frozenset({"admin"}))), 3)]})


def _refusal(request_id: str, at: int = NOW, path: str = "/", policy: Policy = POLICY) -> Refusal:
    facts = make_facts(path)
    grounds = find_grounds(facts, policy=policy, now=at)
    return Refusal(request_id, at, Reason.NO_CREDENTIAL, keep_inputs(facts, None), grounds)


def _unread(request_id: str, target: str = "//") -> Refusal:
    unread = Unread(Dialect.TRAEFIK, "192.0.2.1", "GET", HOST, target)
    return Refusal(request_id, NOW, Reason.PATH_AMBIGUOUS, unread, None)


def _ids(refusals: Refusals, ids: Iterable[str]) -> list[str]:
    return [each for each in ids if refusals.find(each)]


def test_what_was_never_refused_is_unknown() -> None:
    assert Refusals().find("unknown-id") == []


def test_the_oldest_is_forgotten_first() -> None:
    refusals = Refusals(most=3)
    for number in range(5):
        refusals.add(_refusal(f"id-{number}"))
    assert len(refusals) == 3
    assert _ids(refusals, (f"id-{number}" for number in range(5))) == ["id-2", "id-3", "id-4"]


def test_an_id_that_stands_twice_has_all_its_refusals_the_newest_first() -> None:
    refusals = Refusals()
    for at in (NOW, NOW + 1, NOW + 2):
        refusals.add(_refusal("twice", at))
        refusals.add(_refusal("another", at))
    assert [each.at for each in refusals.find("twice")] == [NOW + 2, NOW + 1, NOW]


def test_of_an_id_that_stands_often_the_newest_are_told() -> None:
    refusals = Refusals()
    for number in range(MOST_TOLD + 1):
        refusals.add(_refusal("often", NOW + number))
    found = refusals.find("often")
    assert [found[0].at, found[-1].at, len(found)] == [NOW + MOST_TOLD, NOW + 1, MOST_TOLD]


def test_the_last_ten_thousand_are_kept_with_the_longest_paths() -> None:
    refusals = Refusals()
    for number in range(MOST + 1):
        refusals.add(_refusal(f"{number:018}", path="/" + "x" * 8000))
    assert MOST == 10_000
    assert len(refusals) == MOST
    assert refusals.find(f"{0:018}") == []
    assert len(refusals.find(f"{1:018}")) == 1


def _wide(number: int) -> RequestFacts:
    return make_facts(f"/{number:05}" + "\U0001f600" * 2000)


@pytest.mark.parametrize("principal", [None, NO_PERSON], ids=["nobody", "somebody"])
def test_its_octets_are_bounded_whatever_is_refused(
    principal: Principal | None,
) -> None:
    """Wide characters, long ids, and a rule of which each explanation lists many scopes."""
    scopes = frozenset(f"scope-{number}" for number in range(200))
    narrow = [
        Rule("/**", Access(), line, networks=(ip_network(f"10.0.0.{line}/32"),))
        for line in range(1, 50)
    ]
    policy = Policy({HOST: [*narrow, Rule("/**", Access.of(Scope(scopes)), 99)]})
    largest = 1_000_000
    refusals = Refusals(largest=largest)
    tracemalloc.start()
    try:
        for number in range(2000):
            facts = _wide(number)
            grounds = find_grounds(facts, policy=policy, now=NOW)
            why = grounds if principal is None else grounds.explain(principal)
            inputs = keep_inputs(facts, None)
            refusals.add(Refusal(f"{number:0128}", NOW, Reason.SCOPE_MISSING, inputs, why))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 0 < len(refusals) < 2000
    assert taken < largest


def test_what_could_not_be_read_counts_as_much_as_it_takes() -> None:
    refusals = Refusals(largest=1_000_000)
    tracemalloc.start()
    try:
        for number in range(5000):
            refusals.add(_unread(f"{number:0128}", "\U0001f600" * 255 + chr(65 + number % 26)))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 0 < len(refusals) < 5000
    assert taken < 1_000_000


def test_one_that_is_larger_than_all_is_not_kept() -> None:
    refusals = Refusals(largest=100)
    refusals.add(_refusal("too-large"))
    assert len(refusals) == 0
    refusals = Refusals(largest=1200)  # one has about 900, two do not fit
    refusals.add(_refusal("it-fits-1"))
    refusals.add(_refusal("it-fits-2"))
    assert _ids(refusals, ("it-fits-1", "it-fits-2")) == ["it-fits-2"]


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/" + "x" * (LONGEST_PATH - 1), "/" + "x" * (LONGEST_PATH - 1)),
        ("/" + "x" * LONGEST_PATH, "/" + "x" * (LONGEST_PATH - 1) + "..."),
    ],
)
def test_a_long_path_is_cut(path: str, kept: str) -> None:
    assert dump_refusal(_refusal("an-id-1", path=path), POLICY)["path"] == kept


@pytest.mark.parametrize(
    ("policy", "stands"),
    [
        (POLICY, True),
        (Policy({HOST: [Rule("/**", Access.of(Roles(frozenset({"admin"}))), 3)]}), True),
        (Policy({HOST: [Rule("/**", Access.of(Roles(frozenset({"admin"}))), 4)]}), False),
        (Policy({HOST: [Rule("/**", Access.of(Roles(frozenset({"ops"}))), 3)]}), False),
        (Policy({"*.example.com": [Rule("/**", Access(), 3)]}), False),
        (Policy({}), False),
    ],
)
def test_it_says_whether_the_policy_has_changed_since(policy: Policy, stands: bool) -> None:
    refusal = _refusal("an-id-1")
    dumped = dump_refusal(refusal, policy)
    assert dumped["rule_stands"] is stands
    assert dumped["rule"] == {"line": 3, "path": "/**"}
    assert dumped["needs"] == ["somebody who is signed in", "one of the roles admin"]


def test_where_no_rule_decided_none_stands() -> None:
    assert dump_refusal(_refusal("an-id-1", policy=Policy({})), POLICY)["rule_stands"] is None
    malformed = _unread("an-id-1")
    assert dump_refusal(malformed, POLICY)["rule_stands"] is None
