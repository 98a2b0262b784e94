"""One-time codes by time (RFC 6238) with the parameters that every authenticator app knows.

SHA-1, six digits, thirty seconds. A code counts for the step that it was made in and for one step
either way, since clocks drift and people type slowly; no step counts twice (section 5.2).
"""

import hashlib
import hmac
from base64 import b32encode
from typing import Final
from urllib.parse import quote

SECRET_OCTETS: Final = 20  # RFC 4226 section 4: as long as the output of SHA-1
DIGITS: Final = 6
STEP: Final = 30  # seconds
DRIFT: Final = 1  # steps either way
ENROLMENT_TTL: Final = 3600  # seconds in which a secret is confirmed, or forgotten
LONGEST_OTP: Final = 64  # characters of whatever is typed as a code, spaces and dashes included


def read_code(text: str) -> str | None:
    """Return the six ASCII digits that were typed, without the spaces within; None: no code."""
    code = text.replace(" ", "")
    good = len(text) <= LONGEST_OTP and len(code) == DIGITS and code.isascii() and code.isdigit()
    return code if good else None


def make_code(secret: bytes, step: int) -> str:
    """Return the code of one step (RFC 4226 section 5.3)."""
    digest = hmac.digest(secret, step.to_bytes(8, "big"), hashlib.sha1)
    offset = digest[-1] & 0xF
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


def match_code(secret: bytes, code: str, now: int, last_step: int) -> int | None:
    """Return the step that a code is of at `now` (Unix seconds), or None.

    No step at or before `last_step` is looked at. Where two have one code it is the later one: the
    code is not worth anything in the other any more.
    """
    present = now // STEP
    found = None
    for step in range(max(present - DRIFT, last_step + 1), present + DRIFT + 1):
        if hmac.compare_digest(make_code(secret, step), code):
            found = step
    return found


def spell_secret(secret: bytes) -> str:
    """Return a secret in base32 without padding (RFC 4648 section 6), as it is typed into apps."""
    return b32encode(secret).rstrip(b"=").decode("ascii")


def spell_uri(secret: bytes, issuer: str, account: str) -> str:
    """Return the `otpauth` address that apps read from a QR code; both names are shown there."""
    name, who = quote(issuer, safe=""), quote(account, safe="")
    return (
        f"otpauth://totp/{name}:{who}?secret={spell_secret(secret)}&issuer={name}"
        f"&algorithm=SHA1&digits={DIGITS}&period={STEP}"
    )
