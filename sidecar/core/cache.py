"""A dictionary that forgets.

It is bounded in entries and in octets, cheap to read, and a flood of what nobody asks for again
does not empty it.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from sys import maxsize
from typing import Any, Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

NEW_SHARE: Final = 10  # a tenth of a full cache is for what has not been asked for again


def _weightless(_key: object, _value: object) -> int:
    return 0


def _make_known() -> dict[Any, Any]:
    """Return an empty dictionary that the collector of garbage knows.

    Else it would hear of it with the first entry, and look at all of them together once there are
    many; so it is frozen with all else that a process makes at its start.
    """
    made: dict[Any, Any] = {None: []}
    made.clear()
    return made


class BoundedCache(Generic[K, V]):
    """At most twice `size` entries that weigh at most `octets` together, by `weigh`.

    What is put is new until somebody asks for it; that moves it to the young. A full cache forgets
    the oldest of the new as long as they have their tenth, in entries or in weight: so what is put
    and never asked for pushes out its own kind alone, however much or heavy it is. Else it forgets
    an old one. When there are none left, the young become the old; an old one that is asked for is
    young again. Which of them were asked for soon stand in front, and are forgotten last.

    Of what was forgotten lately the hashes are kept: what comes back is young at once. A hash
    decides about that place and nothing else.
    """

    __slots__ = (
        "_gone",
        "_gone_before",
        "_new",
        "_new_weight",
        "_octets",
        "_old",
        "_size",
        "_weigh",
        "_weight",
        "_young",
    )

    def __init__(
        self, size: int, octets: int = maxsize, weigh: Callable[[K, V], int] = _weightless
    ) -> None:
        """Make an empty one; `weigh` returns the same for an entry each time it is asked."""
        self._size = size
        self._octets = octets
        self._weigh = weigh
        self._weight = self._new_weight = 0
        self._new: OrderedDict[K, V] = OrderedDict()
        self._young: dict[K, V] = _make_known()
        self._old: dict[K, V] = _make_known()
        self._gone: set[int] = set()
        self._gone_before: set[int] = set()

    def __len__(self) -> int:
        return len(self._young) + len(self._old) + len(self._new)

    @property
    def weight(self) -> int:
        """What all entries weigh together, in octets."""
        return self._weight

    def get(self, key: K) -> V | None:
        """Return what is kept for `key`, or None."""
        value = self._young.get(key)
        if value is None:
            value = self._old.pop(key, None)
            if value is None:
                value = self._new.pop(key, None)
                if value is None:
                    return None
                self._new_weight -= self._weigh(key, value)
            self._young[key] = value
        return value

    def put(self, key: K, value: V) -> None:
        """Keep `value` for `key`, but not what is heavier than all may be together."""
        if key in self._young or key in self._old or key in self._new:
            self._weight -= self._weigh(key, self._take(key))
            asked_for = True
        else:
            asked_for = hash(key) in self._gone or hash(key) in self._gone_before
        weight = self._weigh(key, value)
        if weight > self._octets:
            return
        while len(self) >= 2 * self._size or self._weight + weight > self._octets:
            self._forget()
        self._weight += weight
        if asked_for:
            self._young[key] = value
        else:
            self._new[key] = value
            self._new_weight += weight

    def _take(self, key: K) -> V:
        self.get(key)  # it is young now
        return self._young.pop(key)

    def _forget(self) -> None:
        new = self._new
        has_share = (
            len(new) * NEW_SHARE >= 2 * self._size or self._new_weight * NEW_SHARE >= self._octets
        )
        if new and (has_share or len(new) == len(self)):
            key, value = new.popitem(last=False)
            self._new_weight -= self._weigh(key, value)
        else:
            if not self._old:
                self._old, self._young = self._young, self._old
            key, value = self._old.popitem()  # the last one
        self._weight -= self._weigh(key, value)
        if len(self._gone) >= self._size:
            self._gone_before = self._gone
            self._gone = set()
        self._gone.add(hash(key))
