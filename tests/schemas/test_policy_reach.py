"""Rules that can never be reached, since those before them are first for all they are about."""

import pytest

from sidecar.core.policy import Policy
from sidecar.schemas.policy import parse_rules
from sidecar.schemas.policy.reach import MOST_LINES
from tests.schemas.policies import NAME, refuse, write


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
        assert len(Policy(parse_rules(text, NAME))) == 3
    else:
        assert refuse(text) == [
            "policy.yaml:5: hosts.a.example.2: is never reached: the rule of line 4 is first"
        ]


# What each rule says beside its path, from line 3 on; and, where the last one is hidden, by which.
NARROWED: list[tuple[list[str], list[int]]] = [
    # Methods.
    (["methods: [GET]", ""], []),
    (["", "methods: [GET]"], [3]),
    (["methods: [GET]", "methods: [GET]"], [3]),
    (["methods: [GET]", "methods: [HEAD]"], [3]),
    (["methods: [HEAD]", "methods: [GET]"], []),
    (["methods: [GET, POST]", "methods: [POST]"], [3]),
    (["methods: [POST]", "methods: [GET, POST]"], []),
    (["methods: [POST]", "methods: [GET]", "methods: [GET, POST]"], [3, 4]),
    (["methods: [POST]", "methods: [GET]", "methods: [GET, PUT]"], []),
    (["methods: [POST]", "methods: [GET, POST, PUT]", "methods: [GET, POST]"], [3, 4]),
    (["methods: [POST]", "", "methods: [GET, POST]"], [4]),
    (["methods: [POST]", "methods: [HEAD]", "methods: [GET]", "methods: [HEAD, POST]"], [3, 4]),
    # Networks.
    (["networks: [10.0.0.0/8]", ""], []),
    (["", "networks: [10.0.0.0/8]"], [3]),
    (["networks: [10.0.0.0/8]", "networks: [10.1.0.0/16]"], [3]),
    (["networks: [10.0.0.0/8]", "networks: [10.0.0.0/8]"], [3]),
    (["networks: [10.0.0.0/8]", "networks: [10.255.255.255]"], [3]),
    (["networks: [10.0.0.0/8]", "networks: [11.0.0.0]"], []),
    (["networks: [10.1.0.0/16]", "networks: [10.0.0.0/8]"], []),
    (["networks: [10.0.0.0/9]", "networks: [10.128.0.0/9]", "networks: [10.0.0.0/8]"], [3, 4]),
    (["networks: [10.0.0.0/9, 10.128.0.0/9]", "networks: [10.0.0.0/8]"], [3]),
    (["networks: [10.0.0.0/9]", "networks: [10.128.0.0/10]", "networks: [10.0.0.0/8]"], []),
    (["networks: [10.0.0.0/8]", "networks: [10.1.0.0/16, '::1']"], []),
    (["networks: [10.0.0.0/8]", "networks: ['::/16']", "networks: [10.1.0.0/16, '::1']"], [3, 4]),
    (["networks: [10.0.0.1, 10.0.0.2]", "networks: [10.0.0.0/30]", "networks: [10.0.0.0/31]"],
     [3, 4]),
    (["networks: [255.255.255.255]", "networks: ['::']", "networks: ['::', 255.255.255.255]"],
     [3, 4]),
    (["networks: [0.0.0.0/0, '::/0']", ""], []),  # an address may be unknown
    (["networks: [0.0.0.0/0]", "networks: ['::1']"], []),
    (["networks: ['::/0']", "networks: [10.0.0.1]"], []),
    # Both: what one rule leaves of the methods, another may hold for the addresses.
    (["methods: [GET], networks: [10.0.0.0/8]", "methods: [GET]"], []),
    (["methods: [GET], networks: [10.0.0.0/8]", "networks: [10.0.0.0/8]"], []),
    (["methods: [GET], networks: [10.0.0.0/8]", "methods: [GET], networks: [10.0.0.1]"], [3]),
    (["methods: [GET]", "networks: [10.0.0.0/8]", "methods: [GET, PUT], networks: [10.0.0.1]"],
     [3, 4]),
    (["methods: [GET]", "networks: [10.0.0.0/9]", "methods: [GET, PUT], networks: [10.0.0.0/8]"],
     []),
    (["methods: [GET], networks: [10.0.0.0/9]", "networks: [10.128.0.0/9]",
      "methods: [GET], networks: [10.0.0.0/8]"], [3, 4]),
    (["methods: [GET], networks: [10.0.0.0/9]", "methods: [PUT], networks: [10.128.0.0/9]",
      "methods: [GET, PUT], networks: [10.0.0.0/8]"], []),
    # Preflights.
    (["preflight", ""], []),
    (["", "preflight"], [3]),
    (["preflight", "preflight"], [3]),
    (["preflight", "methods: [OPTIONS]"], []),
    (["methods: [OPTIONS]", "preflight"], [3]),
    (["methods: [GET, PUT]", "preflight"], []),
    (["methods: [OPTIONS], preflight", "preflight"], [3]),
    (["preflight", "methods: [OPTIONS, PUT], preflight"], [3]),
    (["networks: [10.0.0.0/8], preflight", "preflight"], []),
    (["networks: [10.0.0.0/8], preflight", "networks: [10.0.0.1], preflight"], [3]),
    (["networks: [10.0.0.0/9], preflight", "networks: [10.128.0.0/9]",
      "networks: [10.0.0.0/8], preflight"], [3, 4]),
]  # fmt: skip


def _write_narrowed(parts: list[str]) -> str:
    rules = []
    for part in parts:
        allow = "preflight" if "preflight" in part else "signed-in"
        narrow = part.removesuffix("preflight").rstrip(", ")
        rules.append(f"{{path: /a, {narrow + ', ' if narrow else ''}allow: {allow}}}")
    return write(*rules)


@pytest.mark.parametrize(
    ("parts", "lines"), NARROWED, ids=[" | ".join(parts) for parts, _ in NARROWED]
)
def test_what_narrows_a_rule_leaves_the_rest_to_the_next(
    parts: list[str], lines: list[int]
) -> None:
    text = _write_narrowed(parts)
    if lines:
        one, several = "the rule of line {} is", "the rules of lines {} are"
        first = (one if len(lines) == 1 else several).format(" and ".join(map(str, lines)))
        place = f"{len(parts) + 2}: hosts.a.example.{len(parts) - 1}"
        assert refuse(text) == [f"policy.yaml:{place}: is never reached: {first} first"]
    else:
        assert len(Policy(parse_rules(text, NAME))) == len(parts)


@pytest.mark.parametrize(
    ("paths", "lines"),
    [
        (["/a/*/**", "/a", "/a/", "/a/**"], "3, 4 and 5"),
        (["/", "/*/**", "/**"], "3 and 4"),
        (["/*", "/*/", "/*/*/**", "/", "/**"], "3, 4, 5 and 6"),
        (["/a/*/**", "/a", "/a/**"], ""),
        (["/a/*/*/**", "/a", "/a/", "/a/*", "/a/**"], ""),
        (["/*", "/*/", "/*/*/", "/*/*/*/**", "/", "/**"], ""),
        (["/a/b", "/a/*", "/*/b", "/*/*"], ""),
    ],
)
def test_several_patterns_may_hold_all_paths_of_another(paths: list[str], lines: str) -> None:
    text = write(*(f'{{path: "{path}", allow: signed-in}}' for path in paths))
    if lines:
        (problem,) = refuse(text)
        assert problem.endswith(f": is never reached: the rules of lines {lines} are first")
    else:
        assert len(Policy(parse_rules(text, NAME))) == len(paths)


def test_the_first_of_several_rules_before_it_is_named() -> None:
    rules = ("/a/*", "/*/b", "/a/b")
    text = write(*(f'{{path: "{path}", allow: anyone}}' for path in rules))
    (problem,) = refuse(text)
    assert problem.endswith("hosts.a.example.2: is never reached: the rule of line 3 is first")


def test_a_rule_that_is_never_reached_hides_nothing_itself() -> None:
    text = write(*["{path: /a, allow: anyone}"] * 3)
    assert [problem.rpartition("line ")[2] for problem in refuse(text)] == ["3 is first"] * 2


def test_many_rules_that_hide_one_are_told_in_one_short_line() -> None:
    methods = [f"M{number}" for number in range(100)]
    rules = [f"{{path: /, methods: [{method}], allow: anyone}}" for method in methods]
    (problem,) = refuse(
        write(*rules, f"{{path: /, methods: [{', '.join(methods)}], allow: anyone}}")
    )
    assert problem.endswith(
        "is never reached: the rules of lines 3, 4, 5, 6, 7, 8, 9, 10 and 92 more are first"
    )
    assert MOST_LINES == 8


def test_rules_of_another_host_hide_nothing() -> None:
    rules = "[{path: /**, allow: anyone}]"
    text = f'hosts: {{a.example: {rules}, "*.example": {rules}}}'
    assert len(Policy(parse_rules(text, NAME))) == 2
