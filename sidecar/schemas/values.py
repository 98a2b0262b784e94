"""The values that settings are made of: durations, addresses, networks, origins, URLs of stores.

Each `parse_*` returns None for a text that is no such value.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv6Network, ip_network
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from sidecar.core.addresses import Network
from sidecar.core.facts import LARGEST_PORT, parse_host
from sidecar.core.text import is_plain_text
from sidecar.core.verdict import Deny

LONGEST_TEXT: Final = 4096  # characters; PATH_MAX
LONGEST_URL: Final = 512  # characters; as long as an issuer may be (core/claims.py)
UNITS: Final = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
DEFAULT_PORTS: Final = {"http": 80, "https": 443}
SQLITE: Final = "sqlite:///"
IPV4_MAPPED: Final = IPv6Network("::ffff:0:0/96")
LONGEST_SCOPE: Final = 256  # characters of one scope-token

_DURATION: Final = re.compile(r"(?:[0-9]{1,9}[smhd]){1,4}", re.ASCII)
_DURATION_PART: Final = re.compile(r"([0-9]+)([smhd])", re.ASCII)
_SEGMENT: Final = r"/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._~-]+"
_URL: Final = re.compile(rf"(https?)://([^/?#@\\\s]+)((?:{_SEGMENT})*)(/?)", re.ASCII)
_SCOPE: Final = re.compile(rf"[\x21\x23-\x5b\x5d-\x7e]{{1,{LONGEST_SCOPE}}}", re.ASCII)
_AMR: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}", re.ASCII)  # as RFC 8176 spells them
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Listen:
    """Where to listen: a TCP address, or a Unix socket where `path` is set.

    `host` is as the socket wants it, IPv6 without brackets.
    """

    host: str = ""
    port: int = 0
    path: Path | None = None

    def __str__(self) -> str:
        """Return the address as settings spell it."""
        if self.path is not None:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def has_controls(text: str) -> bool:
    """Say whether a text has what nobody types: control characters, or halves of characters."""
    return _CONTROL.search(text) is not None


def parse_duration(text: str) -> int | None:
    """Return the seconds of `10m`, `1h30m`, `30d`."""
    if _DURATION.fullmatch(text) is None:
        return None
    return sum(int(number) * UNITS[unit] for number, unit in _DURATION_PART.findall(text))


def format_duration(seconds: int) -> str:
    """Return a duration as `parse_duration` reads it."""
    parts = []
    for unit, size in UNITS.items():
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def parse_scope(text: str) -> str | None:
    """Return a scope-token (RFC 6749 section 3.3): visible ASCII without quote and backslash."""
    return text if _SCOPE.fullmatch(text) else None


def parse_amr(text: str) -> str | None:
    """Return a way to log in (RFC 8176), one word of at most 32 characters."""
    return text if _AMR.fullmatch(text) else None


def parse_listen(text: str) -> Listen | None:
    """Return where to listen: `HOST:PORT`, `[IPV6]:PORT` or `unix:PATH`."""
    scheme, _, path = text.partition(":")
    if scheme == "unix":
        return Listen(path=Path(path)) if path and is_plain_text(path) else None
    name, _, port = text.rpartition(":")
    host = parse_host(name)
    if isinstance(host, Deny) or host.port is not None:
        return None
    if not re.fullmatch("[0-9]{1,5}", port, re.ASCII) or int(port) > LARGEST_PORT:
        return None
    return Listen(host.name.strip("[]"), int(port))


def parse_public_url(text: str) -> str | None:
    """Return an absolute http(s) URL as browsers spell it: no default port, no slash at its end."""
    match = _URL.fullmatch(text) if len(text) <= LONGEST_URL else None
    host = None if match is None else parse_host(match[2])
    if match is None or host is None or isinstance(host, Deny):
        return None
    authority = host.name if host.port == DEFAULT_PORTS[match[1]] else str(host)
    return f"{match[1]}://{authority}{match[3]}"


def parse_origin(text: str) -> str | None:
    """Return an origin as browsers send it (RFC 6454 section 6.2)."""
    return parse_public_url(text) if text.count("/") == len("//") else None


def parse_issuer(text: str) -> str | None:
    """Return an issuer (RFC 8414 section 2) exactly as it is written: it is compared as text."""
    return text if parse_public_url(text) is not None else None


def parse_host_pattern(text: str) -> str | None:
    """Return a canonical host or `*.domain`, without scheme and port."""
    wildcard = text.startswith("*.")
    host = parse_host(text.removeprefix("*."))
    if isinstance(host, Deny) or host.port is not None:
        return None
    if not wildcard:
        return host.name
    return None if _is_address(host.name) else f"*.{host.name}"  # nothing is below an address


def parse_domain(text: str) -> str | None:
    """Return a domain that browsers keep cookies for: a name of at least two labels."""
    host = parse_host(text)
    if isinstance(host, Deny) or host.port is not None or _is_address(host.name):
        return None
    return host.name if "." in host.name else None


def _is_address(host: str) -> bool:
    return host.startswith("[") or host.rpartition(".")[2].isdigit()


def parse_network(text: str) -> Network | None:
    """Return a network such as 10.0.0.0/8, or one address.

    Host bits are refused, since nobody knows what was meant; so are IPv4 addresses in IPv6
    clothes, which the gate undresses before it compares (`parse_address`).
    """
    try:
        network = ip_network(text)
    except ValueError:
        return None
    if isinstance(network, IPv6Network) and ("%" in text or network.subnet_of(IPV4_MAPPED)):
        return None
    return network


def parse_database_url(text: str) -> str | None:
    """Return `sqlite:///PATH` or `postgresql://HOST,…/DATABASE`."""
    if len(text) > LONGEST_TEXT or not is_plain_text(text):
        return None
    if text.startswith(SQLITE):
        path = text.removeprefix(SQLITE)
        return text if path.strip("/") and path != ":memory:" and "?" not in path else None
    try:
        parts = urlsplit(text)
        hosts = [urlsplit(f"//{host}") for host in parts.netloc.rpartition("@")[2].split(",")]
        named = all(each.hostname and each.port != 0 for each in hosts)
    except ValueError:
        return None
    named &= parts.path.count("/") == 1
    return text if parts.scheme == "postgresql" and named and parts.path != "/" else None
