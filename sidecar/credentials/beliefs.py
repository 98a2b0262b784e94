"""What a store has just said, so that whoever goes on asking costs no read."""

from typing import Final, Generic, TypeVar

# Not longer, so that `sidecar throttle clear`, or a login at another replica, is obeyed within it.
LONGEST_BELIEF: Final = 5  # seconds
MOST_REMEMBERED: Final = 10_000  # the oldest is dropped: it costs a read again

T = TypeVar("T")


class Beliefs(Generic[T]):
    """Believes of MOST_REMEMBERED keys, each for LONGEST_BELIEF; `now` is Unix seconds."""

    def __init__(self) -> None:
        self._beliefs: dict[str, tuple[T, int]] = {}

    def find(self, key: str, now: int) -> T | None:
        """Return what is believed, None where nothing is any more."""
        belief, since = self._beliefs.get(key, (None, now))
        if 0 <= now - since < LONGEST_BELIEF:
            return belief
        self.drop(key)
        return None

    def keep(self, key: str, belief: T, now: int) -> None:
        """Believe this of a key from now on."""
        self.drop(key)  # so that the first in the dictionary is the oldest
        if len(self._beliefs) >= MOST_REMEMBERED:
            del self._beliefs[next(iter(self._beliefs))]
        self._beliefs[key] = (belief, now)

    def drop(self, key: str) -> None:
        """Believe nothing of a key."""
        self._beliefs.pop(key, None)
