r"""Where a login may send the browser (`rd`), as a browser would read it (WHATWG URL, 4.4).

Browsers repair addresses: they drop tabs, read `\` as `/`, and take `//evil` for a host. So
nothing is repaired here: what is not already in the plain spelling of RFC 3986 is not safe.
"""

import re
from collections.abc import Collection
from typing import Final

from sidecar.core.facts import parse_host
from sidecar.core.policy import wildcards
from sidecar.core.verdict import Deny

LONGEST_REDIRECT: Final = 2048  # characters; what is longer is dropped, the login goes on

_REST: Final = r"(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@/?#-]|%[0-9A-Fa-f]{2})*)"
_ABSOLUTE: Final = re.compile(rf"(https?)://([A-Za-z0-9._:\[\]-]+)({_REST}?)", re.ASCII)
_RELATIVE: Final = re.compile(rf"(?!//){_REST}", re.ASCII)


def is_safe_redirect(
    rd: str, *, public_scheme: str, public_host: str, hosts: Collection[str]
) -> bool:
    """Say whether a browser that is sent to `rd` ends up at this service or at one of `hosts`.

    `hosts` are canonical hosts and `*.domain`, without port: any port of theirs is theirs. Where
    the service itself is reached by https, a way back by http is not safe: the session cookie would
    not be sent there.
    """
    if len(rd) > LONGEST_REDIRECT:
        return False
    if _RELATIVE.fullmatch(rd):
        return True
    match = _ABSOLUTE.fullmatch(rd)
    if match is None or (match[1] == "http" and public_scheme == "https"):
        return False
    host = parse_host(match[2])
    if isinstance(host, Deny):
        return False
    return (
        host.name == public_host
        or host.name in hosts
        or any(wildcard in hosts for wildcard in wildcards(host.name))
    )
