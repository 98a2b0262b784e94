"""Durations in a policy: between which bounds, and what is wrong with those that are none."""

from dataclasses import dataclass
from typing import Any, Final

from sidecar.core.claims import DAY, LONGEST_LIFE, TokenKind
from sidecar.schemas.documents import Document, Path, show_key
from sidecar.schemas.values import format_duration, parse_duration


@dataclass(frozen=True, slots=True)
class DurationBetween:
    """A duration of `least` to `most` seconds, both included."""

    least: int
    most: int
    example: str

    def read(self, document: Document, value: Any, path: Path) -> int | None:
        """Return the seconds, or None with the problem noted."""
        seconds = parse_duration(value) if isinstance(value, str) else None
        if seconds is not None and self.least <= seconds <= self.most:
            return seconds
        meant = isinstance(value, int) and not isinstance(value, bool)
        hint = f"; did you mean {show_key(value)}s?" if meant else ""
        least, most = format_duration(self.least), format_duration(self.most)
        document.add_problem(
            path, f"must be a duration from {least} to {most}, such as {self.example}{hint}"
        )
        return None


# No login can be older than its session.
MAX_AGE: Final = DurationBetween(1, LONGEST_LIFE[TokenKind.SESSION], "15m")
MAX_STALENESS: Final = DurationBetween(2, DAY, "5m")  # as revocation.max_staleness
