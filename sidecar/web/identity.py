"""Who somebody is, as header lines for the upstream."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from sidecar.core.claims import Claims
from sidecar.schemas.defaults import HEADERS
from sidecar.web.headers import NO_STORE, SERVER

REMEMBERED: Final = 256  # lists of roles that were encoded; they have 4 kB at most

# Visible ASCII but the percent sign; what else stands in a value is percent-encoded, so that
# decoding is exact.
_VISIBLE: Final = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) != "%")
_COMMA: Final = ","  # between the items of a list


@dataclass(frozen=True, slots=True)
class Identity:
    """How the upstream is told who asks.

    `headers` are names by what they say (the keys of HEADERS in schemas/identity.py), `assertion`
    is that of the assertion, which is empty unless `asserts`. `template` are the lines of an allow,
    with a `%s` for each value in the order of HEADERS, and one for the assertion.
    """

    headers: Mapping[str, str]
    assertion: str
    asserts: bool
    template: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        said = [f"{self.headers[key]}: %s" for key in HEADERS]
        own = [f"Cache-Control: {NO_STORE}", f"Server: {SERVER}", f"{self.assertion}: %s", ""]
        object.__setattr__(self, "template", "\r\n".join(said + own))


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


def render_allow(identity: Identity, claims: Claims | None, assertion: str) -> bytes:
    """Return the header lines of an allow: they are for the upstream, the body is empty.

    About nobody all are empty; a program has no username but its `client_id`.
    """
    if claims is None:
        said = ("",) * len(HEADERS)
    else:
        said = (
            encode_value(claims.preferred_username or claims.sub),
            encode_value(claims.name or ""),
            encode_value(claims.email or ""),
            _encode_roles(claims.roles),
            encode_value(claims.sub),
            encode_value(claims.scope),
        )
    return (identity.template % (*said, assertion)).encode("ascii")


@lru_cache(maxsize=REMEMBERED)
def _encode_roles(roles: tuple[str, ...]) -> str:
    return _COMMA.join(encode_value(role, aside=_COMMA) for role in roles)
