"""Values from several documents, the later over the earlier, each with where it came from."""

from pathlib import Path
from typing import Any, Final

from sidecar.schemas.defaults import DEFAULTS
from sidecar.schemas.documents import Document
from sidecar.schemas.sections import SECTIONS
from sidecar.schemas.settings import find_unknown, is_group, judge_section
from sidecar.schemas.values import SQLITE, Listen

Key = tuple[str, str]

PLACED: Final = frozenset(  # texts that are paths
    {
        ("keys", "directory"),
        ("keys", "passphrase_file"),
        ("policy", "file"),
        ("redis", "password_file"),
        ("redis", "sentinel_password_file"),
        ("redis", "ca_file"),
        ("redis", "cert_file"),
        ("redis", "key_file"),
        ("pages", "logo"),
        ("pages", "stylesheet"),
        ("pages", "texts"),
    }
)


class Merged:
    """The values in force by (section, key).

    `problems` has every mistake, also in a value that another document overrides. Nothing is said
    of a key in `broken` together with others: its value is not the one that was meant.
    """

    def __init__(self, base: Path) -> None:
        self.values: dict[Key, Any] = {}
        self.broken: set[Key] = set()
        self._given: dict[Key, Document] = {}
        self._documents: list[Document] = []
        self._loose: list[str] = []
        self.add(Document("default", ("",), DEFAULTS), base)
        self._given.clear()

    @property
    def problems(self) -> tuple[str, ...]:
        """One line for each mistake, in the order in which the documents were added."""
        told = (problem for document in self._documents for problem in document.problems)
        return (*self._loose, *told)

    def add_unreadable(self, *problems: str) -> None:
        """Note what kept a file from being read, in which any key may stand."""
        self._loose.extend(problems)
        self.broken.update(self.values)

    def was_given(self, key: Key) -> bool:
        """Say whether somebody set this key."""
        return key in self._given

    def blame(self, keys: tuple[Key, ...], text: str) -> None:
        """Note what is wrong between keys, at the first of them that somebody set."""
        given = [key for key in keys if key in self._given]
        if given:
            self._given[given[0]].add_problem(given[0], text)
        else:
            self._loose.append(f"{'.'.join(keys[0])}: {text}")

    def add(self, document: Document, base: Path) -> None:
        """Take a document in; relative paths in it are relative to `base`, an absolute path."""
        self._documents.append(document)
        for section, members in document.values.items():
            if section not in SECTIONS:
                document.add_problem((section,), str(find_unknown(section, "")))
            elif isinstance(members, dict):
                self._add_section(document, section, members, base)
            elif members is not None:  # a section in which everything is a comment
                document.add_lack((section,), "must be a mapping of keys")
        self.broken.update(key for key in self.values if document.lacks(key))

    def _add_section(
        self, document: Document, section: str, members: dict[str, Any], base: Path
    ) -> None:
        values, messages = judge_section(section, members)
        document.add_messages(messages, (section,))
        for key in messages:
            self.broken.add((section, key))
        for key, value in values.items():
            before = self.values.get((section, key), {}) if is_group(section, key) else None
            laid = value if before is None else {**before, **value}
            self.values[section, key] = _place((section, key), laid, base)
            self._given[section, key] = document
            self.broken.discard((section, key))


def _place(key: Key, value: Any, base: Path) -> Any:
    """Return a value in which every path is absolute."""
    if isinstance(value, Listen):
        return value if value.path is None else Listen(path=base / value.path)
    if key in PLACED:
        return None if value is None else base / value
    if key == ("database", "url") and value.startswith(SQLITE):
        return f"{SQLITE}{base / value.removeprefix(SQLITE)}"
    return value
