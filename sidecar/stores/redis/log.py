"""What lies in Redis: a snapshot of all revocations, and a stream that says what came since.

A stream alone loses silently: after a trim a reader just goes on, after a rewind (FLUSHALL, a
failover) it waits for ever. So each entry bears a sequence of our own and the incarnation of the
feed; a reader that sees a gap or another incarnation takes the snapshot again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sidecar.core.revocation import Level, Revocation

SNAPSHOT: Final = "{sidecar}:revocations"
STREAM: Final = "{sidecar}:revocations:stream"
META: Final = "{sidecar}:revocations:meta"
LONGEST_STREAM: Final = 10_000  # entries; who is further behind takes the snapshot


@dataclass(frozen=True, slots=True)
class Position:
    """How far a reader has come: the incarnation, our sequence in it, and the stream's own id."""

    incarnation: str
    sequence: int
    stream_id: str


def encode_member(revocation: Revocation) -> str:
    """Return a revocation as a member of the snapshot; its `forget_at` is the score."""
    return f"{revocation.level.value} {revocation.epoch} {revocation.subject}"


def decode_member(member: str, forget_at: float) -> Revocation | None:
    """Return the revocation of a member, or None for what is not ours."""
    level, _, rest = member.partition(" ")
    epoch, _, subject = rest.partition(" ")
    try:
        return Revocation(Level(level), subject, int(epoch), int(forget_at))
    except (ValueError, OverflowError):
        return None


def follows(position: Position, fields: Mapping[str, str]) -> Position | None:
    """Return the position behind a stream entry, or None where it does not follow on `position`."""
    if fields.get("incarnation") != position.incarnation:
        return None
    if fields.get("sequence") != str(position.sequence + 1):
        return None
    return Position(position.incarnation, position.sequence + 1, position.stream_id)
