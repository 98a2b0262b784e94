"""base64url without padding, in its one canonical spelling (RFC 7515 section 2)."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

_ALPHABET: Final = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)


def to_base64url(octets: bytes) -> str:
    """Return `octets` as base64url without padding."""
    return urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def from_base64url(text: str) -> bytes | None:
    """Return the octets that `text` spells, or None where it is not their canonical spelling.

    Padding, white space, the other alphabet and set bits behind the last octet are other spellings:
    each would give one token several texts (RFC 4648 section 3.5).
    """
    if _ALPHABET.fullmatch(text) is None or len(text) % 4 == 1:
        return None
    octets = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return octets if to_base64url(octets) == text else None
