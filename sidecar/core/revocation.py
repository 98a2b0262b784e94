"""What has been taken away. A view only grows until the tokens that an entry refuses have expired.

A user and everyone are counters, not times: a token bears the epochs that were in force when it was
sealed, the view holds the least that is still good. No clock takes part, so the same second and
skewed replicas are exact.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import Final, assert_never

from sidecar.core.claims import Claims
from sidecar.core.shards import BITS, SHARDS, Marks, ShardedMap
from sidecar.core.verdict import Reason

FEW: Final = 1024  # revocations, up to which few marks do: 4 kB of them, and 1 MB for more
FEW_MARKS: Final = 15
MANY_MARKS: Final = 23
EPOCH_BITS: Final = 64  # of an epoch; SQL counts to 2**63 - 1
EPOCHS: Final = (1 << EPOCH_BITS) - 1


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


def move_beyond(epoch: int, least: int) -> int:
    """Return the next epoch: one more, and at least the Unix second of what moves it.

    Nothing compares it with a clock. But a failover or a backup may have lost moves, and what was
    sealed behind them would outlive a move that is one more alone.
    """
    return max(epoch + 1, least)


class RevocationView:
    """All revocations that this process knows of; a million of them take less than 200 MB.

    `read_at` is the monotonic second at which the last good read of a feed began, None before it.
    `state` is another object after each change that takes something away: what was not refused
    under the same one still is not. Whoever has many entries applies them in batches of some
    hundreds, and forgets a few shards at a time: both hold the event loop.
    """

    def __init__(self) -> None:
        self.read_at: float | None = None
        self.state = object()
        # By subject, until when each is refused. Numbers alone, for the garbage collector looks at
        # no dictionary that holds nothing but texts and numbers.
        self._tokens = ShardedMap()
        self._sessions = ShardedMap()
        self._users = ShardedMap()  # with the least epoch that is still good in the lower bits
        self._keys: dict[str, int] = {}  # of which there are never many
        self._everyone = 0
        self._few = True
        self._marks = Marks(FEW_MARKS)  # of those in the three maps

    def __len__(self) -> int:
        of_one = len(self._tokens) + len(self._sessions) + len(self._users) + len(self._keys)
        return of_one + (self._everyone > 0)

    def apply(self, entries: Iterable[Revocation]) -> None:
        """Take entries in, in any order and any number of times; none takes another back."""
        changed = False
        for entry in entries:
            self._marks.add(entry.subject)
            changed |= self._take(entry)
        if changed:
            self.state = object()
        if self._few and len(self) > FEW:
            self._few = False
            self._marks = Marks(MANY_MARKS)
            self._marks.add_all(chain(self._tokens, self._sessions, self._users))

    def _take(self, entry: Revocation) -> bool:
        """Take one entry in; say whether it was new."""
        match entry.level:
            case Level.TOKEN:
                return self._tokens.raise_to(entry.subject, entry.forget_at)
            case Level.SESSION:
                return self._sessions.raise_to(entry.subject, entry.forget_at)
            case Level.USER:
                known = self._users.get(entry.subject, 0)
                forget_at = max(entry.forget_at, known >> EPOCH_BITS)
                epoch = max(entry.epoch, known & EPOCHS)
                return self._users.raise_to(entry.subject, forget_at << EPOCH_BITS | epoch)
            case Level.KEY:
                known = self._keys.get(entry.subject, 0)
                self._keys[entry.subject] = max(entry.forget_at, known)
                return entry.forget_at > known
            case Level.EVERYONE:
                known = self._everyone
                self._everyone = max(entry.epoch, known)
                return entry.epoch > known
            case _:
                assert_never(entry.level)

    def heard(self, at: float) -> None:
        """Note a good read that began at this monotonic second."""
        if self.read_at is None or at > self.read_at:
            self.read_at = at

    def find_least_epoch(self, user_id: str) -> tuple[int, int]:
        """Return the least epochs, everyone's and this user's, that are still good."""
        return self._everyone, self._users.get(user_id, 0) & EPOCHS

    def revokes_key(self, kid: str) -> bool:
        """Say whether everything that this key sealed is refused."""
        return kid in self._keys

    def refuses_token(self, jti: str) -> bool:
        """Say whether this one token is refused by itself."""
        return jti in self._tokens

    def find_refusal(self, claims: Claims) -> Reason | None:
        """Return why a token with these claims is refused, or None."""
        everyone, user = claims.epoch
        if everyone < self._everyone:
            return Reason.REVOKED_EVERYONE
        # By hand what Marks do, for every request pays for it three times.
        bits, shift = self._marks.bits, self._marks.shift
        part = hash(claims.sid) >> shift
        if bits[part >> 3] & BITS[part & 7] and claims.sid in self._sessions:
            return Reason.REVOKED_SESSION
        part = hash(claims.jti) >> shift
        if bits[part >> 3] & BITS[part & 7] and claims.jti in self._tokens:
            return Reason.REVOKED_TOKEN
        part = hash(claims.sub) >> shift
        if bits[part >> 3] & BITS[part & 7]:
            known = self._users.get(claims.sub)
            if known is not None and user < known & EPOCHS:
                return Reason.REVOKED_USER
        return None

    def forget(self, now: int, places: Iterable[int] = range(SHARDS)) -> None:
        """Drop what refuses only tokens that are over by now, from these of the shards."""
        self._keys = {kid: at for kid, at in self._keys.items() if at > now}
        for place in places:
            dropped = self._tokens.drop(place, now)
            dropped |= self._sessions.drop(place, now)
            dropped |= self._users.drop(place, now << EPOCH_BITS | EPOCHS)
            if dropped:
                maps = (self._tokens, self._sessions, self._users)
                self._marks.renew(place, chain(*(each.shards[place] for each in maps)))
