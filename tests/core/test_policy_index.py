"""The index of a policy finds what a plain reading of the list finds."""

import re
from collections.abc import Sequence

from hypothesis import example, given
from hypothesis import strategies as st

from sidecar.core.policy import Access, HostRules, Policy, Rule
from sidecar.core.verdict import Deny, Reason
from tests.core.properties import ANY_TEXT, THOROUGH

ANYONE, SIGNED_IN, STAFF = Access(anyone=True), Access(), Access(roles=frozenset({"staff"}))
NO_RULE, AMBIGUOUS = Deny(Reason.NO_RULE), Deny(Reason.PATH_AMBIGUOUS)


def _holds(pattern: str, path: str) -> bool:
    """Read a pattern the plain way: as a regular expression over the whole path."""
    head, below, _ = pattern.partition("/**")
    expression = "".join("[^/]+" if part == "*" else re.escape(part) for part in _parts(head))
    return re.fullmatch(expression + ("(/.*)?" if below else ""), path, re.DOTALL) is not None


def _parts(head: str) -> list[str]:
    return re.split(r"(?<=/)(\*)(?=/|$)", head)


def _first(rules: Sequence[Rule], path: str) -> Rule | None:
    return next((rule for rule in rules if _holds(rule.path, path)), None)


def _linear(rules: Sequence[Rule], path: str) -> Rule | Deny:
    exact = _first(rules, path)
    if exact is None:
        return NO_RULE
    folded = [Rule(rule.path.casefold(), rule.access) for rule in rules]
    other = _first(folded, path.casefold())
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
RULES = st.lists(st.builds(Rule, PATTERNS, st.sampled_from([ANYONE, SIGNED_IN, STAFF])), max_size=8)


@THOROUGH
@given(rules=RULES, paths=st.lists(PATHS, min_size=1, max_size=6))
@example(rules=[Rule("/*/b", STAFF), Rule("/a/**", ANYONE)], paths=["/a/b", "/a/b/", "/a/"])
def test_the_index_finds_what_a_plain_reading_of_the_list_finds(
    rules: list[Rule], paths: list[str]
) -> None:
    indexed = HostRules(rules)
    for path in paths:
        assert indexed.match(path) == _linear(rules, path)


@THOROUGH
@given(rules=RULES, path=ANY_TEXT, host=ANY_TEXT)
def test_any_text_as_host_or_path_has_a_rule_or_none(
    rules: list[Rule], path: str, host: str
) -> None:
    policy = Policy({"*.a": rules})
    assert isinstance(policy.match(host, path), Rule | Deny)
    assert isinstance(policy.match("b.a", "/" + path), Rule | Deny)
