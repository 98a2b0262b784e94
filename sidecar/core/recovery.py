"""Recovery codes: what stands in for a second factor that was lost, each of them once.

A code is 80 random bits in Crockford's base32, so that nobody mistakes one letter for another. What
is kept of it is a MAC: neither the database nor `secret` alone tells whether a guess is right.
"""

import hashlib
import hmac
from typing import Final

from sidecar.core.totp import LONGEST_OTP

CODES: Final = 10  # that somebody is given
CODE_OCTETS: Final = 10
CODE_LETTERS: Final = 16
GROUP: Final = 4  # letters that are read together
_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_ALIKE: Final = str.maketrans("oil", "011", " -")  # read as what they look like; the rest is ours


def spell_recovery_code(octets: bytes) -> str:
    """Return the code of these octets, in groups, as people see it."""
    if len(octets) != CODE_OCTETS:
        raise ValueError(f"a recovery code is {CODE_OCTETS} octets")
    number = int.from_bytes(octets, "big")
    letters = "".join(
        _ALPHABET[number >> shift & 31] for shift in range(5 * (CODE_LETTERS - 1), -1, -5)
    )
    return "-".join(letters[start : start + GROUP] for start in range(0, CODE_LETTERS, GROUP))


def read_recovery_code(text: str) -> str | None:
    """Return the letters of a code that was typed in any case, with or without dashes and spaces.

    None where that is no code.
    """
    if len(text) > LONGEST_OTP or not text.isascii():
        return None
    letters = text.lower().translate(_ALIKE)
    return letters if len(letters) == CODE_LETTERS and set(letters) <= set(_ALPHABET) else None


def hash_recovery_code(key: bytes, user_id: str, letters: str) -> str:
    """Return what the store keeps of a user's code, in hexadecimal."""
    return hmac.digest(key, f"{user_id}\0{letters}".encode(), hashlib.sha256).hex()
