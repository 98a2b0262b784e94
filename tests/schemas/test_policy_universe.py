"""Rules that can never be reached: exactly those that no request of a small universe reaches."""

import itertools
from ipaddress import ip_address

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from sidecar.core.policy import Policy
from sidecar.errors import DocumentInvalid
from sidecar.schemas.policy import parse_rules
from tests.core.asking import make_facts
from tests.schemas.policies import NAME, write

SEGMENTS = st.sampled_from(["a", "b", "*", ""])
PATTERNS = st.builds(
    lambda segments, end: "/" + "/".join([*(s for s in segments[:-1] if s), *segments[-1:], *end]),
    st.lists(SEGMENTS, min_size=1, max_size=2),
    st.sampled_from([[], ["**"]]),
).filter(lambda pattern: "//" not in pattern)
METHODS = st.sampled_from(["", "", "GET", "PUT", "OPTIONS", "GET, PUT", "PUT, OPTIONS"])
NETWORKS = st.sampled_from(
    ["", "", "10.0.0.0/31", "10.0.0.0", "10.0.0.1", "10.0.0.0/30", "10.0.0.2/31", "'::/0'"]
)
RULES = st.builds(
    lambda path, methods, networks, allow: (
        f'{{path: "{path}"'
        + (f", methods: [{methods}]" if methods else "")
        + (f", networks: [{networks}]" if networks else "")
        + f", allow: {allow}}}"
    ),
    PATTERNS,
    METHODS,
    NETWORKS,
    st.sampled_from(["signed-in", "signed-in", "signed-in", "preflight"]),
).filter(lambda rule: "preflight" not in rule or "methods" not in rule or "OPTIONS" in rule)

# All that rules like these can tell apart: `c` and PATCH are named by none of them.
_NAMES = ["a", "b", "c"]
PATHS = [
    *(f"/{end}" for end in [*_NAMES, ""]),
    *(f"/{x}/{end}" for x in _NAMES for end in [*_NAMES, ""]),
    *(f"/{x}/{y}/{end}" for x in _NAMES for y in _NAMES for end in ["c", ""]),
    *(f"/{x}/{y}/c/c" for x in _NAMES for y in _NAMES),
]
ADDRESSES = [
    None,
    *map(ip_address, ("10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3", "::1", "1.1.1.1")),
]
KINDS = [(method, False) for method in ("GET", "HEAD", "PUT", "OPTIONS", "PATCH")]
UNIVERSE = [
    make_facts(path, method=method, address=address, preflight=preflight)
    for path, (method, preflight), address in itertools.product(
        PATHS, [*KINDS, ("OPTIONS", True)], ADDRESSES
    )
]


def _find_reached(rules: list[str]) -> set[int]:
    """Return which rules some request of the universe reaches, by the core's own matchers."""
    each = [Policy({"h": parse_rules(write(rule), NAME)["a.example"]}) for rule in rules]
    reached = set()
    for facts in UNIVERSE:
        for index, policy in enumerate(each):
            (rule,) = policy.rules_of("h")
            if policy.find("h", facts.path).exact and rule.find_mismatch(facts) is None:
                reached.add(index)
                break
    return reached


@effort(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
@given(rules=st.lists(RULES, min_size=2, max_size=5))
def test_a_rule_is_a_mistake_exactly_where_no_request_reaches_it(rules: list[str]) -> None:
    told: set[int] = set()
    try:
        parse_rules(write(*rules), NAME)
    except DocumentInvalid as error:
        told = {int(problem.split(":")[1]) - 3 for problem in error.problems}
    assert told == set(range(len(rules))) - _find_reached(rules)


MANY = 10_000


@pytest.mark.parametrize(
    "rule",
    [
        "{path: /api/v%d/**, allow: {roles: [r]}}",
        "{path: /**, methods: [M%d], allow: signed-in}",
        "{path: /**, networks: ['2001:db8::%x'], allow: signed-in}",
        "{path: /*/*/%d, methods: [GET], networks: [10.0.0.0/8], allow: signed-in}",
    ],
)
def test_ten_thousand_rules_are_read_in_the_time_of_their_number(rule: str) -> None:
    # Compared with each other, a hundred million pairs would take minutes.
    assert len(Policy(parse_rules(write(*(rule % n for n in range(MANY))), NAME))) == MANY
