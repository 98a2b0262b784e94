"""The values that settings are made of: durations, addresses to listen at, networks, origins."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final

from marshmallow import ValidationError, fields

from sidecar.core.facts import LARGEST_PORT, Network, parse_host
from sidecar.core.text import is_plain_text
from sidecar.core.verdict import Deny

LONGEST_TEXT: Final = 4096  # characters
UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

_DURATION: Final = re.compile(r"(?:[0-9]{1,9}[smhd])+")
_DURATION_PART: Final = re.compile(r"([0-9]+)([smhd])")
_URL: Final = re.compile(r"(https?)://([^/?#@\s]+)(/[A-Za-z0-9._~/-]*)?")


@dataclass(frozen=True, slots=True)
class Listen:
    """Where to listen: a TCP address, or a Unix socket where `path` is set."""

    host: str = ""
    port: int = 0
    path: Path | None = None

    def of_workers(self, count: int) -> "list[Listen]":
        """Return the addresses for so many processes.

        The ports, or numbered sockets, from here on.
        """
        if count == 1 or (self.path is None and self.port == 0):
            return [self]
        if self.path is not None:
            return [
                Listen(path=self.path.with_name(f"{self.path.name}.{number}"))
                for number in range(count)
            ]
        return [replace(self, port=self.port + number) for number in range(count)]

    def __str__(self) -> str:
        """Return the address as settings spell it."""
        if self.path is not None:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Words(fields.Field[str]):
    """Text on one line."""

    def _deserialize(
        self, value: object, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        if type(value) is not str or not value:
            raise ValidationError("must be text")
        if len(value) > LONGEST_TEXT or not is_plain_text(value):
            raise ValidationError("has control characters or is too long")
        return value


class Duration(fields.Field[int]):
    """A duration such as `10m` or `1h30m`, in seconds.

    Between two bounds that are spelled alike.
    """

    def __init__(self, least: str, most: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._least, self._most = least, most

    def _deserialize(
        self, value: object, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> int:
        if type(value) is not str or _DURATION.fullmatch(value) is None:
            raise ValidationError("must be a duration such as 30s, 10m, 12h or 30d")
        seconds = to_seconds(value)
        if not to_seconds(self._least) <= seconds <= to_seconds(self._most):
            raise ValidationError(f"must be {self._least} to {self._most}")
        return seconds


def to_seconds(text: str) -> int:
    """Return the seconds of a well-formed duration."""
    return sum(int(number) * UNITS[unit] for number, unit in _DURATION_PART.findall(text))


class ListenAddress(fields.Field[Listen]):
    """`HOST:PORT`, `[IPV6]:PORT` or `unix:PATH`."""

    def _deserialize(
        self, value: object, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Listen:
        if type(value) is str and value.startswith("unix:") and len(value) > len("unix:"):
            return Listen(path=Path(value.removeprefix("unix:")))
        host, colon, port = value.rpartition(":") if type(value) is str else ("", "", "")
        name = parse_host(host)
        if (
            not colon
            or isinstance(name, Deny)
            or not (port.isascii() and port.isdigit() and int(port) <= LARGEST_PORT)
        ):
            raise ValidationError("must be HOST:PORT, [IPV6]:PORT or unix:PATH")
        return Listen(name.name.strip("[]"), int(port))


class PublicAddress(fields.Field[str]):
    """The address of the service as browsers spell it; a slash at its end is cut."""

    def _deserialize(
        self, value: object, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        match = _URL.fullmatch(value) if type(value) is str else None
        host = parse_host(match[2]) if match else None
        path = (match[3] or "").rstrip("/") if match else ""
        if match is None or host is None or isinstance(host, Deny) or "//" in path:
            raise ValidationError("must be http(s)://HOST[:PORT][/PATH] without query")
        return f"{match[1]}://{host}{path}"


class Origin(fields.Field[str]):
    """An origin as browsers send it: scheme, host and, where it is not the default, port."""

    def _deserialize(
        self, value: object, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        match = _URL.fullmatch(value) if type(value) is str else None
        host = parse_host(match[2]) if match and not match[3] else None
        if match is None or host is None or isinstance(host, Deny):
            raise ValidationError("must be one origin, http(s)://HOST[:PORT]; `*` is not possible")
        return f"{match[1]}://{host}"


class NetworkAddress(fields.Field[Network]):
    """A network such as 10.0.0.0/8, without host bits, or one address."""

    def _deserialize(
        self, value: object, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Network:
        try:
            return ip_network(value if type(value) is str else "")
        except ValueError:
            raise ValidationError(
                "must be a network such as 10.0.0.0/8, without host bits"
            ) from None


class HostName(fields.Field[str]):
    """A host without scheme and port; with `wildcard`, also `*.example.com`."""

    def __init__(self, *, wildcard: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._wildcard = wildcard

    def _deserialize(
        self, value: object, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        text = value if type(value) is str else ""
        star = "*." if self._wildcard and text.startswith("*.") else ""
        host = parse_host(text.removeprefix(star))
        if isinstance(host, Deny) or host.port is not None:
            raise ValidationError("must be a host without scheme and port")
        return star + host.name


class OneOrMore(fields.List[Any]):
    """A list, or one of its items."""

    def _deserialize(
        self, value: object, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> list[Any]:
        return super()._deserialize(value if type(value) is list else [value], attr, data, **kwargs)


class StoreUrl(fields.Field[str]):
    """The URL of a store, of one of these schemes."""

    def __init__(self, *schemes: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._schemes = schemes

    def _deserialize(
        self, value: object, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        text = value if type(value) is str else ""
        scheme, separator, rest = text.partition("://")
        if scheme not in self._schemes or not separator or not rest or not is_plain_text(text):
            # The value is not told: it may hold a password.
            raise ValidationError(
                f"must begin with {' or '.join(f'{s}://' for s in self._schemes)}"
            )
        return text
