"""How long the next attempt to log in must wait."""

from dataclasses import dataclass
from typing import Final

TOO_MANY_ATTEMPTS: Final = "too_many_attempts"  # the reason, as answers and logs have it


@dataclass(frozen=True, slots=True)
class Throttled:
    """Not now: the next attempt may be made in `retry_after` seconds, one or more."""

    retry_after: int

    def __bool__(self) -> bool:
        return False
