"""Who asks: addresses, and whose word about others counts."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from sidecar.core.cache import BoundedCache
from sidecar.core.verdict import Deny, Reason

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MOST_HOPS: Final = 32  # addresses of X-Forwarded-For that are read; no honest chain is longer
LONGEST_REMEMBERED: Final = 128  # characters of a whole X-Forwarded-For
LONGEST_ADDRESS: Final = 45  # characters: IPv6 whose end is spelled as IPv4
REMEMBERED: Final = 4096  # texts whose reading is kept: a few proxies and clients ask often


def parse_address(text: str) -> Address | None:
    """Return the IP address that `text` spells, or None where it spells none.

    An IPv4 address mapped into IPv6 is returned as IPv4 (RFC 4291 section 2.5.5.2).
    """
    if "%" in text:  # a zone means something on the host itself only, and may hold any text
        return None
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


class TrustedProxies:
    """The networks from which proxies ask; what they say of the client is believed."""

    def __init__(self, networks: Iterable[Network]) -> None:
        self._networks = tuple(networks)
        self._recall = lru_cache(maxsize=REMEMBERED)(self._read)
        # Each in a tuple, for that all hops are trusted is remembered too.
        self._clients: BoundedCache[tuple[str | None, str | None], tuple[Address | Deny | None]] = (
            BoundedCache(REMEMBERED // 2)
        )

    def trust(self, peer: str | None) -> bool:
        """Say whether a peer may speak for others; None is a Unix socket, which may."""
        return peer is None or (len(peer) <= LONGEST_ADDRESS and self._recall(peer)[1])

    def find_client(self, peer: str | None, forwarded_for: Sequence[str]) -> Address | Deny | None:
        """Return the first address from the right that is not a trusted hop's, None where all are.

        `peer` is as for `trust`. `forwarded_for` holds the `X-Forwarded-For` lines, which are read
        as one list. A malformed address to the right of the client's is refused, and so are more
        than MOST_HOPS trusted hops; what stands to its left the client may have written, and it is
        not read, however much it is.
        """
        line = forwarded_for[0] if len(forwarded_for) == 1 else ",".join(forwarded_for) or None
        said = (peer, line)
        found = self._clients.get(said)
        if found is None:
            found = (self._find_client(peer, line),)
            if line is None or len(line) <= LONGEST_REMEMBERED:
                self._clients.put(said, found)
        return found[0]

    def _find_client(self, peer: str | None, line: str | None) -> Address | Deny | None:
        if peer is not None:
            address, trusted = self._judge(peer)
            if not trusted:
                return address
        hops = [] if line is None else line.rsplit(",", MOST_HOPS)
        endless = len(hops) > MOST_HOPS  # the first of them is then all the rest, unread
        for hop in hops[:0:-1] if endless else hops[::-1]:
            address, trusted = self._judge(hop.strip())
            if address is None:
                return Deny(Reason.ADDRESS_MALFORMED)
            if not trusted:
                return address
        return Deny(Reason.ADDRESS_MALFORMED) if endless else None

    def _judge(self, text: str) -> tuple[Address | None, bool]:
        return self._recall(text) if len(text) <= LONGEST_ADDRESS else (None, False)

    def _read(self, text: str) -> tuple[Address | None, bool]:
        address = parse_address(text)
        if address is None:
            return None, False
        return address, any(address in network for network in self._networks)
