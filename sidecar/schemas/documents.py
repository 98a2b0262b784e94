"""YAML, read strictly: every value keeps its line, and nothing is silently reinterpreted.

PyYAML keeps the last of two equal keys, reads `no` as a boolean, `010` as eight and `1:30` as
ninety. Here a key stands once, booleans are `true` and `false`, whole numbers are decimal, and
everything else is text.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final

import yaml

from sidecar.errors import DocumentInvalid

DEEPEST: Final = 16  # levels; no document of ours has more than six
MOST_PROBLEMS: Final = 100  # lines; who made more mistakes has given the wrong file
LONGEST_SHOWN: Final = 80  # characters of a key in a problem

Path = tuple[str | int, ...]

_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})", re.ASCII)
_SURPRISES: Final = frozenset({"yes", "no", "on", "off", "y", "n", "true", "false"})
_NULLS: Final = frozenset({"", "~", "null"})
_PLAIN: Final = frozenset({None, ""})  # how the two parsers call a scalar without quotes


@dataclass(slots=True)
class Document:
    """Values, the line of each by its path, and what is wrong with them.

    `root` is the path that a document is the value of, where it is no file but one variable: its
    problems then begin with the name alone. A value that is not what was meant is told once, as
    that, and judged no further.
    """

    name: str
    root: Path = ()
    values: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    _problems: list[tuple[int, str]] = field(default_factory=list)
    _lacking: set[Path] = field(default_factory=set)

    def add_problem(self, path: Path, text: str) -> None:
        """Note what is wrong with the value at `path`."""
        if path not in self._lacking:
            self._note(path, text)

    def add_lack(self, path: Path, text: str) -> None:
        """Note why the value at `path` is not what was meant."""
        self._lacking.add(path)
        self._note(path, text)

    def lacks(self, path: Path) -> bool:
        """Say whether the value at `path`, or what ought to hold it, is not what was meant."""
        return any(path[:depth] in self._lacking for depth in range(len(path) + 1))

    def _note(self, path: Path, text: str) -> None:
        line = self.line_of(path)
        head = self.name if self.root else f"{self.name}:{line}"
        place = ".".join(show_key(key) for key in path[len(self.root) :])
        self._problems.append((line, f"{head}: {place + ': ' if place else ''}{text}"))

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
                for text in inner:
                    self.add_problem(here, str(text))

    @property
    def problems(self) -> tuple[str, ...]:
        """One line for each mistake, in the order of the document."""
        told = [text for _, text in sorted(self._problems, key=lambda problem: problem[0])]
        if len(told) > MOST_PROBLEMS:
            told[MOST_PROBLEMS:] = [f"{self.name}: and {len(told) - MOST_PROBLEMS} more problems"]
        return tuple(told)

    def refuse_problems(self) -> None:
        """Raise DocumentInvalid with all problems, if there are any."""
        if self._problems:
            raise DocumentInvalid(self.problems)


def read_document(text: str, name: str, *, largest: int, root: Path = ()) -> Document:
    """Return the document in `text`, of at most `largest` characters, with its problems.

    The values are mappings with text keys, lists, text, whole numbers, booleans and None. `name`
    is the file's, or with `root` the variable's that holds the value of that path. What cannot be
    read at all lacks its root.
    """
    document = Document(name, root)
    if len(text) > largest:
        document.add_lack(root, f"is larger than {largest} characters")
        return document
    try:
        _Reader(document, yaml.parse(text, Loader=yaml.CSafeLoader)).read()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        _refuse(document, 1 if mark is None else mark.line + 1, f"is not YAML: {error.problem}")
    except yaml.reader.ReaderError as error:  # its position counts octets
        line = text.encode()[: error.position].count(b"\n") + 1
        _refuse(document, line, "has a character that YAML does not allow")
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        _refuse(document, line, "has octets that are not UTF-8")
    return document


def _refuse(document: Document, line: int, text: str) -> None:
    """Note what makes the rest unreadable."""
    document.lines[document.root] = line
    document.add_lack(document.root, text)


def suggest(word: str, known: Iterable[str], prefix: str = "") -> str:
    """Return a hint at the nearest known word, or nothing; `prefix` is what all of them share."""
    near = get_close_matches(word[:LONGEST_SHOWN], list(known), n=1)
    return f"; did you mean {prefix}{near[0]}?" if near else ""


def show_key(key: str | int) -> str:
    """Return a key as it may stand in a line for a person, whatever characters it has."""
    shown = str(key)[:LONGEST_SHOWN]
    return shown if shown.isprintable() else shown.encode("unicode_escape").decode("ascii")


def dump_document(values: object) -> str:
    """Return values as YAML."""
    text: str = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
    return text


class _StopReadingError(yaml.MarkedYAMLError):
    """What comes next cannot be read at all."""


class _Reader:
    """Builds values from YAML's events."""

    def __init__(self, document: Document, events: Iterator[Any]) -> None:
        self._document = document
        self._events = events

    def read(self) -> None:
        """Fill the document."""
        next(self._events)  # the stream begins
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return
        root = self._document.root
        self._document.values = self._value(next(self._events), root)
        next(self._events)  # the document ends
        event = next(self._events)
        if not isinstance(event, yaml.StreamEndEvent):
            self._document.lines[root] = _line_of(event)
            self._document.add_lack(root, "a second document begins")

    def _value(self, event: Any, path: Path) -> Any:
        self._document.lines.setdefault(path, _line_of(event))
        if len(path) > DEEPEST:
            raise _StopReadingError(problem="nested too deeply", problem_mark=event.start_mark)
        self._refuse_decoration(event, path)
        match event:
            case yaml.MappingStartEvent():
                return self._mapping(path)
            case yaml.SequenceStartEvent():
                return self._sequence(path)
            case yaml.ScalarEvent():
                return self._scalar(event, path)
            case _:  # an alias
                return None

    def _refuse_decoration(self, event: Any, path: Path) -> None:
        if event.anchor is not None:
            self._document.add_lack(path, "anchors and aliases are not read here: write it out")
        if getattr(event, "tag", None) not in {None, "!"}:
            self._document.add_lack(path, "tags are not read here: write the value alone")

    def _mapping(self, path: Path) -> dict[str, Any]:
        values: dict[str, Any] = {}
        event: Any
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise _StopReadingError(problem="a key must be text", problem_mark=event.start_mark)
            here = (*path, event.value)
            double = event.value in values
            self._document.lines[here] = _line_of(event)
            self._refuse_decoration(event, here)
            if event.style in _PLAIN and _reads_otherwise(event.value):
                self._document.add_lack(here, "a key must be text: quote it")
            if double:
                self._document.add_lack(here, "stands twice")
            values[event.value] = self._value(next(self._events), here)
        return values

    def _sequence(self, path: Path) -> list[Any]:
        values: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            values.append(self._value(event, (*path, len(values))))
        return values

    def _scalar(self, event: yaml.ScalarEvent, path: Path) -> str | int | bool | None:
        text: str = event.value
        if event.style not in _PLAIN or not _reads_otherwise(text):
            return text
        if text in _NULLS:
            return None
        if text in {"true", "false"}:
            return text == "true"
        if _INTEGER.fullmatch(text):
            return int(text)
        hint = f"{text} is a boolean to some readers: write true or false, or quote it"
        self._document.add_lack(path, hint)
        return None


def _line_of(event: Any) -> int:
    line: int = event.start_mark.line
    return line + 1


def _reads_otherwise(text: str) -> bool:
    """Say whether some reader of YAML makes something else than text of this plain scalar."""
    return text in _NULLS or text.lower() in _SURPRISES or _INTEGER.fullmatch(text) is not None
