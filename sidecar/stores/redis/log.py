"""What lies in Redis: a snapshot of all revocations, and a stream that says what came since.

A stream alone loses silently: after a trim a reader just goes on, after a rewind (FLUSHALL, a
failover) it waits for ever. So each entry bears a sequence of our own and the incarnation of the
log; a reader that sees a gap or another incarnation takes the snapshot again. Anybody may have
written under these names, so whatever is read is judged first.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from sidecar.core.revocation import Level, Revocation

# The braces make one hash slot of them, so that one script may touch all of them.
SNAPSHOT: Final = "{sidecar}:revocations"
STREAM: Final = "{sidecar}:revocations:stream"
META: Final = "{sidecar}:revocations:meta"
CLAIM: Final = "{sidecar}:revocations:claim"  # of who fills the log; it expires
WRITERS: Final = "{sidecar}:revocations:writers"  # what each writer vouches for
META_FIELDS: Final = ("incarnation", "sequence")
HEAD_FIELDS: Final = (*META_FIELDS, "filled")
ANNOUNCE: Final = Path(__file__).with_name("announce.lua").read_text(encoding="utf-8")

LONGEST_STREAM: Final = 10_000  # entries, some 3 MB; who is further behind takes the snapshot
LONGEST_MEMBER: Final = 200  # characters; our ids have at most 64
LARGEST_EPOCH: Final = 2**63 - 1  # what SQL counts to
LATEST_SCORE: Final = 2**53  # a score is a double, exact up to here
START: Final = "0-0"  # in front of every entry of a stream

_ANY_LEVEL: Final = re.compile(r"([a-z_]{1,16}) [0-9]{1,19} .*", re.ASCII | re.DOTALL)
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Position:
    """How far a reader has come: the incarnation, our sequence in it, and the stream's own id.

    The incarnation is empty where nobody could found the log yet.
    """

    incarnation: str
    sequence: int
    stream_id: str

    def continues(self, earlier: "Position") -> bool:
        """Say whether what was announced until `earlier` is held by the log that this is of."""
        return self.incarnation == earlier.incarnation and self.sequence >= earlier.sequence


def read_position(meta: Sequence[str | None], stream_id: str) -> Position:
    """Return the position that the values of META_FIELDS say."""
    incarnation, number = meta
    sequence = _parse_number(number)
    if not incarnation or sequence is None:
        return Position("", 0, stream_id)
    return Position(incarnation, sequence, stream_id)


def is_filled(head: Sequence[str | None]) -> bool:
    """Say whether the values of HEAD_FIELDS mark this very log as holding all that SQL holds."""
    incarnation, _, filled = head
    return bool(incarnation) and filled == incarnation


def read_head(
    meta: Sequence[str | None], last: Sequence[tuple[str, Mapping[str, str]]]
) -> Position:
    """Return the position of the last entry of the stream, read behind the meta hash.

    The two are not read at one moment, for a Redis that is full refuses transactions: where the
    entry came after the hash was read, its own marks say so.
    """
    if not last:
        return read_position(meta, START)
    stream_id, fields = last[0]
    head = read_position(meta, stream_id)
    marked = read_position([fields.get(name) for name in META_FIELDS], stream_id)
    return marked if marked.continues(head) else head


def follow(position: Position, stream_id: str, fields: Mapping[str, str]) -> Position | None:
    """Return the position behind an entry, or None where it does not follow on `position`.

    What bears neither mark of ours was never announced: it is passed over.
    """
    if not any(name in fields for name in META_FIELDS):
        return replace(position, stream_id=stream_id)
    sequence = _parse_number(fields.get("sequence"))
    if fields.get("incarnation") != position.incarnation or sequence != position.sequence + 1:
        return None
    return Position(position.incarnation, sequence, stream_id)


def is_rewind(position: Position, fields: Mapping[str, str]) -> bool:
    """Say whether an entry proves that its log has gone back: what stood there was another."""
    sequence = _parse_number(fields.get("sequence"))
    same = bool(position.incarnation) and fields.get("incarnation") == position.incarnation
    return same and sequence is not None and sequence <= position.sequence


def encode_member(revocation: Revocation) -> str:
    """Return a revocation as a member of the snapshot; its `forget_at` is the score."""
    return f"{revocation.level.value} {revocation.epoch} {revocation.subject}"


def decode_member(member: str, forget_at: float | str) -> Revocation | None:
    """Return the revocation of a member and its score, or None for what we did not write."""
    if len(member) > LONGEST_MEMBER:
        return None
    name, _, rest = member.partition(" ")
    number, separator, subject = rest.partition(" ")
    epoch = _parse_number(number)
    score = _parse_number(forget_at) if isinstance(forget_at, str) else forget_at
    try:
        level = Level(name)
    except ValueError:
        return None
    if not separator or (level is Level.EVERYONE) is not (subject == ""):
        return None
    if epoch is None or epoch > LARGEST_EPOCH:
        return None
    if score is None or not 0 <= score <= LATEST_SCORE:
        return None
    return Revocation(level, subject, epoch, int(score))


def find_unknown_level(member: str) -> str | None:
    """Return the level of a member that is a revocation, where this version does not know it."""
    found = _ANY_LEVEL.fullmatch(member)
    return None if found is None or found[1] in set(Level) else found[1]


def _parse_number(text: str | None) -> int | None:
    return int(text) if text is not None and _NUMBER.fullmatch(text) else None
