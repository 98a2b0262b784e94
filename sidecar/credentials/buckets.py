"""Under which keys attempts to log in are counted, and what a key says.

What people type for a name may be a password: a key holds a MAC of it, which stands for the user's
every spelling of it. Addresses stand in the audit trail anyway: a key holds them as they are.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sidecar.core.addresses import parse_address
from sidecar.core.encoding import from_base64url, to_base64url
from sidecar.core.throttle import (
    ADDRESS,
    KNOWN,
    LOGINS_LENGTH,
    SERVICE,
    USER,
    Bucket,
    Delay,
    Limit,
    Window,
    network_of,
)
from sidecar.core.user import canonical_username

KEY_USE: Final = "throttle"
TAG_OCTETS: Final = 16
DEVICE_OCTETS: Final = 16
LONGEST_DEVICE: Final = 128  # characters of what a device shows; ours have 66

# `user:TAG`, `known:TAG:PLACE` (the id of a device, or a network), `logins:TAG`, `address:NETWORK`,
# `service`.
ALL_KEYS: Final = ("user:", "known:", "logins:", "address:", "service")

DELAYS: Final[Mapping[str, Delay]] = {
    "user": USER,
    "known": KNOWN,
    "address": ADDRESS,
    "service": SERVICE,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """Where an attempt counts: in `strangers`, unless the user is known from one of its places.

    The good logins of the user count in `logins`. `key` stands for who asks, and from where;
    `username` is None where nobody can have that name, `device` an id that we have sealed for it,
    `known` from which of its places the user is known: None while nobody has looked.
    """

    key: str
    tag: str
    username: str | None
    device: str | None
    network: str | None
    strangers: tuple[Bucket, ...]
    logins: Bucket
    known: tuple[str, ...] | None = None

    @property
    def places(self) -> tuple[str, ...]:
        """Return from where this is, the device first."""
        return tuple(place for place in (self.device, self.network) if place is not None)

    @property
    def has_known_device(self) -> bool:
        """Say whether the user is known from this device; its seal never ends and says less."""
        return self.known is not None and self.device in self.known

    @property
    def crowd(self) -> str | None:
        """Return with whom this shares what one of many may use of the service at once.

        All devices of one user are one, for each of them is theirs to throw away; strangers are one
        by their network. None where no address is known.
        """
        return self.tag if self.has_known_device else self.network

    @property
    def buckets(self) -> tuple[Bucket, ...]:
        """Return where the attempt counts.

        An address alone does not pass by what its neighbours have used up: whoever is answered
        there while strangers have to wait would be known to them as a user.
        """
        for place in self.places:
            if place in (self.known or ()):
                own = (Bucket(f"known:{self.tag}:{place}", KNOWN), self.logins)
                return own if place == self.device else (*own, *_count_address(place))
        return self.strangers


@dataclass(frozen=True, slots=True)
class KeyParts:
    """What a key says: `tag` stands for a name, `address` is text; None where it has none."""

    kind: str
    tag: str | None
    address: str | None


class BucketNames:
    """Makes the keys; `key` is of use KEY_USE."""

    def __init__(self, key: bytes, *, logins_per_hour: int) -> None:
        self._key = key
        self._logins_per_hour = logins_per_hour

    def tag(self, name: str) -> str:
        """Return what stands for a name; nobody finds the name from it without the key."""
        return to_base64url(self._mac("user", _octets(name))[:TAG_OCTETS])

    def seal_device(self, name: str, device: str) -> str:
        """Return what a device shows that has logged in as this user: its id and a MAC."""
        return f"{device}.{to_base64url(self._mac_device(device, name))}"

    def open_device(self, name: str, unverified: str | None) -> str | None:
        """Return the id of a device that has logged in as this user, None for any other text."""
        if unverified is None or len(unverified) > LONGEST_DEVICE:
            return None
        shown, _, rest = unverified.partition(".")
        octets, mac = from_base64url(shown), from_base64url(rest)
        if octets is None or mac is None or len(octets) != DEVICE_OCTETS:
            return None
        return shown if hmac.compare_digest(mac, self._mac_device(shown, name)) else None

    def ask(self, name: str, address: str | None, shown: str | None) -> Asked:
        """Return where an attempt counts.

        `name` is as typed, `address` in its canonical text, `shown` what the device shows.
        """
        tag, device = self.tag(name), self.open_device(name, shown)
        network = None if address is None else network_of(address)
        logins = Bucket(f"logins:{tag}", Window(self._logins_per_hour, LOGINS_LENGTH))
        strangers = (
            *(Bucket(f"user:{tag}", USER), Bucket("service", SERVICE), logins),
            *_count_address(network),
        )
        key = f"{tag}:{device or ''}:{network or ''}"
        return Asked(key, tag, canonical_username(name), device, network, strangers, logins)

    def find_keys(self, name_or_address: str) -> tuple[str, ...]:
        """Return what is to be forgotten of a name, and of an address if it is one."""
        tag, address = self.tag(name_or_address), parse_address(name_or_address)
        keys = (f"user:{tag}", f"logins:{tag}", f"known:{tag}:")
        return keys if address is None else (*keys, f"address:{network_of(str(address))}")

    def find_limit(self, kind: str) -> Limit | None:
        """Return the limit of the buckets of a kind, None for one of a newer version."""
        if kind == "logins":
            return Window(self._logins_per_hour, LOGINS_LENGTH)
        return DELAYS.get(kind)

    def _mac_device(self, device: str, name: str) -> bytes:
        return self._mac("device", (from_base64url(device) or b"") + _octets(name))

    def _mac(self, use: str, octets: bytes) -> bytes:
        return hmac.digest(self._key, use.encode("ascii") + b"\0" + octets, hashlib.sha256)


def draw_device() -> str:
    """Return the id of a device that is seen for the first time."""
    return to_base64url(secrets.token_bytes(DEVICE_OCTETS))


def read_key(key: str) -> KeyParts:
    """Return what a key says."""
    kind, _, rest = key.partition(":")
    if kind == "address":
        return KeyParts(kind, None, rest)
    tag, _, place = rest.partition(":")
    address = place if "." in place or ":" in place else None  # else the id of a device
    return KeyParts(kind, tag or None, address)


def _count_address(network: str | None) -> tuple[Bucket, ...]:
    """Return where an address counts; where none is known, all are the service's."""
    return () if network is None else (Bucket(f"address:{network}", ADDRESS),)


def _octets(name: str) -> bytes:
    return (canonical_username(name) or name).encode("utf-8", "surrogatepass")
