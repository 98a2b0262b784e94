"""How long the next attempt to log in must wait. All times are Unix seconds.

A bucket is a key and its limit; what was tried is a tally for each key. An attempt counts in each
of its buckets before the password is looked at, so that many at once do not all pass, and is taken
back where the password was right: its own one, so that no success gives a guesser new tries.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Network, ip_address
from typing import Final

TOO_MANY_ATTEMPTS: Final = "too_many_attempts"  # the reason, as answers and logs have it
MINUTE: Final = 60
HOUR: Final = 3_600
IPV6_PREFIX: Final = 64  # one customer has all of a /64: its addresses cost nothing (RFC 6177)
MOST_DOUBLINGS: Final = 16  # beyond every `longest`; bounds the numbers
# A tally from so far ahead was written before the clock was set back. Replicas are never so far
# apart: they would refuse each other's tokens.
FURTHEST_AHEAD: Final = HOUR


@dataclass(frozen=True, slots=True)
class Throttled:
    """Not now: the next attempt may be made in `retry_after` seconds, one or more."""

    retry_after: int

    def __bool__(self) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class Tally:
    """What was tried: how often, since when, and when last."""

    count: int
    since: int
    last: int


@dataclass(frozen=True, slots=True)
class Delay:
    """`free` attempts as they come, then each waits twice as long as the one before it.

    From `first` seconds up to `longest`; all is forgotten `quiet` seconds behind the last attempt.
    """

    free: int
    first: int
    longest: int
    quiet: int

    def next_at(self, tally: Tally) -> int:
        """Return when the next attempt may be made, 0 for at once."""
        if tally.count < self.free:
            return 0
        doublings = min(tally.count - self.free, MOST_DOUBLINGS)
        return tally.last + min(self.first << doublings, self.longest)

    def forget_at(self, tally: Tally) -> int:
        """Return when the tally counts for nothing any more."""
        return tally.last + self.quiet


@dataclass(frozen=True, slots=True)
class Window:
    """`most` within `length` seconds of the first of them."""

    most: int
    length: int

    def next_at(self, tally: Tally) -> int:
        """Return when the next one may be, 0 for at once."""
        return 0 if tally.count < self.most else tally.since + self.length

    def forget_at(self, tally: Tally) -> int:
        """Return when the tally counts for nothing any more."""
        return tally.since + self.length


Limit = Delay | Window

# Strangers against one name, wherever they are: 46 tries in the first hour, 20 in each later one.
# So many may be under way at once, since whoever is right is taken back only when that is known.
USER: Final = Delay(free=20, first=1, longest=3 * MINUTE, quiet=HOUR)
# A device that logged in as this user before, or an address: together with all strangers under 100
# an hour, also where one of them sits behind the same address.
KNOWN: Final = USER
# One address against all names. Many people may share it, who are known by their devices behind
# their first login; who paces the free attempts by the quiet time has as many as who does not: 120
# an hour.
ADDRESS: Final = Delay(free=30, first=1, longest=30, quiet=15 * MINUTE)
# All strangers against all names, which a botnet reaches that stays below the others.
SERVICE: Final = Delay(free=1_000, first=1, longest=1, quiet=10 * MINUTE)
LOGINS_LENGTH: Final = HOUR  # in which one user may log in `throttle.logins_per_hour` times
MARK_TTL: Final = 30 * 24 * HOUR  # since the last login there a device or an address is known
MOST_MARKS: Final = 20  # places from which one user is known; the oldest goes


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where attempts are counted, and how many it takes."""

    key: str
    limit: Limit


@dataclass(frozen=True, slots=True)
class Blocked:
    """The bucket of this key takes none before `until`."""

    key: str
    until: int


def recall(limit: Limit, tally: Tally | None, now: int) -> Tally | None:
    """Return a tally that still counts, None for what is forgotten."""
    if tally is None or tally.last > now + FURTHEST_AHEAD or limit.forget_at(tally) <= now:
        return None
    return tally


def find_block(buckets: Iterable[Bucket], tallies: Mapping[str, Tally], now: int) -> Blocked | None:
    """Return what an attempt has to wait for longest, None where it may be made now."""
    longest = None
    for bucket in buckets:
        tally = recall(bucket.limit, tallies.get(bucket.key), now)
        until = 0 if tally is None else bucket.limit.next_at(tally)
        if until > now and (longest is None or until > longest.until):
            longest = Blocked(bucket.key, until)
    return longest


def count(limit: Limit, tally: Tally | None, now: int) -> Tally:
    """Return the tally with one more; no clock that is behind moves it back."""
    known = recall(limit, tally, now)
    if known is None:
        return Tally(1, now, now)
    return Tally(known.count + 1, known.since, max(known.last, now))


def network_of(address: str) -> str:
    """Return whose attempts count as one: an IPv4 address itself, of an IPv6 address its /64.

    `address` is in its canonical text.
    """
    parsed = ip_address(address)
    if isinstance(parsed, IPv4Address):
        return address
    return str(IPv6Network((int(parsed) >> IPV6_PREFIX << IPV6_PREFIX, IPV6_PREFIX)))
