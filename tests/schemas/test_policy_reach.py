"""Rules that can never be reached, since one before them holds all their paths."""

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from sidecar.core.policy import Access, Policy, Rule
from sidecar.errors import DocumentInvalid
from sidecar.schemas.policy import parse_policy
from tests.schemas.policies import refuse, write


@pytest.mark.parametrize(
    ("earlier", "later", "reached"),
    [
        ("/**", "/a", False), ("/**", "/", False), ("/**", "/a/**", False), ("/**", "/*", False),
        ("/a", "/a", False), ("/a/**", "/a", False), ("/a/**", "/a/", False),
        ("/a/**", "/a/b/c", False), ("/a/**", "/a/*", False), ("/a/**", "/a/**", False),
        ("/*", "/a", False), ("/*", "/*", False), ("/*/b", "/a/b", False), ("/*/b", "/*/b", False),
        ("/*/**", "/a/**", False), ("/*/**", "/a", False), ("/a/*/", "/a/b/", False),
        ("/a", "/b", True), ("/a", "/A", True), ("/a", "/a/", True), ("/a/", "/a", True),
        ("/a", "/a/**", True), ("/a/*", "/a/**", True), ("/*", "/", True), ("/*", "/**", True),
        ("/*", "/a/", True), ("/*/", "/*", True), ("/a/*", "/*/a", True), ("/a/*", "/*/*", True),
        ("/a/**", "/**", True), ("/a/**", "/ab", True), ("/a/b/**", "/a/*", True),
        ("/*/b", "/a/*", True), ("/*/**", "/**", True), ("/*/**", "/", True),
    ],
)  # fmt: skip
def test_a_rule_that_can_never_be_reached_names_the_line_before_it(
    earlier: str, later: str, *, reached: bool
) -> None:
    rules = (f'{{path: "{earlier}", allow: signed-in}}', f'{{path: "{later}", allow: anyone}}')
    text = write("{path: /elsewhere, allow: anyone}", *rules)
    if reached:
        assert len(parse_policy(text, "policy.yaml")) == 3
    else:
        assert refuse(text) == [
            "policy.yaml:5: hosts.a.example.2: is never reached: the rule of line 4 is first"
        ]


def test_the_first_of_several_rules_before_it_is_named() -> None:
    rules = ("/a/*", "/*/b", "/a/b")
    text = write(*(f'{{path: "{path}", allow: anyone}}' for path in rules))
    (problem,) = refuse(text)
    assert problem.endswith("hosts.a.example.2: is never reached: the rule of line 3 is first")


def test_rules_of_another_host_hide_nothing() -> None:
    rules = "[{path: /**, allow: anyone}]"
    text = f'hosts: {{a.example: {rules}, "*.example": {rules}}}'
    assert len(parse_policy(text, "policy.yaml")) == 2


SEGMENTS = st.sampled_from(["a", "b", "*", ""])
PATTERNS = st.builds(
    lambda segments, end: "/" + "/".join([*(s for s in segments[:-1] if s), *segments[-1:], *end]),
    st.lists(SEGMENTS, min_size=1, max_size=3),
    st.sampled_from([[], ["**"]]),
).filter(lambda pattern: "//" not in pattern)


@effort(deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(patterns=st.lists(PATTERNS, min_size=2, max_size=5, unique=True))
def test_a_rule_is_hidden_where_one_before_it_holds_all_its_paths(patterns: list[str]) -> None:
    names = ["a", "b", "c", ""]
    paths = [f"/{x}" for x in names]
    paths += [f"/{x}/{y}" for x in names[:3] for y in names]
    paths += [f"/{x}/{y}/{z}" for x in names[:3] for y in names[:3] for z in names]
    paths += [f"/{x}/{y}/{z}/c" for x in names[:3] for y in names[:3] for z in names[:3]]
    text = write(*(f'{{path: "{pattern}", allow: signed-in}}' for pattern in patterns))
    held = [
        {path for path in paths if isinstance(_only(pattern).match("h", path), Rule)}
        for pattern in patterns
    ]
    hidden = [
        index
        for index in range(len(patterns))
        if any(held[index] <= earlier for earlier in held[:index])
    ]
    told = []
    try:
        parse_policy(text, "policy.yaml")
    except DocumentInvalid as error:
        told = [int(problem.split(":")[1]) - 3 for problem in error.problems]
    assert told == hidden


def _only(pattern: str) -> Policy:
    return Policy({"h": [Rule(pattern, Access())]})


def test_ten_thousand_rules_are_read_in_the_time_of_their_number() -> None:
    # Compared with each other, a hundred million pairs would take minutes.
    rules = (f"{{path: /api/v{n}/**, allow: {{roles: [r{n}]}}}}" for n in range(10_000))
    assert len(parse_policy(write(*rules), "policy.yaml")) == 10_000
