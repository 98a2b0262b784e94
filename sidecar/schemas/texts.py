"""The texts of the pages: one file for each language, and every key in each of them."""

import re
from collections.abc import Mapping
from itertools import islice
from typing import Final

from sidecar.errors import DocumentInvalid
from sidecar.schemas.documents import Document, read_document, suggest
from sidecar.schemas.values import has_controls

LARGEST_TEXTS: Final = 131_072  # octets of a file; ours have a tenth
LONGEST_SENTENCE: Final = 1000  # characters of one text
MOST_MISSING: Final = 20  # lines; of a file that lacks more, ours is compared with it

# What is no sentence: how a browser reads the page (HTML, 3.2.6.1 and 3.2.6.4; BCP 47).
LANGUAGE: Final = "page.language"
DIRECTION: Final = "page.direction"
SPELLINGS: Final[Mapping[str, tuple[re.Pattern[str], str]]] = {
    LANGUAGE: (
        re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,4}", re.ASCII),
        "must be the tag of a language, such as en or pt-BR",
    ),
    DIRECTION: (re.compile("ltr|rtl"), "must be ltr or rtl"),
}

_PLACEHOLDER: Final = re.compile(r"\{([a-z_]+)\}", re.ASCII)


def parse_texts(
    text: str, name: str, *, like: Mapping[str, str] | None = None
) -> Mapping[str, str]:
    """Return the texts in a file by `section.key`. Raises DocumentInvalid.

    `like` are ours: each of their keys must be there, with the same placeholders, and no other.
    """
    document = read_document(text, name, largest=LARGEST_TEXTS)
    texts = _flatten(document)
    for key, (spelling, wrong) in SPELLINGS.items():
        if key in texts and spelling.fullmatch(texts[key]) is None:
            document.add_problem(tuple(key.split(".")), wrong)
    if like is not None:
        _compare(document, texts, like)
    document.refuse_problems()
    return texts


def fill(text: str, values: Mapping[str, object]) -> str:
    """Return a text with a value in the place of each `{name}`. Raises KeyError where one lacks.

    Nothing but a name stands in a placeholder: `str.format` would let a file read attributes.
    """
    return _PLACEHOLDER.sub(lambda found: str(values[found[1]]), text)


def find_placeholders(text: str) -> frozenset[str]:
    """Return the names that a text has places for."""
    return frozenset(_PLACEHOLDER.findall(text))


def _flatten(document: Document) -> dict[str, str]:
    texts: dict[str, str] = {}
    if document.lacks(()):
        return texts
    if not isinstance(document.values, Mapping):
        raise DocumentInvalid((f"{document.name}: must be a mapping of sections to texts",))
    for section, members in document.values.items():
        if not isinstance(members, Mapping):
            document.add_lack((section,), "must be a mapping of keys to texts")
            continue
        for key, text in members.items():
            path = (section, key)
            if document.lacks(path):
                continue
            if not isinstance(text, str) or not 0 < len(text) <= LONGEST_SENTENCE:
                document.add_lack(path, f"must be text of 1 to {LONGEST_SENTENCE} characters")
            elif has_controls(text):
                document.add_lack(path, "has control characters")
            texts[f"{section}.{key}"] = str(text)
    return texts


def _compare(document: Document, texts: Mapping[str, str], like: Mapping[str, str]) -> None:
    for key in sorted(texts.keys() - like.keys()):
        section, _, name = key.partition(".")
        document.add_problem((section, name), f"there is no such text{suggest(key, like)}")
    sections = {key.partition(".")[0] for key in texts}
    missing: dict[tuple[str, ...], str] = {}
    for key, own in like.items():
        section, _, name = key.partition(".")
        if document.lacks((section, name)):
            continue
        if section not in sections:
            missing[section,] = "is missing, with all its texts"
        elif key not in texts:
            missing[section, name] = f'is missing (ours: "{own}")'
        elif find_placeholders(texts[key]) != find_placeholders(own):
            wanted = ", ".join(f"{{{each}}}" for each in sorted(find_placeholders(own)))
            document.add_problem((section, name), f"must have these places: {wanted or 'none'}")
    for path, text in islice(missing.items(), MOST_MISSING):
        document.add_problem(path, text)
    if len(missing) > MOST_MISSING:
        document.add_problem((), f"{len(missing) - MOST_MISSING} more are missing")
