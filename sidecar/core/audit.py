"""The audit trail: who did what to whom, and from where.

An event holds no secret: neither a token nor a password, nor a hash of one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from sidecar.core.text import printable

LONGEST_USER_AGENT: Final = 256  # characters; what is longer is cut
OPERATOR: Final = "operator"  # the actor of what is done on the command line
SERVICE: Final = "service"  # the actor of what the service does by itself
EVERYONE: Final = "everyone"  # the subject of what is done to all people and programs at once


@dataclass(frozen=True, slots=True)
class Device:
    """From where somebody asked, as far as it is known; `address` is in its canonical text."""

    address: str | None = None
    user_agent: str | None = None

    @classmethod
    def of(cls, address: str | None, user_agent: str | None) -> "Device":
        """Return the device; what it calls itself is cut, and no terminal obeys it."""
        shown = None if user_agent is None else printable(user_agent)[:LONGEST_USER_AGENT] or None
        return cls(address, shown)


UNKNOWN_DEVICE: Final = Device()


class Action(StrEnum):
    """What was done."""

    SESSION_REUSED = "session.reused"  # an old refresh token came back: the session was ended
    SESSION_REPLAYED = "session.replayed"  # within the grace, from another device
    SESSION_ENDED = "session.ended"  # one, by its owner elsewhere or by an operator
    USER_ADDED = "user.added"
    USER_CHANGED = "user.changed"
    USER_PASSWORD = "user.password"  # was given another, by themselves or by somebody else
    USER_REMOVED = "user.removed"
    USER_ENDED = "user.ended"  # all sessions of a user, by themselves or by somebody else
    OTP_ENABLED = "otp.enabled"  # a second factor was confirmed
    OTP_DISABLED = "otp.disabled"  # and taken away, by its owner or an administrator
    OTP_RECOVERED = "otp.recovered"  # a recovery code stood in for it
    RESET_MADE = "reset.made"  # a one-time link that sets a password
    RESET_SPENT = "reset.spent"
    THROTTLE_CLEARED = "throttle.cleared"  # attempts to log in were forgotten
    EVERYONE_ENDED = "everyone.ended"
    CLIENT_ADDED = "client.added"
    CLIENT_CHANGED = "client.changed"
    CLIENT_ROTATED = "client.rotated"  # was given another secret
    CLIENT_REMOVED = "client.removed"
    TOKEN_ADDED = "token.added"
    TOKEN_REMOVED = "token.removed"
    KEY_ROTATED = "key.rotated"
    KEY_REVOKED = "key.revoked"


@dataclass(frozen=True, slots=True)
class Author:
    """Who does something, and from where; `actor` is as in an AuditEvent."""

    actor: str
    device: Device = UNKNOWN_DEVICE


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One row of the trail; `at` is Unix seconds.

    `actor` is a `sub`, OPERATOR or SERVICE; `subject` the `sid`, `client_id`, `kid` or the like
    that it was done to, or EVERYONE. `details` are JSON.
    """

    at: int
    action: Action
    actor: str
    subject: str
    device: Device = UNKNOWN_DEVICE
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """A row of the trail as it was written; `id` grows.

    `action` is text: a newer version that runs beside this one may know others.
    """

    id: int
    at: int
    action: str
    actor: str
    subject: str
    device: Device
    details: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Which rows are looked for: at most `limit`, all of them older than the row `before`.

    None leaves a condition out; the others must all hold, letter by letter.
    """

    limit: int
    before: int | None = None
    action: Action | None = None
    actor: str | None = None
    subject: str | None = None
