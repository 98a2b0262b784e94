"""The `Authorization` of a request: the credential in it, and what goes on to the upstream."""

import re
from binascii import Error, a2b_base64, b2a_base64
from collections.abc import Sequence
from typing import Final, NamedTuple

from sidecar.core.claims import TokenKind
from sidecar.core.personal import PREFIX
from sidecar.core.verdict import Deny, Reason
from sidecar.credentials.opening import Credential
from sidecar.web.headers import AUTHORIZATION, Headers

LONGEST_BASIC: Final = 4096  # characters; a username and a personal token take far fewer

# The octets of a token68 (RFC 9110 section 11.2).
_TOKEN68: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/="
# What some reader takes for Bearer: the scheme, and not a longer one that begins like it.
_LIKE_BEARER: Final = re.compile(r"bearer(?![!#$%&'*+.^_`|~0-9a-z-])", re.IGNORECASE | re.ASCII)
_PREFIX_OCTETS: Final = PREFIX.encode("ascii")
_ONE_ALPHABET: Final = bytes.maketrans(b"-_", b"+/")  # of the two (RFC 4648 section 5)
_FOREIGN: Final = re.sub(rb"[A-Za-z0-9+/_-]", b"", bytes(range(128)))  # not of base64
# What stands in base64 for our prefix, behind any number of octets: the characters that hold none
# of its neighbours' bits. Two octets ahead of it take three characters, four bits of the last.
_SPELLINGS: Final = tuple(
    b2a_base64(bytes(ahead) + _PREFIX_OCTETS + bytes(2), newline=False)[first:last]
    for ahead, first, last in ((0, 0, 16), (1, 2, 17), (2, 3, 18))
)


class PersonalCredential(NamedTuple):
    """What came as a personal token, unopened: as `Bearer`, or as the password of `Basic`."""

    unverified: str

    def __repr__(self) -> str:
        return "PersonalCredential()"


def find_authorized(lines: Sequence[str]) -> Credential | PersonalCredential | Deny | None:
    """Return the credential of the `Authorization` lines; None where none of them is ours.

    `Bearer` is always ours, `Basic` where its password has the prefix of a personal token. Two that
    differ are refused.
    """
    bearer: str | None = None
    basic: str | None = None
    for line in lines:
        scheme, _, rest = line.partition(" ")
        scheme = scheme.lower()
        if scheme == "bearer":
            token = rest.strip(" ")
            if bearer not in {None, token}:
                return Deny(Reason.TWO_CREDENTIALS)
            bearer = token
        elif scheme == "basic":
            password = _find_personal(rest.strip(" "))
            if password is not None and basic not in {None, password}:
                return Deny(Reason.TWO_CREDENTIALS)
            basic = password or basic
        elif _LIKE_BEARER.match(line):  # a tab, a comma or a colon where the space belongs
            return Deny(Reason.CREDENTIAL_MALFORMED)
    if bearer is None:
        return None if basic is None else PersonalCredential(basic)
    if not bearer or not bearer.isascii() or bearer.encode().translate(None, _TOKEN68):
        return Deny(Reason.CREDENTIAL_MALFORMED)
    if basic is not None and basic != bearer:
        return Deny(Reason.TWO_CREDENTIALS)
    if bearer.startswith(PREFIX):
        return PersonalCredential(bearer)
    return Credential(TokenKind.ACCESS, bearer)


def _find_personal(encoded: str) -> str | None:
    """Return the password of `Basic` (RFC 7617) where it has the prefix of a personal token.

    The username says nothing: who it is stands in the token.
    """
    if len(encoded) > LONGEST_BASIC or not encoded.isascii():
        return None
    try:
        octets = a2b_base64(encoded, strict_mode=True)
    except Error:
        return None
    _, _, password = octets.partition(b":")
    return password.decode("latin-1") if password.startswith(_PREFIX_OCTETS) else None


def other_authorization(headers: Headers) -> str | None:
    """Return what goes on to the upstream as `Authorization`, None where the client sent none.

    That is what came, and nothing where it has a personal token, good or not. Where several lines
    differ nothing goes on either: the upstream might read another one than was read here.
    """
    if AUTHORIZATION not in headers:
        return None
    lines = headers.getall(AUTHORIZATION)
    line = lines[0]
    # From the right: some texts cost CPython's search from the left five times as much.
    if line.rfind(PREFIX) >= 0 or (len(lines) > 1 and len(set(lines)) > 1):
        return ""
    # What `find_authorized` lets pass as Bearer has no other octets.
    return line if line.startswith("Bearer ") else _without_personal(line)


def _without_personal(line: str) -> str:
    """Return a line of another scheme, or nothing where some reader would find our prefix in it.

    Readers of base64 pass over what does not belong there, and some know its other alphabet; a
    gateway may have joined two lines. Nothing is decoded: 8 kB cost 20 µs, whatever stands in them.
    """
    text = line.encode("ascii", "ignore").translate(_ONE_ALPHABET, _FOREIGN)
    return line if all(text.rfind(spelling) < 0 for spelling in _SPELLINGS) else ""
