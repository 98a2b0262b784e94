"""Which addresses networks hold together: 10.0.0.0/9 and 10.128.0.0/9 are all of 10.0.0.0/8."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final, NamedTuple

from sidecar.core.addresses import Network

_BEFORE_IPV6: Final = 1 << 32  # IPv4 addresses come first on the one line of numbers


class Range(NamedTuple):
    """Addresses from `first` to `last`, which the rule at `line` is the first to hold."""

    first: int
    last: int
    line: int


class Ranges:
    """The addresses of several networks, as ranges in order of which no two overlap."""

    __slots__ = ("_firsts", "_ranges")

    def __init__(self) -> None:
        self._firsts: list[int] = []
        self._ranges: list[Range] = []

    def add(self, network: Network, line: int) -> None:
        """Add what no earlier network holds of one of the rule at `line`."""
        address, last = _find_ends(network)
        while address <= last:
            held = self.find(address)
            if held is None:
                place = bisect_right(self._firsts, address)
                free = self._firsts[place] - 1 if place < len(self._firsts) else last
                held = Range(address, min(free, last), line)
                self._firsts.insert(place, address)
                self._ranges.insert(place, held)
            address = held.last + 1

    def find(self, address: int) -> Range | None:
        """Return the range that holds an address."""
        place = bisect_right(self._firsts, address)
        if place and self._ranges[place - 1].last >= address:
            return self._ranges[place - 1]
        return None


def find_cover(several: Sequence[Ranges], network: Network) -> frozenset[int]:
    """Return the lines of the rules that together hold a network, none where they do not."""
    lines = set()
    address, last = _find_ends(network)
    while address <= last:
        held = [found for ranges in several if (found := ranges.find(address)) is not None]
        if not held:
            return frozenset()
        furthest = max(held, key=lambda each: each.last)
        lines.add(furthest.line)
        address = furthest.last + 1
    return frozenset(lines)


def _find_ends(network: Network) -> tuple[int, int]:
    offset = 0 if network.version == 4 else _BEFORE_IPV6  # noqa: PLR2004 - the protocol's version
    return int(network.network_address) + offset, int(network.broadcast_address) + offset
