"""A login session and the turn of its refresh token (RFC 9700 section 4.14.2).

A refresh token is `base64url(sid || generation || MAC)`: what this deployment did not make is
refused without a read of the store, and the store holds nothing that could be used as one.
"""

import hashlib
import hmac
from dataclasses import dataclass, replace
from enum import Enum, StrEnum
from typing import Final

from sidecar.core.audit import UNKNOWN_DEVICE, Device
from sidecar.core.encoding import from_base64url, to_base64url

REFRESH_KEY_USE: Final = "refresh tokens"  # what the key is derived for
SID_OCTETS: Final = 16
GENERATION_OCTETS: Final = 4
MAC_OCTETS: Final = 32
TOKEN_OCTETS: Final = SID_OCTETS + GENERATION_OCTETS + MAC_OCTETS
LONGEST_REFRESH_TOKEN: Final = 70  # characters: 52 octets
MOST_GENERATIONS: Final = 2 ** (8 * GENERATION_OCTETS) - 1


class SessionKind(StrEnum):
    """How the session is borne: by bearer tokens that are refreshed, or by one long cookie."""

    BEARER = "bearer"
    COOKIE = "cookie"


@dataclass(frozen=True, slots=True)
class Session:
    """One login. Dates are Unix seconds; `expires_at` is its absolute end.

    `tokens_until` is when the last token that was sealed for it ends. `used_at` is when it was last
    used, as far as that has been noted. `device` is that of the login or of the last refresh.
    """

    sid: str
    user_id: str
    kind: SessionKind
    generation: int
    created_at: int
    rotated_at: int
    tokens_until: int
    expires_at: int
    amr: tuple[str, ...]
    used_at: int
    device: Device = UNKNOWN_DEVICE


class Turn(Enum):
    """What a presented refresh token is good for."""

    ROTATE = "rotate"
    REPLAY = "replay"
    REUSE = "reuse"
    OVER = "over"


def judge_refresh(session: Session, generation: int, now: int, *, grace: int, idle: int) -> Turn:
    """Return what a refresh token of this generation is good for; `grace` and `idle` are seconds.

    The previous generation gets the same successor again for `grace` seconds, since two tabs, or an
    answer that was lost, look exactly so. Anything older has been copied. A generation that is
    still to come was sealed by us and is unknown to the store: the store went back in time, and
    nothing good is known of the session.
    """
    if session.kind is not SessionKind.BEARER:
        return Turn.OVER
    if now >= session.expires_at or now >= session.rotated_at + idle:
        return Turn.OVER
    if generation == session.generation:
        return Turn.ROTATE if generation < MOST_GENERATIONS else Turn.OVER
    if generation > session.generation:
        return Turn.OVER
    if generation == session.generation - 1 and now < session.rotated_at + grace:
        return Turn.REPLAY
    return Turn.REUSE


def turn_session(session: Session, now: int, *, access: int, grace: int) -> Session:
    """Return a session after the next turn of its refresh token; `access` and `grace` are seconds.

    `access` is how long its access tokens live. With the grace: the last replay within it seals one
    that lives that much longer, and a revocation is kept by this date.
    """
    latest = min(now + access + grace, session.expires_at)
    return replace(
        session,
        generation=session.generation + 1,
        rotated_at=now,
        tokens_until=max(session.tokens_until, latest),
    )


def seal_refresh_token(key: bytes, sid: str, generation: int) -> str:
    """Return the refresh token of this session and generation."""
    octets = from_base64url(sid)
    if octets is None or len(octets) != SID_OCTETS:
        raise ValueError("a sid is 16 octets in base64url")
    body = octets + generation.to_bytes(GENERATION_OCTETS, "big")
    return to_base64url(body + _mac(key, body))


def open_refresh_token(key: bytes, text: str) -> tuple[str, int] | None:
    """Return (`sid`, generation) of a refresh token that `key` sealed, else None."""
    if len(text) != LONGEST_REFRESH_TOKEN:
        return None
    octets = from_base64url(text)
    if octets is None or len(octets) != TOKEN_OCTETS:
        return None
    body, mac = octets[:-MAC_OCTETS], octets[-MAC_OCTETS:]
    if not hmac.compare_digest(mac, _mac(key, body)):
        return None
    return to_base64url(body[:SID_OCTETS]), int.from_bytes(body[SID_OCTETS:], "big")


def _mac(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, b"refresh\0" + body, hashlib.sha256)
