"""Who somebody is, as header lines for the upstream."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from sidecar.core.claims import Claims

REMEMBERED: Final = 256  # lists of roles that were encoded; they have 4 kB at most

# Visible ASCII but the percent sign; what else stands in a value is percent-encoded, so that
# decoding is exact.
_VISIBLE: Final = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) != "%")
_COMMA: Final = ","  # between the items of a list


@dataclass(frozen=True, slots=True)
class Identity:
    """How the upstream is told who asks.

    `headers` are names by what they say (the keys of HEADERS in schemas/identity.py), `assertion`
    is that of the assertion, which is empty unless `asserts`.
    """

    headers: Mapping[str, str]
    assertion: str
    asserts: bool


def encode_value(text: str, *, aside: str = "%") -> str:
    """Return `text` as a header value.

    Visible ASCII and inner spaces stand as they are; all else, the percent sign and the one
    character `aside` is percent-encoded UTF-8.
    """
    # Nearly all are made of nothing else: a twentieth of what looking at each character takes.
    if (
        text.isascii()
        and text.isprintable()
        and "%" not in text
        and aside not in text
        and text.strip(" ") == text
    ):
        return text
    inner = quote(text, safe=_VISIBLE.replace(aside, "") + " ")
    lead = len(inner) - len(inner.lstrip(" "))
    tail = len(inner) - len(inner.rstrip(" ")) if lead < len(inner) else 0
    return "%20" * lead + inner[lead : len(inner) - tail] + "%20" * tail


def render_identity(identity: Identity, claims: Claims | None) -> bytes:
    """Return the header lines about these claims: all of them, empty for nobody."""
    values = {} if claims is None else _describe(claims)
    lines = [f"{name}: {values.get(key, '')}\r\n" for key, name in identity.headers.items()]
    return "".join(lines).encode("ascii")


def _describe(claims: Claims) -> Mapping[str, str]:
    """Return the value of each header; a program has no username but its `client_id`."""
    return {
        "user": encode_value(claims.preferred_username or claims.sub),
        "name": encode_value(claims.name or ""),
        "email": encode_value(claims.email or ""),
        "groups": _encode_roles(claims.roles),
        "subject": encode_value(claims.sub),
        "scope": encode_value(claims.scope),
    }


@lru_cache(maxsize=REMEMBERED)
def _encode_roles(roles: tuple[str, ...]) -> str:
    return _COMMA.join(encode_value(role, aside=_COMMA) for role in roles)
