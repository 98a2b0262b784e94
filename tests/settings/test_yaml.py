"""YAML's surprises: nothing is silently reinterpreted, and any file gets an answer."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from sidecar.errors import DocumentInvalid
from tests.settings.reading import load, refuse, shown, write

ROLE = "accounts.admin_role"


@pytest.mark.parametrize("word", ["yes", "no", "on", "off", "y", "n", "Yes", "NO", "True", "FALSE"])
def test_what_some_readers_call_a_boolean_must_be_quoted(tmp_path: Path, word: str) -> None:
    assert refuse(tmp_path, f"accounts:\n  admin_role: {word}\n") == [
        (
            f"sidecar.yaml:2: {ROLE}: {word} is a boolean to some readers:"
            " write true or false, or quote it"
        )
    ]
    for quote in "\"'":
        quoted = f"accounts: {{admin_role: {quote}{word}{quote}}}"
        assert shown(load(tmp_path, quoted), ROLE) == word


@pytest.mark.parametrize("text", ["010", "0o10", "0x10", "1:30", "1_000", "2030-01-01", "1e3"])
def test_numbers_of_other_readers_are_text_here(tmp_path: Path, text: str) -> None:
    (problem,) = refuse(tmp_path, f"accounts: {{password_min_length: {text}}}")
    assert problem.endswith("must be a whole number")
    assert load(tmp_path, f"keys: {{directory: {text}}}").keys.directory == tmp_path / text


@pytest.mark.parametrize("text", ["true", "false", "16", "-1", "0"])
def test_what_is_no_text_is_not_taken_for_one(tmp_path: Path, text: str) -> None:
    (problem,) = refuse(tmp_path, f"keys: {{directory: {text}}}")
    assert problem.endswith("; quote it")
    assert load(tmp_path, f"keys: {{directory: '{text}'}}").keys.directory == tmp_path / text


@pytest.mark.parametrize("text", ["null", "~", ""])
def test_nothing_is_a_value_only_where_there_may_be_none(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, f"redis:\n  url: {text}\n").redis_url is None
    assert refuse(tmp_path, f"keys:\n  directory: {text}\n") == [
        "sidecar.yaml:2: keys.directory: must have a value"
    ]


ANCHOR = "anchors and aliases are not read here: write it out"
TAG = "tags are not read here: write the value alone"


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("keys: &k {directory: x}", [f"1: keys: {ANCHOR}"]),
        ("keys: {directory: &d x}", [f"1: keys.directory: {ANCHOR}"]),
        ("keys: {directory: *d}", [f"1: keys.directory: {ANCHOR}"]),
        ("keys: {directory: &d x}\npolicy: {file: *d}",
         [f"1: keys.directory: {ANCHOR}", f"2: policy.file: {ANCHOR}"]),
        ("keys:\n  <<: *base", [f"2: keys.<<: {ANCHOR}"]),
        ("cors: {origins: [*a]}", [f"1: cors.origins.0: {ANCHOR}"]),
        ("keys: {directory: !!str 1}", [f"1: keys.directory: {TAG}"]),
        ("keys: {directory: !!python/name:os.system x}", [f"1: keys.directory: {TAG}"]),
        ("keys: !env {directory: x}", [f"1: keys: {TAG}"]),
        ("? &a keys\n: {directory: x}", [f"1: keys: {ANCHOR}"]),
        ("keys: {directory: x}\n---\nkeys: {}", ["2: a second document begins"]),
        ("keys: {directory: x}\nkeys: {}", ["2: keys: stands twice"]),
        ('keys: {directory: x, "directory": z}', ["1: keys.directory: stands twice"]),
        ("keys: {1: x}", ["1: keys.1: a key must be text: quote it"]),
        ("keys: {no: x}", ["1: keys.no: a key must be text: quote it"]),
        ("keys: {~: x}", ["1: keys.~: a key must be text: quote it"]),
        ("keys: {[a]: x}", ["1: is not YAML: a key must be text"]),
        ("keys:\n\tdirectory: x",
         ["2: is not YAML: found character that cannot start any token"]),
        ("keys: {directory: x", ["2: is not YAML: did not find expected ',' or '}'"]),
        ("keys:\n  - x\n  y: z", ["3: is not YAML: did not find expected '-' indicator"]),
        ("a: " + "[" * 17 + "]" * 17, ["1: is not YAML: nested too deeply"]),
        ("{a: " * 17 + "}" * 17, ["1: is not YAML: nested too deeply"]),
        ("[" * 100_000, ["1: is not YAML: exceeded maximum nesting depth"]),
        ("keys:\n  directory: a\0b", ["2: has a character that YAML does not allow"]),
        ('keys:\n  directory: "a\x1bb"', ["2: has a character that YAML does not allow"]),
        (b"keys:\n  directory: \xff\n", ["2: is not UTF-8"]),
        (b"\xff\xfek\0e\0y\0s\0", ["1: is not UTF-8"]),
        (b"# " + b"x" * 262_143, [" is larger than 262144 octets"]),
    ],
    ids=lambda text: repr(text)[:40],
)  # fmt: skip
def test_what_two_readers_could_read_differently_is_refused(
    tmp_path: Path, text: str | bytes, problems: list[str]
) -> None:
    assert refuse(tmp_path, text) == [f"sidecar.yaml:{problem}" for problem in problems]


def test_a_file_may_be_as_large_as_its_bound(tmp_path: Path) -> None:
    load(tmp_path, b"# " + b"x" * 262_142)


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbfkeys: {directory: ring}",
        b"keys:\r\n  directory: ring\r\n",
        b"%YAML 1.1\n---\nkeys: {directory: ring}\n...\n",
        b"keys:\n  directory: >-\n    ring\n",
        b"keys:\n  directory: ! ring\n",
        b'"keys": {"directory": "ring"}',
    ],
)
def test_other_spellings_of_the_same_file_are_the_same(tmp_path: Path, text: bytes) -> None:
    assert load(tmp_path, text).keys.directory == tmp_path / "ring"


@pytest.mark.parametrize("text", ["\u00e9t\u00e9", "\u5c71\u7530", "a: b", "# x", "- x"])
def test_text_is_what_it_was(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, write("keys.directory", text)).keys.directory == tmp_path / text


@effort(
    deadline=None,
    max_examples=200,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(octets=st.binary(max_size=80) | st.text(max_size=60).map(lambda text: text.encode()))
@example(octets=b"\xe2\x80\xa8: [")
@example(octets=b"\xc2\x85\x00")
@example(octets=b"%TAG ! x")
@example(octets=b"- ? :")
@example(octets=b"? ? ? x")
def test_any_octets_are_settings_or_one_line_for_each_problem(
    tmp_path: Path, octets: bytes
) -> None:
    problems: tuple[str, ...] = ("the settings are right",)
    try:
        load(tmp_path, octets)
    except DocumentInvalid as error:
        problems = error.problems
    assert problems
    assert all(len(problem.splitlines()) == 1 for problem in problems)
