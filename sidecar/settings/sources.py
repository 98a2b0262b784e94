"""Settings of the environment and the files that it names, and of the command line."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sidecar.errors import DocumentInvalid
from sidecar.schemas.defaults import LARGEST_SETTINGS
from sidecar.schemas.documents import Document, read_document, suggest
from sidecar.schemas.settings import find_unknown, list_keys, takes_none, takes_yaml
from sidecar.settings.files import FILE_SUFFIX, PREFIX, SEPARATOR, list_ours, read_text

Keys = tuple[str, ...]  # a section, a key, and perhaps a key below it


def read_environment(environ: Mapping[str, str], base: Path) -> Iterator[Document]:
    """Yield a document for each `SIDECAR_SECTION__KEY`, with its problems.

    A key below a key is spelled `SIDECAR_SECTION__KEY__BELOW`. `base` is what relative paths in
    `SIDECAR_SECTION__KEY_FILE` are relative to.
    """
    for name, spelled in list_ours(environ):
        path, text = spelled, environ[name]
        plain = name.removesuffix(FILE_SUFFIX)
        if plain != name and find_unknown(*path) is not None:
            path = (*path[:-1], path[-1].removesuffix(FILE_SUFFIX.lower()))
            if plain in environ:
                told = f"{plain} is set too; one of the two must go"
                yield _lack(name, path, told)
                continue
            if find_unknown(*path) is None:
                try:
                    text = read_text(base / text).removesuffix("\n").removesuffix("\r")
                except DocumentInvalid as error:
                    yield _lack(name, path, *error.problems)
                    continue
        if find_unknown(*path) is not None:
            hint = suggest(plain.removeprefix(PREFIX), _list_variables(), PREFIX)
            yield _lack(name, path, f"there is no such setting{hint}")
        else:
            yield _read_variable(name, path, text)


def read_flags(flags: Mapping[str, object]) -> Iterator[Document]:
    """Yield a document for each flag that was given; their keys are spelled `section.key`."""
    for name, value in flags.items():
        if value is None:
            continue
        section, _, key = name.partition(".")
        flag = f"--{key.replace('_', '-')}"
        if isinstance(value, str):
            yield _read_variable(flag, (section, key), value)
        else:
            yield _wrap(flag, (section, key), value)


def _read_variable(name: str, path: Keys, text: str) -> Document:
    if not text and takes_none(*path):
        return _wrap(name, path, None)
    if not takes_yaml(*path):
        return _wrap(name, path, text)
    document = read_document(text, name, largest=LARGEST_SETTINGS, root=path)
    document.values = _nest(path, document.values)
    return document


def _wrap(name: str, path: Keys, value: Any) -> Document:
    return Document(name, path, _nest(path, value))


def _nest(path: Keys, value: Any) -> Any:
    for key in reversed(path):
        value = {key: value}
    return value


def _lack(name: str, path: Keys, *problems: str) -> Document:
    """Return the document of a variable whose value cannot be had."""
    document = Document(name, path, {})
    for problem in problems:
        document.add_lack(path, problem)
    return document


def _list_variables() -> list[str]:
    return [SEPARATOR.join(path).upper() for path in list_keys()]
