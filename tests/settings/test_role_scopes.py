"""`tokens.role_scopes`: which scopes people hold by their roles, and how much fits into a token."""

from pathlib import Path

import pytest

from tests.settings.reading import load, refuse, write

KEY = "tokens.role_scopes"
SCOPE = "must be a scope: visible ASCII without quotation mark and backslash (RFC 6749)"
MAPPING = "must be a mapping of roles to scopes, such as {staff: [orders:read]}"
TOGETHER = "the scopes of all roles must be 4096 characters or fewer together"


def test_the_scopes_of_a_role_are_sorted_and_stand_once(tmp_path: Path) -> None:
    given = {"staff": ["b", "a", "b"], "team:ops": [], "admin": ["!#[]~", "https://x.example/a"]}
    assert load(tmp_path, write(KEY, given)).tokens.role_scopes == {
        "staff": ("a", "b"),
        "team:ops": (),
        "admin": ("!#[]~", "https://x.example/a"),
    }


def test_what_a_later_source_says_of_the_roles_replaces_all_of_it(tmp_path: Path) -> None:
    environ = {"SIDECAR_TOKENS__ROLE_SCOPES": "{ops: [c]}"}
    settings = load(tmp_path, write(KEY, {"staff": ["a"]}), environ=environ)
    assert settings.tokens.role_scopes == {"ops": ("c",)}


@pytest.mark.parametrize(
    "scope", ["", " ", "a b", 'a"', "a\\", "a\t", "\u00e9", "a\x7f", "x" * 257]
)
def test_what_is_no_scope_token_is_refused_where_it_stands(tmp_path: Path, scope: str) -> None:
    (problem,) = refuse(tmp_path, write(KEY, {"staff": ["a", scope]}))
    assert problem == f"sidecar.yaml:1: {KEY}.staff.1: {SCOPE}"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{a b: [x]}", f"{KEY}.a b: is not the name of a role"),
        ('{"": [x]}', f"{KEY}.: is not the name of a role"),
        ("{-a: [x]}", f"{KEY}.-a: is not the name of a role"),
        ("{staff: x}", f"{KEY}.staff: must be a list, such as [a, b]"),
        ("{staff: {x: z}}", f"{KEY}.staff: must be a list, such as [a, b]"),
        ("{staff: }", f"{KEY}.staff: must have a value"),
        ("{staff: [10]}", f"{KEY}.staff.0: {SCOPE}; quote it"),
        ("{staff: [[x]]}", f"{KEY}.staff.0: {SCOPE}"),
        ("{staff: [x], staff: [z]}", f"{KEY}.staff: stands twice"),
        ("{no: [x]}", f"{KEY}.no: a key must be text: quote it"),
        ("[staff]", f"{KEY}: {MAPPING}"),
        ("staff", f"{KEY}: {MAPPING}"),
        ("", f"{KEY}: must have a value"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_at_its_role(tmp_path: Path, text: str, problem: str) -> None:
    assert refuse(tmp_path, f"tokens: {{role_scopes: {text}}}") == [f"sidecar.yaml:1: {problem}"]


def test_every_role_that_is_wrong_is_told(tmp_path: Path) -> None:
    text = "tokens:\n  role_scopes:\n    staff: x\n    a b: [x]\n    ops: [x, y z]\n    good: [x]\n"
    assert [problem.partition(": ")[0] for problem in refuse(tmp_path, text)] == [
        *("sidecar.yaml:3", "sidecar.yaml:4", "sidecar.yaml:5")
    ]


def test_whoever_has_all_roles_has_no_more_scopes_than_fit_into_a_token(tmp_path: Path) -> None:
    fifteen = [f"{number:x}" * 255 for number in range(15)]  # with a space each 3840
    shared = {"a": fifteen[:8], "b": fifteen[7:], "c": fifteen}
    load(tmp_path, write(KEY, shared | {"d": ["y" * 256]}))  # 4096: what roles share counts once
    load(tmp_path, write(KEY, shared | {"d": ["y" * 127, "z" * 128]}))
    for more in (["y" * 256, "z"], ["y" * 127, "z" * 129]):
        (problem,) = refuse(tmp_path, write(KEY, shared | {"d": more}))
        assert problem == f"sidecar.yaml:1: {KEY}: {TOGETHER}"
