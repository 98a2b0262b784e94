"""Lists in a policy: what their members are, and what is wrong with those that are not."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Network, ip_network
from typing import Any, Final, Generic, TypeVar

from sidecar.core.addresses import Network
from sidecar.core.facts import parse_method
from sidecar.core.user import canonical_username, is_role
from sidecar.core.verdict import Deny
from sidecar.schemas.documents import LONGEST_SHOWN, Document, Path, show_key
from sidecar.schemas.values import IPV4_MAPPED, parse_amr, parse_network, parse_scope

_BETWEEN: Final = re.compile(r"[\s,]+")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ListOf(Generic[T]):
    """A list of at least one `noun`; `parse` returns None for a text that is none.

    `hint` says of such a text what it may have been meant as.
    """

    noun: str
    parse: Callable[[str], T | None]
    hint: Callable[[str], str] = lambda _: ""

    def read(self, document: Document, value: Any, path: Path) -> tuple[T, ...] | None:
        """Return the members, or None with every problem noted."""
        if not isinstance(value, list) or not value:
            hint = _as_list(value) if isinstance(value, str) else ""
            document.add_problem(path, f"must be a list of at least one {self.noun}{hint}")
            return None
        members = [
            self._read_member(document, member, (*path, index))
            for index, member in enumerate(value)
        ]
        read = tuple(member for member in members if member is not None)
        return read if len(read) == len(members) else None

    def _read_member(self, document: Document, member: Any, path: Path) -> T | None:
        if not isinstance(member, str):
            plain = isinstance(member, int)
            text = "must be text: quote it" if plain else f"is not a {self.noun}"
            document.add_problem(path, text)
            return None
        parsed = self.parse(member)
        if parsed is None:
            document.add_problem(path, f"is not a {self.noun}{self.hint(member)}")
        return parsed


def _as_list(text: str) -> str:
    """Return a hint at the list that a single text was meant as."""
    members = [show_key(each) for each in _BETWEEN.split(text) if each]
    return f"; did you mean [{', '.join(members)}]?" if members else ""


def _parse_method(text: str) -> str | None:
    return None if isinstance(parse_method(text), Deny) or text != text.upper() else text


def _hint_method(text: str) -> str:
    upper = text.upper()
    return f"; did you mean {upper}?" if _parse_method(upper) else ""


def _parse_role(text: str) -> str | None:
    return text if is_role(text) else None


def _hint_scope(text: str) -> str:
    members = text.split()
    several = len(members) > 1 and all(map(parse_scope, members))
    return f": write {', '.join(members)[:LONGEST_SHOWN]}" if several else ""


def _hint_network(text: str) -> str:
    try:
        network = None if "%" in text else ip_network(text, strict=False)
    except ValueError:
        network = None
    if network is None:
        return " such as 10.0.0.0/8, nor an address"
    if isinstance(network, IPv6Network) and network.subnet_of(IPV4_MAPPED):
        inner = network.network_address.ipv4_mapped
        return f": it is IPv4 mapped into IPv6; did you mean {inner}/{network.prefixlen - 96}?"
    return f": it has host bits; did you mean {network}?"


METHODS: Final = ListOf("method", _parse_method, _hint_method)
NETWORKS: Final[ListOf[Network]] = ListOf("network", parse_network, _hint_network)
USERS: Final = ListOf("username", canonical_username)
ROLES: Final = ListOf("role", _parse_role)
SCOPES: Final = ListOf("scope", parse_scope, _hint_scope)
AMR: Final = ListOf("way to log in", parse_amr)
