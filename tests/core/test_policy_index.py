"""The index of a policy finds what a plain reading of the list finds."""

import re
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address, ip_network

from hypothesis import example, given
from hypothesis import strategies as st

from sidecar.core.access import Access, Roles
from sidecar.core.facts import Host, RequestFacts
from sidecar.core.policy import Policy, Rule
from sidecar.core.verdict import Deny, Reason
from tests.core.asking import make_facts
from tests.core.forge import HOST
from tests.core.properties import ANY_TEXT, THOROUGH

ANYONE, SIGNED_IN, PREFLIGHT = Access(anyone=True), Access(), Access(preflight=True)
STAFF = Access.of(Roles(frozenset({"staff"})))
NO_RULE, AMBIGUOUS = Deny(Reason.NO_RULE), Deny(Reason.PATH_AMBIGUOUS)


def _holds(pattern: str, path: str) -> bool:
    """Read a pattern the plain way: as a regular expression over the whole path."""
    head, below, _ = pattern.partition("/**")
    expression = "".join("[^/]+" if part == "*" else re.escape(part) for part in _parts(head))
    return re.fullmatch(expression + ("(/.*)?" if below else ""), path, re.DOTALL) is not None


def _parts(head: str) -> list[str]:
    return re.split(r"(?<=/)(\*)(?=/|$)", head)


def _first(rules: Sequence[Rule], facts: RequestFacts, path: str) -> Rule | None:
    return next(
        (rule for rule in rules if _holds(rule.path, path) and _is_about(rule, facts)), None
    )


def _is_about(rule: Rule, facts: RequestFacts) -> bool:
    return (
        (rule.methods is None or facts.method in rule.methods)
        and (rule.networks is None or any(facts.address in each for each in rule.networks))
        and (not rule.access.preflight or facts.preflight)
    )


def _linear(rules: Sequence[Rule], facts: RequestFacts) -> Rule | Deny:
    exact = _first(rules, facts, facts.path)
    if exact is None:
        return NO_RULE
    folded = [replace(rule, path=rule.path.casefold()) for rule in rules]
    other = _first(folded, facts, facts.path.casefold())
    return exact if other is not None and other.access == exact.access else AMBIGUOUS


SEGMENTS = st.sampled_from(["a", "A", "b", "a.b", "\u00df", "ss", "x*"])
PATHS = st.builds(
    lambda parts, slash: "/" + "/".join(parts) + ("/" if slash and parts else ""),
    st.lists(SEGMENTS, max_size=4),
    st.booleans(),
)
PATTERNS = st.builds(
    lambda parts, end: ("".join(f"/{part}" for part in parts) + end) or "/",
    st.lists(SEGMENTS | st.just("*"), max_size=4),
    st.sampled_from(["", "", "/", "/**", "/**"]),
)
RULES = st.lists(
    st.builds(
        Rule,
        path=PATTERNS,
        access=st.sampled_from([ANYONE, SIGNED_IN, STAFF, PREFLIGHT]),
        methods=st.sampled_from([None, None, frozenset({"GET", "HEAD"}), frozenset({"POST"})]),
        networks=st.sampled_from([None, None, (ip_network("10.0.0.0/8"),)]),
    ),
    max_size=8,
)
ASKED = st.builds(
    lambda path, method, address, preflight: make_facts(
        path, method=method, address=address, preflight=preflight
    ),
    PATHS,
    st.sampled_from(["GET", "HEAD", "POST", "OPTIONS"]),
    st.sampled_from([ip_address("10.0.0.1"), ip_address("192.0.2.1")]),
    st.booleans(),
)


@THOROUGH
@given(rules=RULES, asked=st.lists(ASKED, min_size=1, max_size=6))
@example(
    rules=[Rule("/*/b", STAFF), Rule("/a/**", ANYONE)],
    asked=[make_facts(path) for path in ("/a/b", "/a/b/", "/a/")],
)
def test_the_index_finds_what_a_plain_reading_of_the_list_finds(
    rules: list[Rule], asked: list[RequestFacts]
) -> None:
    policy = Policy({HOST: rules})
    for facts in asked:
        assert policy.match(facts) == _linear(rules, facts)


@THOROUGH
@given(rules=RULES, path=ANY_TEXT, host=ANY_TEXT)
def test_any_text_as_host_or_path_has_a_rule_or_none(
    rules: list[Rule], path: str, host: str
) -> None:
    policy = Policy({"*.a": rules})
    for facts in (
        make_facts(path, host=Host(host, None)),
        make_facts("/" + path, host=Host("b.a", None)),
    ):
        assert isinstance(policy.match(facts), Rule | Deny)
