"""Hashes of passwords as texts: our own, and those that people bring along from elsewhere.

Ours are Argon2id (RFC 9106). Every other kind is good until the next login, which replaces it. Its
parameters decide what a check costs, so they are bounded before anything is computed.
"""

import hashlib
import hmac
import re
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from sidecar.errors import MissingExtra

MEMORY_KIB: Final = 19 * 1024  # with two passes and one lane: OWASP's first recommendation
PASSES: Final = 2
LANES: Final = 1
SALT_OCTETS: Final = 16
HASH_OCTETS: Final = 32

# Each lets pass what the programs write that hashes are brought from, and takes about a second at
# most, on one of two threads.
LONGEST_HASH: Final = 255  # characters; the store's column, and none of the kinds below is longer
LARGEST_MEMORY: Final = 262_144  # KiB of Argon2: Authelia's usual is 65 536
LARGEST_WORK: Final = 1_048_576  # KiB of Argon2 times its passes
MOST_PASSES: Final = 16  # of Argon2: with many over little memory its threads wait for each other
MOST_LANES: Final = 16  # of Argon2, and what scrypt calls p
LOWEST_COST: Final = 4
HIGHEST_COST: Final = 14  # of bcrypt, which doubles with each: htpasswd's usual is 5, PHP's 12
MOST_ITERATIONS: Final = 2_000_000  # of PBKDF2: Werkzeug's usual is 1 000 000
LARGEST_SCRYPT: Final = 2**21  # N * r * p of scrypt, and at most 256 MiB: Werkzeug's is 2**18
LARGEST_BLOCK: Final = 64  # what scrypt calls r: everybody's is 8
LONGEST_SALT: Final = 64  # octets
SHORTEST_SALT: Final = 8
LONGEST_DIGEST: Final = 64  # octets
SHORTEST_DIGEST: Final = 16
BCRYPT_READS: Final = 72  # octets of a password: what comes behind them was never hashed

_OURS: Final = f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}$"
_TOO_WEAK: Final = "is too weak to be taken over: have them set another password"
_ABSURD: Final = "has parameters out of bounds, so that a login would cost too much"
_BROKEN: Final = "has a salt or digest that cannot be read"

Check = Callable[[bytes], bool]


@dataclass(frozen=True, slots=True)
class Refused:
    """A hash that is not taken; `reason` says of it why."""

    reason: str


def read_hash(encoded: str) -> Check | Refused:
    """Return what checks a password, in UTF-8, against a hash.

    Raises MissingExtra for bcrypt where that is not installed.
    """
    if len(encoded) > LONGEST_HASH:
        return Refused(f"is longer than {LONGEST_HASH} characters")
    for pattern, read in _KINDS:
        match = pattern.fullmatch(encoded)
        if match is not None:
            return read(match)
    for pattern, reason in _REFUSED:
        if pattern.match(encoded) is not None:
            return Refused(reason)
    return Refused("is no hash of a known kind; a password itself is never taken over")


def is_dated(encoded: str) -> bool:
    """Say whether a hash is of another kind, or costs something else, than new ones."""
    return not encoded.startswith(_OURS)


def is_checked_whole(password: str, encoded: str) -> bool:
    """Say whether a check against this hash sees all of a password."""
    return not encoded.startswith("$2") or len(password.encode()) <= BCRYPT_READS


def _read_argon2id(match: re.Match[str]) -> Check | Refused:
    memory, passes, lanes = map(int, match.group(1, 2, 3))
    if not (
        8 * lanes <= memory <= LARGEST_MEMORY  # RFC 9106 section 3.1
        and 1 <= passes <= MOST_PASSES
        and memory * passes <= LARGEST_WORK
        and 1 <= lanes <= MOST_LANES
    ):
        return Refused(_ABSURD)
    if _read_octets(match[4], match[5]) is None:
        return Refused(_BROKEN)

    def check(password: bytes) -> bool:
        try:
            Argon2id.verify_phc_encoded(password, match[0])
        except InvalidKey:
            return False
        return True

    return check


def _read_bcrypt(match: re.Match[str]) -> Check | Refused:
    try:
        import bcrypt  # noqa: PLC0415 - an extra: for those who bring such hashes along
    except ModuleNotFoundError:
        raise MissingExtra("a bcrypt hash", "bcrypt") from None
    if not LOWEST_COST <= int(match[1]) <= HIGHEST_COST:
        return Refused(_ABSURD)
    encoded = match[0].encode()
    # Who made the hash cut the password; this library refuses a longer one instead.
    return lambda password: bcrypt.checkpw(password[:BCRYPT_READS], encoded)


def _read_werkzeug_scrypt(match: re.Match[str]) -> Check | Refused:
    n, r, p = map(int, match.group(1, 2, 3))
    return _derive_scrypt(n, r, p, match[4].encode(), bytes.fromhex(match[5]))


def _read_crypt_scrypt(match: re.Match[str]) -> Check | Refused:
    exponent, r, p = map(int, match.group(1, 2, 3))
    octets = _read_octets(match[4], match[5])
    return Refused(_BROKEN) if octets is None else _derive_scrypt(1 << exponent, r, p, *octets)


def _derive_scrypt(n: int, r: int, p: int, salt: bytes, digest: bytes) -> Check | Refused:
    usable = n > 1 and n & (n - 1) == 0 and n.bit_length() <= 16 * r  # RFC 7914 section 2
    if not (usable and r <= LARGEST_BLOCK and 1 <= p <= MOST_LANES and n * r * p <= LARGEST_SCRYPT):
        return Refused(_ABSURD)
    room = 128 * r * (n + p + 2) + 1024  # octets

    def check(password: bytes) -> bool:
        made = hashlib.scrypt(password, salt=salt, n=n, r=r, p=p, maxmem=room, dklen=len(digest))
        return hmac.compare_digest(made, digest)

    return check


def _read_werkzeug_pbkdf2(match: re.Match[str]) -> Check | Refused:
    return _derive_pbkdf2(match[1], int(match[2]), match[3].encode(), bytes.fromhex(match[4]))


def _read_crypt_pbkdf2(match: re.Match[str]) -> Check | Refused:
    octets = _read_octets(match[3], match[4])
    if octets is None:
        return Refused(_BROKEN)
    return _derive_pbkdf2(match[1] or "sha1", int(match[2]), *octets)


def _derive_pbkdf2(name: str, iterations: int, salt: bytes, digest: bytes) -> Check | Refused:
    if not 1 <= iterations <= MOST_ITERATIONS:
        return Refused(_ABSURD)

    def check(password: bytes) -> bool:
        made = hashlib.pbkdf2_hmac(name, password, salt, iterations, dklen=len(digest))
        return hmac.compare_digest(made, digest)

    # One block of the function's own length: PBKDF2 computes every further one anew.
    return check if len(digest) <= hashlib.new(name).digest_size else Refused(_BROKEN)


def _read_octets(salt: str, digest: str) -> tuple[bytes, bytes] | None:
    """Return salt and digest of the crypt form: base64 without padding, `.` in place of `+`."""
    try:
        octets = [
            b64decode(text.replace(".", "+") + "=" * (-len(text) % 4), validate=True)
            for text in (salt, digest)
        ]
    except ValueError:
        return None
    good = (
        SHORTEST_SALT <= len(octets[0]) <= LONGEST_SALT
        and SHORTEST_DIGEST <= len(octets[1]) <= LONGEST_DIGEST
    )
    return (octets[0], octets[1]) if good else None


_NUMBER: Final = "([0-9]{1,9})"
_BASE64: Final = r"([A-Za-z0-9+/.]{1,88})"
_SALT: Final = rf"([A-Za-z0-9./+_-]{{{SHORTEST_SALT},{LONGEST_SALT}}})"  # Werkzeug's is a text
_HEX: Final = rf"((?:[0-9a-f]{{2}}){{{SHORTEST_DIGEST},{LONGEST_DIGEST}}})"

_KINDS: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Check | Refused]], ...]] = (
    (
        re.compile(
            rf"\$argon2id\$v=19\$m={_NUMBER},t={_NUMBER},p={_NUMBER}\$([A-Za-z0-9+/]+)"
            r"\$([A-Za-z0-9+/]+)"
        ),
        _read_argon2id,
    ),
    (re.compile(r"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}"), _read_bcrypt),
    (
        re.compile(rf"scrypt:{_NUMBER}:{_NUMBER}:{_NUMBER}\${_SALT}\${_HEX}"),
        _read_werkzeug_scrypt,
    ),
    (re.compile(rf"pbkdf2:(sha1|sha256|sha512):{_NUMBER}\${_SALT}\${_HEX}"), _read_werkzeug_pbkdf2),
    (
        re.compile(rf"\$scrypt\$ln=([0-9]{{1,2}}),r={_NUMBER},p={_NUMBER}\${_BASE64}\${_BASE64}"),
        _read_crypt_scrypt,
    ),
    (
        re.compile(rf"\$pbkdf2(?:-(sha1|sha256|sha512))?\$(?:i=)?{_NUMBER}\${_BASE64}\${_BASE64}"),
        _read_crypt_pbkdf2,
    ),
)
_REFUSED: Final = (
    (re.compile(r"\$apr1\$|\$1\$"), f"is MD5 (apr1), which {_TOO_WEAK}"),
    (re.compile(r"\{S?SHA\}", re.IGNORECASE), f"is SHA-1, which {_TOO_WEAK}"),
    (re.compile(r"[./A-Za-z0-9]{13}\Z"), f"looks like crypt(3), which {_TOO_WEAK}"),
    (re.compile(r"\$[56]\$|\$y\$|\$7\$"), "is of the system's crypt, which is not read here"),
    (re.compile(r"\$argon2"), "is no Argon2id of version 19"),
    (re.compile(r"\$2[a-z]?\$"), "is no bcrypt hash of the kinds 2a, 2b and 2y"),
    (re.compile(r"scrypt|\$scrypt|pbkdf2|\$pbkdf2"), "is not as Werkzeug or Authelia write it"),
)
