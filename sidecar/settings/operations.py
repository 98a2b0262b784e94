"""Where the operations listener is, found without judging all other settings.

To judge them takes longer than to ask whether the service is ready, which happens every few seconds
for as long as it runs.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from sidecar.errors import DocumentInvalid
from sidecar.schemas.defaults import DEFAULTS
from sidecar.schemas.values import Listen, parse_listen
from sidecar.settings.files import FILE_SUFFIX, find_file, list_ours, read_file

_SECTION: Final = "server"
_KEY: Final = "operations_listen"


def find_operations_listen(file: Path | None, environ: Mapping[str, str]) -> Listen | None:
    """Return what `load_settings` would as `server.operations_listen`; None: it has to say.

    So it is where a name is unknown, where the address is not right, and where a file of its own
    holds it. The values of all other settings are not looked at.
    """
    here = Path.cwd()
    path = find_file(file, environ)
    sections: dict[str, Any] = {}
    if path is not None:
        try:
            document = read_file(path)
        except DocumentInvalid:
            return None
        if document.problems:
            return None
        sections = document.values
    paths = [way for _, way in list_ours(environ)]
    members = {name: each for name, each in sections.items() if isinstance(each, dict)}
    paths += [(name,) for name in sections]
    paths += [(name, key) for name, keys in members.items() for key in keys]
    if not all(map(_is_known, paths)):
        return None
    told = members.get(_SECTION, {}).get(_KEY, DEFAULTS[_SECTION][_KEY])
    for name, way in list_ours(environ):
        if way == (_SECTION, _KEY):
            told = environ[name]
    listen = parse_listen(told) if isinstance(told, str) else None
    if listen is None or listen.path is None:
        return listen
    base = here if path is None else (here / path).parent
    return Listen(path=base / listen.path)


def _is_known(path: tuple[str, ...]) -> bool:
    """Say whether there is such a key; those that name a file are, but not for the address."""
    if path == (_SECTION, _KEY + FILE_SUFFIX.lower()):
        return False
    below: object = DEFAULTS
    for depth, name in enumerate(path, 1):
        if not isinstance(below, Mapping):
            return False
        plain = name.removesuffix(FILE_SUFFIX.lower()) if depth == len(path) else name
        if name not in below and plain not in below:
            return False
        below = below[name if name in below else plain]
    return True
