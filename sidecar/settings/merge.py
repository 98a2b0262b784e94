"""The raw values of all places that settings come from, each with the place that it came from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from sidecar.errors import DocumentInvalid
from sidecar.schemas.documents import Document, read_document, suggest
from sidecar.schemas.settings import DEFAULTS, SECTIONS, takes_yaml

PREFIX: Final = "SIDECAR_"
SEPARATOR: Final = "__"
FILE_SUFFIX: Final = "_FILE"
LARGEST_FILE: Final = 262_144  # octets of a settings file; a secret file is a line


class Raw:
    """Values by section and key; `problems` collects what is wrong, in the order it was found."""

    def __init__(self) -> None:
        self.values: dict[str, dict[str, Any]] = {
            section: dict(keys) for section, keys in DEFAULTS.items()
        }
        self.given: dict[tuple[str, str], str] = {}
        self.problems: list[str] = []
        self._document: Document | None = None

    def put(self, section: str, key: str, value: Any, place: str) -> None:
        """Take a value in, over what came before."""
        self.values[section][key] = value
        self.given[section, key] = place

    def place_of(self, section: str, key: str, *inner: str | int) -> str:
        """Return where a value came from, as a problem begins."""
        place = self.given.get((section, key), "default")
        if place == "file" and self._document is not None:
            line = self._document.line_of((section, key, *inner))
            return f"{self._document.name}:{line}: {section}.{key}"
        return f"{place}: {section}.{key}" if place == "default" else place

    def read_file(self, path: Path) -> None:
        """Take the settings file in."""
        try:
            with path.open("rb") as file:
                text = file.read(LARGEST_FILE + 1).decode("utf-8")
        except OSError as error:
            self.problems.append(f"{path}: {error.strerror}")
            return
        except UnicodeDecodeError:
            self.problems.append(f"{path}:1: is not UTF-8")
            return
        if len(text) > LARGEST_FILE:
            self.problems.append(f"{path}:1: is larger than {LARGEST_FILE} octets")
            return
        try:
            document = self._document = read_document(text, str(path))
        except DocumentInvalid as error:
            self.problems.extend(error.problems)
            return
        self._take(document)

    def _take(self, document: Document) -> None:
        root = {} if document.values is None else document.values
        if not isinstance(root, dict):
            self.problems.append(f"{document.name}:1: must be a mapping of sections")
            return
        for section, keys in root.items():
            if section not in SECTIONS:
                document.add_problem((section,), f"is not known{suggest(section, list(SECTIONS))}")
            elif not isinstance(keys, dict):
                document.add_problem((section,), "must be a mapping of keys")
            else:
                for key, value in keys.items():
                    if hint := _unknown(section, key):
                        document.add_problem((section, key), hint)
                    else:
                        self.put(section, key, value, "file")
        self.problems.extend(text for _, text in sorted(document.problems))

    def read_environment(self, environ: Mapping[str, str]) -> None:
        """Take `SIDECAR_SECTION__KEY` in, and the files that `SIDECAR_SECTION__KEY_FILE` name."""
        for name in sorted(environ):
            if not name.startswith(PREFIX) or SEPARATOR not in name:
                continue
            section, _, key = name.removeprefix(PREFIX).lower().partition(SEPARATOR)
            value: Any = environ[name]
            named = key.removesuffix(FILE_SUFFIX.lower())
            if key != named and _unknown(section, key):
                if name.removesuffix(FILE_SUFFIX) in environ:
                    self.problems.append(f"{name}: stands beside {name.removesuffix(FILE_SUFFIX)}")
                    continue
                key, value = named, self._read_secret(name, Path(value))
            if hint := _unknown(section, key):
                self.problems.append(f"{name}: {hint}")
            elif value is not None:
                if takes_yaml(section, key):
                    value = self._read_yaml(name, value)
                self.put(section, key, value, name)

    def _read_secret(self, name: str, path: Path) -> str | None:
        try:
            with path.open("rb") as file:
                text = file.read(LARGEST_FILE).decode("utf-8")
        except OSError as error:
            self.problems.append(f"{name}: {path}: {error.strerror}")
            return None
        except UnicodeDecodeError:
            self.problems.append(f"{name}: {path}: is not UTF-8")
            return None
        return text.removesuffix("\n").removesuffix("\r")

    def _read_yaml(self, name: str, text: str) -> Any:
        try:
            return read_document(text, name).values
        except DocumentInvalid as error:
            self.problems.extend(error.problems)
            return None


def _unknown(section: str, key: str) -> str:
    """Return why there is no such key, or nothing."""
    schema = SECTIONS.get(section)
    if schema is None:
        return f"there is no section {section!r}{suggest(section, list(SECTIONS))}"
    known = list(schema().fields)
    return "" if key in known else f"is not known{suggest(key, known)}"
