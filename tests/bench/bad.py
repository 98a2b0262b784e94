"""Bad tokens, made of a good one: each stands for as many different ones as are wanted.

A mark stands where each of them has a number of its own.
"""

import json
from collections.abc import Callable, Mapping
from typing import Final

from sidecar.core.encoding import to_base64url
from tests.bench.load import MARK

PLACE: Final = 100  # of the mark in a signature of 342 characters


def forge(token: str) -> str:
    """Return it with another signature, which nothing but the key can tell."""
    place = token.rindex(".") + 1 + PLACE
    return token[:place] + MARK + token[place + len(MARK) :]


def forge_of_nobody(token: str) -> str:
    """Return it as if a key had signed it that is not in the ring."""
    header = {"alg": "RS256", "typ": "at+jwt", "kid": "a-key-that-nobody-has-published"}
    signed = token.partition(".")[2]
    return forge(f"{to_base64url(json.dumps(header).encode())}.{signed}")


def garble(token: str) -> str:
    """Return it with a header that is no JSON."""
    return MARK + token


# The reason of the refusal of each.
BAD: Final[Mapping[str, Callable[[str], str]]] = {
    "bad_signature": forge,
    "unknown_key": forge_of_nobody,
    "token_malformed": garble,
}
