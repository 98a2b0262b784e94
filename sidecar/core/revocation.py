"""What has been taken away. A view only grows until the tokens that an entry refuses have expired.

A user and everyone are counters, not times: a token bears the epochs that were in force when it was
sealed, the view holds the least that is still good. No clock takes part, so the same second and
skewed replicas are exact.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from sidecar.core.claims import Claims
from sidecar.core.verdict import Reason


class Level(StrEnum):
    """How much one revocation takes away."""

    TOKEN = "token"
    SESSION = "session"
    USER = "user"
    KEY = "key"
    EVERYONE = "everyone"


@dataclass(frozen=True, slots=True)
class Revocation:
    """One entry: `subject` is a `jti`, a `sid`, a `sub`, a `kid`, or empty for everyone.

    `epoch` is the least that is still good (users and everyone; 0 elsewhere). `forget_at` is the
    Unix second from which on nothing that this entry refuses can still be alive.
    """

    level: Level
    subject: str
    epoch: int
    forget_at: int


class RevocationView:
    """All revocations that this process knows of.

    `read_at` is the monotonic second at which the last good read of a feed began, None before it.
    """

    def __init__(self) -> None:
        self.read_at: float | None = None
        self._tokens: dict[str, int] = {}
        self._sessions: dict[str, int] = {}
        self._users: dict[str, tuple[int, int]] = {}
        self._keys: dict[str, int] = {}
        self._everyone = 0

    def __len__(self) -> int:
        of_one = len(self._tokens) + len(self._sessions) + len(self._users) + len(self._keys)
        return of_one + (self._everyone > 0)

    def apply(self, entries: Iterable[Revocation]) -> None:
        """Take entries in, in any order and any number of times; none takes another back."""
        for entry in entries:
            match entry.level:
                case Level.TOKEN:
                    self._tokens[entry.subject] = max(
                        entry.forget_at, self._tokens.get(entry.subject, 0)
                    )
                case Level.SESSION:
                    self._sessions[entry.subject] = max(
                        entry.forget_at, self._sessions.get(entry.subject, 0)
                    )
                case Level.USER:
                    epoch, forget_at = self._users.get(entry.subject, (0, 0))
                    self._users[entry.subject] = (
                        max(entry.epoch, epoch),
                        max(entry.forget_at, forget_at),
                    )
                case Level.KEY:
                    self._keys[entry.subject] = max(
                        entry.forget_at, self._keys.get(entry.subject, 0)
                    )
                case Level.EVERYONE:
                    self._everyone = max(entry.epoch, self._everyone)
                case _:
                    assert_never(entry.level)

    def heard(self, at: float) -> None:
        """Note a good read that began at this monotonic second."""
        if self.read_at is None or at > self.read_at:
            self.read_at = at

    def revokes_key(self, kid: str) -> bool:
        """Say whether everything that this key sealed is refused."""
        return kid in self._keys

    def find_refusal(self, claims: Claims) -> Reason | None:
        """Return why a token with these claims is refused, or None."""
        everyone, user = claims.epoch
        if everyone < self._everyone:
            return Reason.REVOKED_EVERYONE
        if claims.sid in self._sessions:
            return Reason.REVOKED_SESSION
        if claims.jti in self._tokens:
            return Reason.REVOKED_TOKEN
        least = self._users.get(claims.sub)
        if least is not None and user < least[0]:
            return Reason.REVOKED_USER
        return None

    def forget(self, now: int) -> None:
        """Drop what refuses only tokens that are over by now."""
        self._tokens = {jti: at for jti, at in self._tokens.items() if at > now}
        self._sessions = {sid: at for sid, at in self._sessions.items() if at > now}
        self._users = {sub: least for sub, least in self._users.items() if least[1] > now}
        self._keys = {kid: at for kid, at in self._keys.items() if at > now}
