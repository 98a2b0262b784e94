"""What a page of the documentation holds: blocks, tables, links, headings, names of tests."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")]
)

_FENCE = re.compile(r"^( *)```(.*)$")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, its text, and the line that it begins at."""

    language: str
    text: str
    line: int

    @property
    def file(self) -> str | None:
        """The file that its first line names in a comment."""
        found = re.match(r"# (\S+\.(?:yaml|py|conf))\n", self.text)
        return None if found is None else found[1]


def read_blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page."""
    return list(_split(page)[1])


def read_prose(page: Path) -> str:
    """Return a page without its blocks."""
    return _split(page)[0]


def _split(page: Path) -> tuple[str, list[Block]]:
    prose: list[str] = []
    blocks: list[Block] = []
    inside: list[str] | None = None
    language, begin, indent = "", 0, ""
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        fence = _FENCE.match(line)
        if fence is None:
            (prose if inside is None else inside).append(line.removeprefix(indent))
        elif inside is None:
            indent, language, begin, inside = fence[1], fence[2].strip(), number, []
        else:
            blocks.append(Block(language, "".join(f"{each}\n" for each in inside), begin))
            inside, indent = None, ""
    assert inside is None, f"{page.name}:{begin}: the block does not end"
    return "\n".join(prose), blocks


def read_table(page: Path, heading: str) -> list[tuple[str, ...]]:
    """Return the rows below the first table header of a section."""
    prose = read_prose(page)
    _, found, rest = prose.partition(f"\n## {heading}\n")
    assert found, f"{page.name}: no section {heading}"
    section = re.split(r"^## ", rest, maxsplit=1, flags=re.MULTILINE)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    rows = [tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in lines[2:]]
    assert rows, f"{page.name}: no table in {heading}"
    return rows


def read_links(page: Path) -> list[str]:
    """Return the targets of a page's links."""
    return _LINK.findall(_CODE.sub("", read_prose(page)))


def read_anchors(page: Path) -> set[str]:
    """Return what a link may name after `#`, as GitHub spells it."""
    headings = re.findall(r"^#+ (.+)$", read_prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def read_code(page: Path) -> Iterator[str]:
    """Yield what stands between backticks in a page's prose."""
    yield from _CODE.findall(read_prose(page))
