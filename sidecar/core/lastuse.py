"""When sessions and personal tokens were last used, until somebody writes it down."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

MOST_USES: Final = 65_536  # of each kind; about 150 octets each


class Used(StrEnum):
    """What was used: a session, by its `sid`, or a personal token, by its id."""

    SESSION = "session"
    PERSONAL = "personal"


class LastUse:
    """The last use of each, in Unix seconds; bounded.

    `when_full` is called as long as there is no room for another: what is not written down by then
    is not noted.
    """

    __slots__ = ("_most", "_uses", "when_full")

    def __init__(self, most: int = MOST_USES) -> None:
        self.when_full: Callable[[], None] = _wait
        self._most = most
        self._uses: dict[Used, dict[str, int]] = {kind: {} for kind in Used}

    def note(self, kind: Used, name: str, at: int) -> None:
        """Note a use."""
        uses = self._uses[kind]
        if len(uses) < self._most or name in uses:
            uses[name] = at
        if len(uses) >= self._most:
            self.when_full()

    def take(self, kind: Used) -> dict[str, int]:
        """Return what was noted, and forget it."""
        uses, self._uses[kind] = self._uses[kind], {}
        return uses

    def give_back(self, kind: Used, taken: Mapping[str, int]) -> None:
        """Note again what could not be written down; what was noted since is newer."""
        uses = self._uses[kind]
        for name, at in taken.items():
            if len(uses) >= self._most:
                break
            uses.setdefault(name, at)


def _wait() -> None:
    """Do nothing: what is noted is taken in time."""
