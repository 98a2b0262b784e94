"""Spellings of a protected path, and how common servers read a target."""

from typing import Final
from urllib.parse import unquote_to_bytes

HOST: Final = "app.example.com"
PROTECTED: Final = "/admin"

_DOTS = ("..", "%2e%2e", "%2E.", ".%2e", "%252e%252e", "..;", "..;x=1", "..%00", "..%09", ". .")
_SLASHES = ("%2f", "%2F", "%252f", "%252F", "\\", "%5c", "%5C", "%255c", "%c0%af", "%e0%80%af")
_MARKS = (";", ";x", ";x=1", "%3b", "%3Bx", "%20", "%09", "\t", "%00", "%0a", "%0d")
_DOT_MARKS = (".", "%2e", "..")
_MORE_MARKS = ("#", "#x", "%23", "%3f", "?x", "?", "!", "~", "*", "%7f", "%80", "\x80", "\xa0")
_REST = ("x", "x/", "/x", "/x/", ".php", "=1", "/../../public/")
_DROPPED = (
    *(". .", "...", "%20%20", ".%20", "%20.", "::$DATA", "::$data", "%3A%3A$DATA", "::%24DATA"),
    *("::$INDEX_ALLOCATION", ".::$DATA", "%20::$DATA", "::$DATA.", "::$DATA::$DATA"),
    ":$I30:$INDEX_ALLOCATION",
)
_LETTERS = {
    "a": ("%61", "%2561", "%25%36%31", "A", "%41", "%c1%a1", "%u0061", "&#97;", "%EF%BD%81", "%e1"),
    "d": ("%64", "%2564", "D", "%44", "%c1%a4", "%u0064", "%%36%34", "%6", "%6g"),
    "n": ("%6e", "%6E", "%256e", "N", "%4e", "%C1%AE", "\xf1", "%EF%BD%8E"),
}

# A target each; texts are Latin-1, so any octet can be said.
SPELLINGS: Final = (
    "/admin",
    "/admin/",
    "/admin/x",
    "/admin?x=1",
    # dot segments
    *(f"/public/{dots}/admin/" for dots in _DOTS),
    *(f"/{dots}/admin/" for dots in _DOTS),
    *(f"/public/x/{dots}/{dots}/admin/" for dots in _DOTS),
    *(f"/public/{dots}%2fadmin/" for dots in _DOTS[1:4]),
    *(f"/public\\{dots}\\admin/" for dots in _DOTS[1:4]),
    "/./admin/",
    "/%2e/admin/",
    "/%252e/admin/",
    "/admin/.",
    "/admin/./",
    "/admin/x/..",
    "/admin/x/../",
    "/admin/../admin/",
    "/.//admin/",
    "/public/.../admin/",
    "/public/..../../admin/",
    # slashes
    *(f"/public{slash}..{slash}admin/" for slash in _SLASHES),
    *(f"/public/..{slash}admin/" for slash in _SLASHES),
    *(f"{slash}admin/" for slash in _SLASHES),
    *(f"/{slash}admin{slash}" for slash in _SLASHES),
    *(f"/admin{slash}" for slash in _SLASHES),
    "//admin/",
    "///admin/",
    "/public//../admin/",
    "/admin//",
    "//public/..//admin/",
    # marks before and behind
    *(f"/admin{mark}" for mark in (*_MARKS, *_DOT_MARKS, *_MORE_MARKS)),
    *(f"/admin{mark}/" for mark in (*_MARKS, *_DOT_MARKS, *_MORE_MARKS)),
    *(f"/{mark}/admin/" for mark in _MARKS),
    *(f"/public/{mark}/../../admin/" for mark in (*_MARKS, *_DOT_MARKS)),
    # letters
    *("/admin/".replace(letter, other) for letter, others in _LETTERS.items() for other in others),
    "/ADMIN/",
    "/Admin",
    "/aDMIN?x=1",
    *(f"/adm%C4%B1n{rest}" for rest in ("", "/", "/x", "/x/y")),  # a dotless i: its capital is I
    *(f"/ADM%C4%B1N{rest}" for rest in ("", "/x", ".", "%3f", "%20/x")),
    "/adm%C4%B0n/",
    "/%EF%BC%8Fadmin/",  # a full-width slash
    "/%E2%84%AAadmin/",
    "/%2561%2564min/",
    "/%252561dmin/",
    "/%61%64%6d%69%6e/",
    "/%61%64%6d%69%6e%2f",
    # whole URLs, and what is none
    f"http://{HOST}/admin/",
    f"HTTP://{HOST.upper()}/admin/",
    f"http://{HOST}:80/admin/",
    f"http://{HOST}//admin/",
    f"http://{HOST}/public/../admin/",
    f"http://{HOST}/public/%2e%2e/admin/",
    f"http://{HOST}\\admin/",
    f"http:/{HOST}/admin/",
    f"https://{HOST}/admin/",
    f"//{HOST}/admin/",
    f"//{HOST}/../admin/",
    f"/http://{HOST}/admin/",
    "/public/?/../admin/",
    "/public/#/../../admin/",
    "/public/%3f/../../admin/",
    "/public/%23/../../admin/",
    # what ends a path for who splits it once more, and what Windows drops
    *(f"/admin{mark}{rest}" for mark in ("%3f", "%3F", "%23") for rest in _REST),
    *(f"/%61dmin{mark}/" for mark in ("%3fx", "%23x", "%253f", "%2523")),
    *(f"/admin{mark}" for mark in _DROPPED),
    *(f"/admin{mark}/x" for mark in (*_DROPPED, *_DOT_MARKS, "%20")),
    *(f"/admin{mark}/y.php" for mark in (*_DROPPED, *_DOT_MARKS, "%20")),
    *(f"/Admin{mark}" for mark in (".", "%20", "::$DATA")),
    *(f"/public/../admin{mark}" for mark in (".", "%20", "::$DATA")),
    "admin/",
    "*/admin/",
    "?/admin/",
    "/public /../admin/",
    "/admin /",
    "/public/\x01/../../admin/",
    "/admin/\x7f",
    # our own paths within
    "/auth/../admin/",
    "/auth/%2e%2e/admin/",
    "/auth/..%2fadmin/",
    "/auth/login/../../admin/",
    "/auth/login;/../../admin/",
    "/auth//../admin/",
    "/verify/envoy/../../admin/",
    "/../../auth/login/../../admin/",
    "/../admin/../../login",
)


def find_readings(target: str) -> dict[str, str]:
    """Return the path of a target as each of several servers reads it; texts are Latin-1."""
    path = _cut(target.encode("latin-1"))
    scheme, colon, rest = path.partition(b"://")
    if colon and b"/" not in scheme:
        path = b"/" + rest.partition(b"/")[2]
    once = unquote_to_bytes(path)
    twice = unquote_to_bytes(once)
    return {
        "plain": once.decode("latin-1"),
        "decodes twice": twice.decode("latin-1"),
        "resolves dots": _resolve(once).decode("latin-1"),
        "decodes twice and resolves dots": _resolve(twice).decode("latin-1"),
        "cuts what it decoded": _resolve(_cut(once)).decode("latin-1"),
        "is a Windows": _resolve(_drop(once)).decode("latin-1"),
        "capitalizes": _capitalize(once),
    }


def _cut(path: bytes) -> bytes:
    """Read a path as who parses it once more after decoding, as part of a URL."""
    return path.partition(b"?")[0].partition(b"#")[0]


def _drop(path: bytes) -> bytes:
    """Read a path as Windows reads the name of a file: a colon begins the name of a stream.

    A segment of nothing else stays.
    """
    segments = path.replace(b"\\", b"/").split(b"/")
    return b"/".join(each.partition(b":")[0].rstrip(b". ") or each for each in segments)


def _capitalize(path: bytes) -> str:
    """Read a path as who compares capitals: the dotless i has that of i."""
    return path.decode("utf-8", "replace").upper().lower()


def _resolve(path: bytes) -> bytes:
    """Read a path as lenient servers do.

    A backslash is a slash, a semicolon begins a parameter, a NUL ends the text, case does not
    matter, and neither do doubled slashes.
    """
    path = path.partition(b"\0")[0].replace(b"\\", b"/").lower()
    resolved: list[bytes] = []
    for segment in path.split(b"/"):
        name = segment.partition(b";")[0]
        if name == b"..":
            del resolved[-1:]
        elif name not in {b"", b"."}:
            resolved.append(name)
    return b"/" + b"/".join(resolved)


def is_protected(path: str) -> bool:
    """Say whether a path lies where the role is needed."""
    return path == PROTECTED or path.startswith(PROTECTED + "/")
