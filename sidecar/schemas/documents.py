"""YAML, read strictly: each value keeps its line.

And what YAML would silently reinterpret is refused. PyYAML keeps the last of two equal keys, reads
`no` as a boolean and `1:30` as ninety; here a key stands once, booleans are `true` and `false`, and
everything else that looks odd stays text.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final

import yaml

from sidecar.errors import DocumentInvalid

DEEPEST: Final = 16  # levels; no document of ours has more than six
MOST_PROBLEMS: Final = 100

Path = tuple[str | int, ...]

_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_SURPRISES: Final = frozenset({"yes", "no", "on", "off", "y", "n"})
_NULLS: Final = frozenset({"", "~", "null"})


@dataclass(slots=True)
class Document:
    """The values of a file, and the line of each by its path."""

    name: str
    values: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[tuple[int, str]] = field(default_factory=list)

    def add_problem(self, path: Path, text: str) -> None:
        """Note what is wrong with the value at `path`."""
        place = ".".join(map(str, path))
        line = self.line_of(path)
        self.problems.append((line, f"{self.name}:{line}: {place + ': ' if place else ''}{text}"))

    def line_of(self, path: Path) -> int:
        """Return the line of the value at `path`, or of what ought to hold it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def add_messages(self, messages: Mapping[Any, Any], path: Path = ()) -> None:
        """Note the messages of marshmallow, which are nested as the values are."""
        for key, inner in messages.items():
            here = path if key == "_schema" else (*path, key)
            if isinstance(inner, Mapping):
                self.add_messages(inner, here)
            else:
                for text in inner if isinstance(inner, list) else [inner]:
                    self.add_problem(here, str(text))

    def refuse_problems(self) -> None:
        """Raise DocumentInvalid with all problems in the order of their lines, if there are any."""
        if self.problems:
            lines = [text for _, text in sorted(self.problems)]
            raise DocumentInvalid(tuple(lines[:MOST_PROBLEMS]))


def read_document(text: str, name: str) -> Document:
    """Return the document in `text`, which the file `name` holds. Raises DocumentInvalid."""
    document = Document(name)
    try:
        events = yaml.parse(text, Loader=yaml.CSafeLoader)
        _Reader(document, events).read()
    except yaml.MarkedYAMLError as error:
        line = 1 if error.problem_mark is None else error.problem_mark.line + 1
        raise DocumentInvalid((f"{name}:{line}: is not YAML: {error.problem}",)) from None
    except (yaml.YAMLError, UnicodeError):
        raise DocumentInvalid((f"{name}:1: has characters that YAML does not allow",)) from None
    document.refuse_problems()
    return document


def suggest(word: str, known: list[str]) -> str:
    """Return a hint at the nearest known word, or nothing."""
    near = get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def dump_document(values: object) -> str:
    """Return values as YAML."""
    text: str = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
    return text


class _Reader:
    """Builds values from YAML's events."""

    def __init__(self, document: Document, events: Iterator[Any]) -> None:
        self._document = document
        self._events = events

    def read(self) -> None:
        next(self._events)  # the stream begins
        event = next(self._events)
        if isinstance(event, yaml.StreamEndEvent):
            return
        self._document.values = self._value(next(self._events), ())
        next(self._events)  # the document ends
        if not isinstance(next(self._events), yaml.StreamEndEvent):
            raise DocumentInvalid((f"{self._document.name}:1: holds more than one document",))

    def _value(self, event: Any, path: Path) -> Any:
        self._document.lines[path] = event.start_mark.line + 1
        if len(path) > DEEPEST:
            raise DocumentInvalid(
                (f"{self._document.name}:{event.start_mark.line + 1}: is nested too deeply",)
            )
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            self._document.add_problem(path, "anchors and aliases are not read here")
            if isinstance(event, yaml.AliasEvent):
                return None
        if event.tag not in {None, "!"}:
            self._document.add_problem(path, f"the tag {event.tag} is not read here")
        match event:
            case yaml.MappingStartEvent():
                return self._mapping(path)
            case yaml.SequenceStartEvent():
                return self._sequence(path)
            case _:
                return self._scalar(event, path)

    def _mapping(self, path: Path) -> dict[str, Any]:
        values: dict[str, Any] = {}
        event: Any
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise DocumentInvalid(
                    (f"{self._document.name}:{event.start_mark.line + 1}: a key must be text",)
                )
            key = event.value
            line = event.start_mark.line + 1
            value = self._value(next(self._events), (*path, key))
            self._document.lines[*path, key] = line
            if key in values:
                self._document.add_problem((*path, key), "stands twice")
            values[key] = value
        return values

    def _sequence(self, path: Path) -> list[Any]:
        values: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            values.append(self._value(event, (*path, len(values))))
        return values

    def _scalar(self, event: Any, path: Path) -> str | int | bool | None:
        text: str = event.value
        if event.style is not None or event.tag == "!":
            return text
        if text in _NULLS:
            return None
        if text in {"true", "false"}:
            return text == "true"
        if text.lower() in _SURPRISES or text.lower() in {"true", "false"}:
            self._document.add_problem(
                path, f"{text} could be read as a boolean: write true, false, or quote it"
            )
            return None
        return int(text) if _INTEGER.fullmatch(text) else text
