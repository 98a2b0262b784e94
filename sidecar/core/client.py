"""A program that gets tokens of its own by a secret (RFC 6749 section 4.4), and what it may be."""

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sidecar.core.claims import LONGEST_ROLES, MOST_ROLES
from sidecar.core.encoding import from_base64url, to_base64url
from sidecar.core.text import is_plain_text

LONGEST_CLIENT_NAME: Final = 64  # characters
CLIENT_ID_OCTETS: Final = 16
SECRET_OCTETS: Final = 24
MAC_OCTETS: Final = 16
SECRET_KEY_USE: Final = "client secrets"  # for which the key is derived that seals them
# Usernames are in lower case: where both stand in one header, neither passes for the other.
CLIENT_ID_PREFIX: Final = "App-"
SECRET_PREFIX: Final = "sidecar_secret_"  # by which scanners for leaked secrets find one

_CLIENT_ID: Final = re.compile(rf"{CLIENT_ID_PREFIX}[A-Za-z0-9_-]{{22}}", re.ASCII)
_SECRET: Final = re.compile(rf"{SECRET_PREFIX}([A-Za-z0-9_-]{{54}})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Client:
    """A program; dates are Unix seconds.

    `scopes` (sorted) is the most that a token of it has, `audience` whom such a token can be for.
    `epoch` moves with every change: older tokens are refused then.
    """

    client_id: str
    name: str
    scopes: tuple[str, ...]
    audience: tuple[str, ...]
    epoch: int
    created_at: int
    updated_at: int


def make_client_id(octets: bytes) -> str:
    """Return the `client_id` that these random octets spell."""
    return CLIENT_ID_PREFIX + to_base64url(octets)


def seal_client_secret(key: bytes, client_id: str, octets: bytes) -> str:
    """Return the secret of a program that these random octets and their MAC spell."""
    return SECRET_PREFIX + to_base64url(octets + _mac(key, client_id, octets))


def is_client_id(text: str) -> bool:
    """Say whether `text` has the form of a `client_id` of ours."""
    return _CLIENT_ID.fullmatch(text) is not None


def is_secret_of(key: bytes, client_id: str, text: str) -> bool:
    """Say whether `key` sealed `text` as a secret of a program, be it still valid or not.

    What fails here costs no read of the store.
    """
    form = _SECRET.fullmatch(text)
    octets = None if form is None else from_base64url(form[1])
    if octets is None:
        return False
    mac = _mac(key, client_id, octets[:SECRET_OCTETS])
    return hmac.compare_digest(octets[SECRET_OCTETS:], mac)


def hash_secret(secret: str) -> str:
    """Return what is kept of a secret.

    It has 192 random bits, which nobody tries out: a slow hash, as for what people think up, would
    add nothing but its cost.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


def _mac(key: bytes, client_id: str, octets: bytes) -> bytes:
    body = f"client\0{client_id}\0".encode() + octets
    return hmac.digest(key, body, hashlib.sha256)[:MAC_OCTETS]


def is_client_name(text: str) -> bool:
    """Say whether `text` can be what people call a program; it never looks like a `client_id`."""
    return (
        0 < len(text) <= LONGEST_CLIENT_NAME
        and is_plain_text(text)
        and text.strip() == text
        and not is_client_id(text)
    )


def scopes_fit(scopes: Sequence[str]) -> bool:
    """Say whether the scopes together are short enough to travel with every request."""
    return len(" ".join(scopes)) <= LONGEST_ROLES


def audience_fits(audience: Sequence[str]) -> bool:
    """Say whether these can be whom a token is for: somebody, each once, bounded together."""
    return (
        0 < len(audience) <= MOST_ROLES
        and len(set(audience)) == len(audience)
        and sum(map(len, audience)) <= LONGEST_ROLES
    )


def narrow_audience(client: Client, resources: Sequence[str]) -> tuple[str, ...] | None:
    """Return whom the token is to be for: all of the client's audience where no resource is named.

    The result is None where a resource (RFC 8707 section 2) is not in that audience.
    """
    if not resources:
        return client.audience
    if not set(resources) <= set(client.audience):
        return None
    return tuple(each for each in client.audience if each in resources)
