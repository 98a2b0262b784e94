"""Every page: its links lead somewhere, its blocks are run, the tests that it names exist."""

import ast
import re
from pathlib import Path

import pytest

from tests.docs.markdown import PAGES, ROOT, read_anchors, read_blocks, read_code, read_links
from tests.docs.terminal import LANGUAGES

# The pages whose blocks a test of this folder runs, and what they are; no other page may have one.
RUN = {
    "README.md": {"sh", "console", "yaml", "python"},
    "docs/gateways.md": {"sh", "console", "yaml"},
    "docs/traefik.md": {"sh", "console", "yaml"},
    "docs/nginx.md": {"sh", "console", "nginx"},
    "docs/caddy.md": {"sh", "console", "caddyfile"},
    "docs/envoy.md": {"sh", "console", "yaml"},
    "docs/haproxy.md": {"sh", "console"},
    "docs/keys.md": {"sh", "console"},
    "docs/pages.md": {"yaml", "css"},
    "docs/people.md": {"sh", "console", "yaml"},
    "docs/moving-users.md": {"sh", "console"},
    "docs/personal-tokens.md": {"sh", "console", "yaml"},
    "docs/policy.md": {"console", "yaml"},
    "docs/programs.md": {"sh", "console", "yaml"},
    "docs/refused.md": {"sh", "console"},
    "docs/running.md": {"sh", "console", "yaml"},
    "docs/alerts.md": {"yaml"},
    "docs/redis.md": {"yaml"},
    "CONTRIBUTING.md": {"sh"},
}
NAMED = re.compile(r"(tests/[\w/]+\.py)(?:::(\w+))?")

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@every_page
def test_every_link_leads_to_a_file_or_a_heading(page: Path) -> None:
    for link in read_links(page):
        if link.startswith("https://"):
            continue
        target, _, anchor = link.partition("#")
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), link
        assert file.is_relative_to(ROOT), link
        assert not anchor or anchor in read_anchors(file), link


@every_page
def test_no_block_escapes_being_run(page: Path) -> None:
    languages = {block.language for block in read_blocks(page)}
    assert languages <= RUN.get(str(page.relative_to(ROOT)), set())


def test_the_terminal_knows_every_language() -> None:
    assert set().union(*RUN.values()) <= LANGUAGES | {"nginx", "caddyfile", "css"}


@every_page
def test_every_file_that_it_names_exists(page: Path) -> None:
    rooms = ("sidecar/", "tests/", "docs/", "deploy/", "scripts/", "keys/", ".ci/")
    for code in read_code(page):
        if code.startswith(rooms) and re.fullmatch(r"[\w./-]+", code):
            assert (ROOT / code).exists(), code


@pytest.mark.parametrize(
    "name", ["docs/guarantees.md", "docs/threat-model.md", "docs/moving-from-flask.md"]
)
def test_every_row_names_a_test_that_exists(name: str) -> None:
    rows = [
        line
        for line in (ROOT / name).read_text().splitlines()
        if line.startswith("| ")
        and not line.startswith(("| promise |", "| attack |", "| what |", "| there |"))
    ]
    assert rows
    for row in rows:
        named = NAMED.findall(row)
        assert named, f"names no test: {row}"
        for file, function in named:
            tree = ast.parse((ROOT / file).read_text())
            tests = {
                node.name
                for node in ast.walk(tree)
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
                and node.name.startswith("test_")
            }
            assert tests, f"{file} has no test"
            assert not function or function in tests, f"{file} has no {function}"


def test_what_contributors_type_are_targets_of_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    blocks = read_blocks(ROOT / "CONTRIBUTING.md")
    commands = [line.split("#")[0].split() for block in blocks for line in block.text.splitlines()]
    assert commands
    for command in commands:
        assert command[0] == "make"
        assert command[1] in targets
