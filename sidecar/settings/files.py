"""Which file and which variables hold settings, and how a file is read.

As `operations.py` it imports no more than it needs: `healthcheck` starts every few seconds.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sidecar.errors import DocumentInvalid
from sidecar.schemas.defaults import LARGEST_SETTINGS

if TYPE_CHECKING:
    from sidecar.schemas.documents import Document

CONFIG_VARIABLE: Final = "SIDECAR_CONFIG"
CONFIG_FILE: Final = "sidecar.yaml"
PREFIX: Final = "SIDECAR_"
SEPARATOR: Final = "__"  # Kubernetes sets SIDECAR_PORT for a Service of our name: one is not ours
FILE_SUFFIX: Final = "_FILE"


def find_file(named: Path | None, environ: Mapping[str, str]) -> Path | None:
    """Return the settings file: the named one, `SIDECAR_CONFIG`, or `sidecar.yaml` if it exists."""
    if named is not None:
        return named
    if environ.get(CONFIG_VARIABLE):
        return Path(environ[CONFIG_VARIABLE])
    default = Path(CONFIG_FILE)
    return default if default.exists() else None


def read_file(path: Path) -> "Document":
    """Return the settings file with its problems. Raises DocumentInvalid where there is none."""
    from sidecar.schemas.documents import read_document  # noqa: PLC0415 - YAML is 12 ms

    text = read_text(path)
    document = read_document(text, str(path), largest=LARGEST_SETTINGS)
    if document.values is None:
        document.values = {}  # a file in which everything is a comment
    if not isinstance(document.values, dict):
        document.add_lack((), "must be a mapping of sections")
        document.values = {}
    return document


def list_ours(environ: Mapping[str, str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each variable that holds a setting, and the path that it spells."""
    for name in sorted(environ):
        if name.startswith(PREFIX) and SEPARATOR in name.removeprefix(PREFIX):
            yield name, tuple(name.removeprefix(PREFIX).lower().split(SEPARATOR))


def read_text(path: Path) -> str:
    """Return a file's text, bounded before it is read. Raises DocumentInvalid."""
    try:
        with path.open("rb") as file:
            octets = file.read(LARGEST_SETTINGS + 1)
    except (OSError, ValueError) as error:  # ValueError: a path with NUL in it
        told = error.strerror if isinstance(error, OSError) else "is not a path"
        raise DocumentInvalid((f"{path}: {told}",)) from None
    if len(octets) > LARGEST_SETTINGS:
        raise DocumentInvalid((f"{path}: is larger than {LARGEST_SETTINGS} octets",))
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        raise DocumentInvalid((f"{path}:{line}: is not UTF-8",)) from None
