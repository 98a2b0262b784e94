"""The texts of the pages: each is said, none is missing, and none stands anywhere else."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from sidecar.schemas.texts import LONGEST_SENTENCE, MOST_MISSING, SPELLINGS, find_placeholders
from sidecar.settings import PageSettings
from sidecar.web.pages.engine import FOLDER
from tests.web.test_theme import own_texts, read_problems, write_texts


def _list_sources() -> str:
    files = (each for each in FOLDER.parent.rglob("*") if each.suffix in {".py", ".html"})
    return "\n".join(each.read_text() for each in files)


def test_each_text_is_said_somewhere_and_none_is_missing() -> None:
    keys = {f"{section}.{key}" for section, texts in own_texts().items() for key in texts}
    sources = _list_sources()
    literal = set(re.findall(r'"([a-z_]+\.[a-z_]+)"', sources))
    families = set(re.findall(r'f"([a-z_]+)\.\{', sources))
    said = set(re.findall(r'say\(\s*"([a-z_]+\.[a-z_]+)"', sources))
    assert said - keys == set()
    unsaid = {
        key for key in keys - literal - set(SPELLINGS) if key.partition(".")[0] not in families
    }
    assert unsaid == set()


def test_a_template_holds_no_sentence() -> None:
    code = r"\{#.*?#\}|\{% block layout %\}\w+|\{%.*?%\}|\{\{.*?\}\}|<[^>]*>|&\w+;|\{\w+\}"
    for file in FOLDER.rglob("*.html"):
        words = re.sub(code, "", file.read_text(), flags=re.DOTALL)
        assert re.findall(r"[A-Za-z]*[a-z]{2,}", words) == [], file


def test_nothing_but_a_name_stands_in_a_place() -> None:
    """`str.format` would let a file of texts read attributes of what it is given."""
    assert find_placeholders("{a} {a.b} {a[0]} {0} {a!r} {{b}} {A}") == {"a", "b"}


def _rename(texts: dict[str, dict[str, str]]) -> None:
    texts["login"]["titel"] = texts["login"].pop("title")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t["login"].pop("title"), 'login.title: is missing (ours: "Log in")'),
        (lambda t: t.pop("reset"), ":1: reset: is missing, with all its texts"),
        (lambda t: t["reset"].clear(), "reset: is missing, with all its texts"),
        (_rename, "login.titel: there is no such text; did you mean login.title?"),
        (lambda t: t.update(more={"a": "b"}), "more.a: there is no such text"),
        (lambda t: t["login"].update(throttled="Bald."), "must have these places: {seconds}"),
        (lambda t: t["login"].update(title="{name}"), "must have these places: none"),
        (lambda t: t["login"].update(title=""), "must be text of 1 to 1000 characters"),
        (lambda t: t["login"].update(title=7), "must be text of 1 to 1000 characters"),
        (lambda t: t["login"].update(title=None), "must be text of 1 to 1000 characters"),
        (lambda t: t["login"].update(title=["a"]), "must be text of 1 to 1000 characters"),
        (lambda t: t["login"].update(title="a" * 1001), f"of 1 to {LONGEST_SENTENCE} characters"),
        (lambda t: t["login"].update(title="a\x07b"), "has control characters"),
        (lambda t: t.update(login="x"), "login: must be a mapping of keys to texts"),
        (lambda t: t["page"].update(language="Deutsch!"), "must be the tag of a language"),
        (lambda t: t["page"].update(direction="up"), "must be ltr or rtl"),
    ],
)
def test_each_text_that_is_missing_or_wrong_is_named(
    tmp_path: Path, change: Callable[[dict[str, dict[str, str]]], object], words: str
) -> None:
    file = write_texts(tmp_path, change)
    problems = read_problems(PageSettings(None, None, None, file))
    assert any(words in each for each in problems), problems
    assert all(each.startswith(f"{file}:") for each in problems)


def test_a_section_that_is_missing_is_one_line_and_a_file_that_lacks_much_some_lines(
    tmp_path: Path,
) -> None:
    def drop(texts: dict[str, dict[str, str]]) -> None:
        for section in ("trail", "tokens"):
            del texts[section]

    file = write_texts(tmp_path, drop)
    assert read_problems(PageSettings(None, None, None, file)) == tuple(
        f"{file}:1: {section}: is missing, with all its texts" for section in ("tokens", "trail")
    )
    file.write_text("login: {title: Anmelden}\n")
    problems = read_problems(PageSettings(None, None, None, file))
    assert len(problems) == MOST_MISSING + 1
    lacking = len(own_texts()) - 1 + len(own_texts()["login"]) - 1
    assert f"{file}:1: {lacking - MOST_MISSING} more are missing" in problems
