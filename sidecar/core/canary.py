"""A canary: a revocation of nobody, by which processes measure how late they learn of one.

When a logout would have been acknowledged is not known yet as a canary is written: the next one
says it.
"""

import re
from typing import Final, NamedTuple

from sidecar.core.revocation import Level, Revocation

PREFIX: Final = "canary:"  # no `jti` of ours has a colon
LIFE: Final = 120  # seconds until one is forgotten; one that comes later says nothing any more
LONGEST_WRITE: Final = 999_999  # milliseconds that one can say of the one before

_SUBJECT: Final = re.compile(
    PREFIX + r"([0-9a-f]{16}):([0-9]{13}):([0-9]{13}):(0|[1-9][0-9]{0,5})", re.ASCII
)


class Canary(NamedTuple):
    """Who released it, and when; when that of `before` was released, and how long its write took.

    `replica` is 16 hexadecimal digits. Moments are Unix milliseconds, `took` is milliseconds.
    `before` is 0 where nothing is to be said of one.
    """

    replica: str
    released: int
    before: int = 0
    took: int = 0

    @property
    def subject(self) -> str:
        """What is revoked."""
        return f"{PREFIX}{self.replica}:{self.released:013}:{self.before:013}:{self.took}"

    def make_revocation(self) -> Revocation:
        """Return what is written, and forgotten soon."""
        return Revocation(Level.TOKEN, self.subject, 0, self.released // 1000 + LIFE)

    def is_old(self, unix_ms: int) -> bool:
        """Say whether it should have been forgotten at this moment."""
        return self.released < unix_ms - LIFE * 1000


def is_canary(revocation: Revocation) -> bool:
    """Say whether it refuses nobody."""
    return revocation.subject.startswith(PREFIX) and revocation.level is Level.TOKEN


def parse_canary(subject: str) -> Canary | None:
    """Return the canary of a subject, or None for what we did not write."""
    found = _SUBJECT.fullmatch(subject)
    return None if found is None else Canary(found[1], int(found[2]), int(found[3]), int(found[4]))
