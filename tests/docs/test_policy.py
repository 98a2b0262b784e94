"""The page about the policy: its files, commands and tables say what the code does."""

import re
from pathlib import Path

import pytest

from sidecar.core.access import Access, Roles
from sidecar.core.facts import parse_method, parse_path
from sidecar.core.policy import Rule
from sidecar.core.verdict import Deny, Reason
from sidecar.schemas.policy.keys import ALLOW_KEYS, RULE_KEYS
from tests.core.asking import find_rule
from tests.docs.markdown import ROOT, read_blocks, read_prose, read_table
from tests.docs.terminal import Terminal
from tests.schemas.policies import refuse, write

PAGE = ROOT / "docs/policy.md"


def _code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@pytest.mark.asyncio
async def test_the_page_about_the_policy_does_what_it_says(tmp_path: Path) -> None:
    async with Terminal(tmp_path, lasting=(), replaced={}, environ={}) as terminal:
        for block in read_blocks(PAGE):
            await terminal.follow(block)


MISTAKES = read_table(PAGE, "Mistakes that are refused")


@pytest.mark.parametrize(
    ("written", "said"), [(_code(rule)[0], _code(said)[0]) for rule, said in MISTAKES]
)
def test_each_mistake_is_told_as_the_table_says(written: str, said: str) -> None:
    (problem,) = refuse(write(written))
    place = r"policy\.yaml:3: hosts\.a\.example\.0(\.\w+)*: "
    assert re.fullmatch(place + re.escape(said), problem), problem


REFUSED = [path for asked, _ in read_table(PAGE, "Paths that are refused") for path in _code(asked)]


@pytest.mark.parametrize("path", REFUSED)
def test_each_path_of_the_table_is_refused(path: str) -> None:
    assert parse_path(path) == Deny(Reason.PATH_AMBIGUOUS)


BETWEEN = read_table(PAGE, "Paths that are refused between two rules")


@pytest.mark.parametrize("asked", [path for asked, _ in BETWEEN for path in _code(asked)])
def test_each_path_between_two_rules_is_refused(asked: str) -> None:
    path = parse_path(asked)
    assert isinstance(path, str)
    admin = Access.of(Roles(frozenset({"admin"})))
    rules = [Rule("/admin/**", admin), Rule("/**", Access())]
    assert find_rule(rules, path) == Deny(Reason.PATH_AMBIGUOUS)
    assert find_rule([rules[0], Rule("/**", admin)], path) == Rule("/**", admin)


@pytest.mark.parametrize("method", ["post", "CONNECT", "TRACE"])
def test_the_methods_that_are_named_are_refused(method: str) -> None:
    assert parse_method(method) == Deny(Reason.METHOD_MALFORMED)


def test_each_row_says_who_would_read_it_otherwise() -> None:
    rows = read_table(PAGE, "Paths that are refused")
    assert all(len(otherwise) > 20 for _, otherwise in rows)
    assert len(REFUSED) > 40


@pytest.mark.parametrize(
    ("head", "keys"),
    [("key", {*RULE_KEYS}), ("key of `allow`", {*ALLOW_KEYS})],
)
def test_every_key_of_the_language_has_a_row(head: str, keys: set[str]) -> None:
    rows = read_prose(PAGE).split(f"\n| {head} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    assert {_code(row)[0] for row in rows} == keys
