"""The files of an operator's theme, read and judged once at the start."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sidecar.errors import DocumentInvalid
from sidecar.schemas.texts import LARGEST_TEXTS, parse_texts
from sidecar.settings import PageSettings
from sidecar.sources.policytext import open_file
from sidecar.web.context import PublicUrl
from sidecar.web.pages.engine import FOLDER
from sidecar.web.pages.theme import Asset, Theme

LARGEST_LOGO: Final = 65_536  # octets; it is shown 32 pixels high, on every page
LARGEST_STYLESHEET: Final = 131_072  # octets; ours has a tenth
LOGO_TYPES: Final[Mapping[str, str]] = {
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webp": "image/webp",
}


def read_theme(settings: PageSettings, public_url: str) -> Theme:
    """Return the theme that the settings name. Raises DocumentInvalid with every problem at once.

    Without a name the pages are called as the host where they are.
    """
    problems: list[str] = []
    own = FOLDER / "texts" / "en.yaml"
    texts = parse_texts(_read(own, LARGEST_TEXTS).decode("utf-8"), str(own))
    try:
        if settings.texts is not None:
            text = _decode(_read(settings.texts, LARGEST_TEXTS), settings.texts)
            texts = parse_texts(text, str(settings.texts), like=texts)
    except DocumentInvalid as error:
        problems += error.problems
    logo = stylesheet = None
    try:
        logo = _read_logo(settings.logo or FOLDER / "logo.svg")
    except DocumentInvalid as error:
        problems += error.problems
    try:
        if settings.stylesheet is not None:
            octets = _read(settings.stylesheet, LARGEST_STYLESHEET)
            _decode(octets, settings.stylesheet)
            stylesheet = Asset.of(octets, "text/css")
    except DocumentInvalid as error:
        problems += error.problems
    if problems or logo is None:
        raise DocumentInvalid(tuple(problems))
    name = settings.name or PublicUrl.parse(public_url).host.name
    return Theme(name, texts, logo, stylesheet)


def _read_logo(path: Path) -> Asset:
    """Return a logo whose name and octets say the same of what it is. Raises DocumentInvalid."""
    media_type = LOGO_TYPES.get(path.suffix.lower())
    octets = _read(path, LARGEST_LOGO)
    if media_type is None or media_type != _guess_type(octets):
        raise DocumentInvalid((f"{path}: is no SVG, PNG or WebP of that name",))
    return Asset.of(octets, media_type)


def _guess_type(octets: bytes) -> str | None:
    """Return what an image is by how it begins (WHATWG MIME Sniffing, 6.1)."""
    if octets.startswith(b"\x89PNG\r\n\x1a\n"):
        return LOGO_TYPES[".png"]
    if octets.startswith(b"RIFF") and octets[8:14] == b"WEBPVP":
        return LOGO_TYPES[".webp"]
    start = octets.removeprefix(b"\xef\xbb\xbf").lstrip()
    svg = start.startswith((b"<svg", b"<?xml", b"<!--")) and b"<svg" in octets
    return LOGO_TYPES[".svg"] if svg else None


def _read(path: Path, largest: int) -> bytes:
    """Return the octets of a regular file. Raises DocumentInvalid."""
    file = open_file(path)
    if file is None:
        raise DocumentInvalid((f"{path}: there is no such file",))
    with file:
        try:
            octets = file.read(largest + 1) or b""  # None: one of the kernel's, which waits
        except OSError as error:
            raise DocumentInvalid((f"{path}: {error.strerror}",)) from None
    if len(octets) > largest:
        raise DocumentInvalid((f"{path}: is larger than {largest} octets",))
    return octets


def _decode(octets: bytes, path: Path) -> str:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        raise DocumentInvalid((f"{path}:{line}: is not UTF-8",)) from None
