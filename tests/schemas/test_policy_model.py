"""A policy decides as a plain reading of its YAML says, rule by rule, without any index."""

import json
import re
from ipaddress import ip_address, ip_network
from typing import Any

from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from sidecar.core.access import judge_access
from sidecar.core.addresses import Address
from sidecar.core.facts import Host, RequestFacts
from sidecar.core.policy import Policy, Rule
from sidecar.core.verdict import Deny, Reason
from sidecar.errors import DocumentInvalid
from sidecar.schemas.policy import parse_rules
from tests.core.asking import make_asker, make_facts
from tests.core.forge import NOW
from tests.schemas.policies import NAME

Written = dict[str, Any]

DURATIONS = {"30s": 30, "5m": 300, "1h1s": 3601}
NETWORKS = ["10.0.0.0/8", "10.1.0.0/16", "192.0.2.7", "2001:db8::/32"]
METHODS = ["GET", "HEAD", "PUT", "OPTIONS"]
NAMES = ["a", "b", "A", "\u00e9"]


def some(values: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True)


PATHS = st.builds(
    lambda segments, end: "/" + "/".join([*segments, *end]),
    st.lists(st.sampled_from([*NAMES, "*"]), max_size=2),
    st.sampled_from([[], [""], ["**"]]),
).filter(lambda path: "//" not in path)
ALLOWS = st.sampled_from(["anyone", "signed-in", "preflight"]) | st.fixed_dictionaries(
    {},
    optional={
        "roles": some(["staff", "ops"]),
        "scope": some(["read", "write"]),
        "users": some(["alice", "BOB"]),
        "networks": some(NETWORKS),
        "amr": some(["otp", "pwd"]),
        "max_age": st.sampled_from(list(DURATIONS)),
    },
).filter(bool)
RULES = st.fixed_dictionaries(
    {"path": PATHS, "allow": ALLOWS},
    optional={"methods": some(METHODS), "networks": some(NETWORKS)},
).filter(lambda rule: rule["allow"] != "preflight" or "OPTIONS" in rule.get("methods", METHODS))
HOSTS = st.dictionaries(
    st.sampled_from(["x.example", "*.example", "*.y.example"]),
    st.lists(RULES, min_size=1, max_size=5),
    min_size=1,
)
ADDRESSES = st.sampled_from(
    [None, *map(ip_address, ("10.1.2.3", "10.2.2.3", "192.0.2.7", "2001:db8::7", "::1"))]
)
FACTS = st.builds(
    lambda method, host, segments, end, address, preflight: make_facts(
        "/" + "/".join([*segments, *end]),
        method=method,
        host=Host(host, None),
        address=address,
        preflight=preflight and method == "OPTIONS",
    ),
    st.sampled_from([*METHODS, "PATCH"]),
    st.sampled_from(["x.example", "y.example", "z.y.example", "example"]),
    st.lists(st.sampled_from([*NAMES, "c"]), min_size=1, max_size=3),
    st.sampled_from([[], [""]]),
    ADDRESSES,
    st.booleans(),
)
PEOPLE = st.fixed_dictionaries(
    {
        "username": st.sampled_from(["alice", "bob", "carol", None]),
        "roles": st.frozensets(st.sampled_from(["staff", "ops", "admin"])),
        "scopes": st.frozensets(st.sampled_from(["read", "write", "x"])),
        "amr": st.frozensets(st.sampled_from(["otp", "pwd", "hwk"])),
        "auth_time": st.sampled_from([None, *(NOW - age for age in (0, 30, 31, 300, 301, 3602))]),
    }
)


def load(hosts: dict[str, list[Written]]) -> Policy:
    """Return the policy of these hosts; rules that can never be reached are left out of them.

    JSON is YAML, without the aliases that are not read here.
    """
    while True:
        try:
            return Policy(parse_rules(json.dumps({"hosts": hosts}, ensure_ascii=False), NAME))
        except DocumentInvalid as error:
            for problem in reversed(error.problems):
                found = re.search(r": hosts\.(.+)\.([0-9]+): is never reached", problem)
                assert found, problem
                del hosts[found[1]][int(found[2])]


def find_host(hosts: dict[str, list[Written]], host: str) -> str | None:
    """Return the entry that holds a host: the longest that does, itself before a wildcard."""
    holding = [each for each in hosts if each == host or host.endswith(each.removeprefix("*"))]
    exact = [each for each in holding if "*" not in each]
    return max(exact or holding, key=len, default=None)


def holds(pattern: str, path: str) -> bool:
    """Say whether a pattern holds a path, as one would write it as an expression."""
    head, rest = (pattern[:-3], "(/.*)?") if pattern.endswith("/**") else (pattern, "")
    return bool(re.fullmatch(re.escape(head).replace(r"\*", "[^/]+") + rest, path))


def is_in(address: Address | None, networks: list[str]) -> bool:
    return address is not None and any(address in ip_network(each) for each in networks)


def find_rule(rules: list[Written], facts: RequestFacts, *, folded: bool) -> Written | None:
    """Return the first rule about a request; `folded`: to a server that ignores case."""
    for rule in rules:
        pattern, path = rule["path"], facts.path
        if folded:
            pattern, path = pattern.casefold(), path.casefold()
        methods = set(rule.get("methods", [facts.method]))
        if (
            holds(pattern, path)
            and facts.method in methods | ({"HEAD"} if "GET" in methods else set())
            and ("networks" not in rule or is_in(facts.address, rule["networks"]))
            and (rule["allow"] != "preflight" or facts.preflight)
        ):
            return rule
    return None


def may_pass(allow: Written, address: Address | None, person: dict[str, Any]) -> bool:
    """Say whether somebody meets everything under `allow`."""
    age = None if person["auth_time"] is None else NOW - person["auth_time"]
    users = [name.casefold() for name in allow.get("users", [])]
    return (
        ("users" not in allow or person["username"] in users)
        and ("roles" not in allow or bool(person["roles"] & set(allow["roles"])))
        and set(allow.get("scope", [])) <= person["scopes"]
        and ("networks" not in allow or is_in(address, allow["networks"]))
        and ("amr" not in allow or bool(person["amr"] & set(allow["amr"])))
        and ("max_age" not in allow or (age is not None and age <= DURATIONS[allow["max_age"]]))
    )


@effort(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(hosts=HOSTS, asked=st.lists(FACTS, min_size=2, max_size=8), person=PEOPLE)
def test_a_policy_decides_as_its_yaml_reads(
    hosts: dict[str, list[Written]], asked: list[RequestFacts], person: dict[str, Any]
) -> None:
    policy = load(hosts)
    for facts in asked:
        entry = find_host(hosts, facts.host.name)
        rules = hosts[entry] if entry is not None else []
        meant = find_rule(rules, facts, folded=False)
        read = policy.match(facts)
        if meant is None:
            assert read == Deny(Reason.NO_RULE)
            continue
        other = find_rule(rules, facts, folded=True)
        if other is None or not _let_the_same_in(meant, other):
            assert read == Deny(Reason.PATH_AMBIGUOUS)
            continue
        assert isinstance(read, Rule)
        assert read.path == meant["path"]
        if isinstance(meant["allow"], dict):
            asker = make_asker(facts.address, **person)
            allowed = judge_access((read.access,), asker) is None
            assert allowed is may_pass(meant["allow"], facts.address, person)
        else:
            assert not read.access.conditions
            assert read.access.anyone is (meant["allow"] == "anyone")
            assert read.access.preflight is (meant["allow"] == "preflight")


def _let_the_same_in(one: Written, other: Written) -> bool:
    return _sets(one["allow"]) == _sets(other["allow"])


def _sets(allow: str | Written) -> object:
    if isinstance(allow, str):
        return allow
    # Networks keep their order: two orders of one set count as two.
    return {
        key: frozenset(value) if isinstance(value, list) and key != "networks" else value
        for key, value in allow.items()
    }


@effort(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(
    hosts=HOSTS,
    more=st.lists(RULES, min_size=1, max_size=3),
    asked=st.lists(FACTS, min_size=2, max_size=8),
)
def test_rules_above_open_nothing_that_they_are_not_about(
    hosts: dict[str, list[Written]], more: list[Written], asked: list[RequestFacts]
) -> None:
    before = load(hosts)
    after = load({host: [*more, *rules] for host, rules in hosts.items()})
    for facts in asked:
        refused = before.match(facts) == Deny(Reason.NO_RULE)
        if refused and find_rule(more, facts, folded=False) is None:
            assert after.match(facts) == Deny(Reason.NO_RULE)
