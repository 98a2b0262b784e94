"""base64url without padding, in its one canonical spelling (RFC 7515 section 2)."""

from base64 import urlsafe_b64encode
from binascii import a2b_base64
from string import ascii_letters, digits
from typing import Final

# To the alphabet that is decoded here; all else becomes what is in none, `+` and `/` too.
_ALPHABET: Final = f"{ascii_letters}{digits}-_".encode("ascii")
_STANDARD: Final = bytes(octet if octet in _ALPHABET else 0 for octet in range(256)).translate(
    bytes.maketrans(b"-_", b"+/")
)
# By how many characters stand in the last group of four: what fills it up, and which of them the
# last one may be, so that the bits behind the last octet are not set.
_PADDING: Final = (b"", b"", b"==", b"=")
_LAST: Final = ("", "", "AQgw", "AEIMQUYcgkosw048")


def to_base64url(octets: bytes) -> str:
    """Return `octets` as base64url without padding."""
    return urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def from_base64url(text: str) -> bytes | None:
    """Return the octets that `text` spells, or None where it is not their canonical spelling.

    Padding, white space, the other alphabet and set bits behind the last octet are other spellings:
    each would give one token several texts (RFC 4648 section 3.5).
    """
    rest = len(text) % 4
    if rest and text[-1] not in _LAST[rest]:
        return None
    try:
        standard = text.encode("ascii").translate(_STANDARD) + _PADDING[rest]
        return a2b_base64(standard, strict_mode=True)
    except ValueError:  # not ASCII, or an octet that is in no alphabet
        return None
