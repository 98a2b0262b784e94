"""How many of one crowd may be there at once, so that it takes not all there is."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from sidecar.errors import Overloaded


class Crowds:
    """Lets in at most `most` of each crowd at once; the others are told `refusal`."""

    def __init__(self, most: int, refusal: str) -> None:
        self._most = most
        self._refusal = refusal
        self._inside: Counter[str] = Counter()

    @contextmanager
    def enter(self, crowd: str | None) -> Iterator[None]:
        """Be one of this crowd for the length of the block; None is of none. Raises Overloaded."""
        if crowd is None:
            yield
            return
        if self._inside[crowd] >= self._most:
            raise Overloaded(self._refusal)
        self._inside[crowd] += 1
        try:
            yield
        finally:
            self._inside[crowd] -= 1
            if not self._inside[crowd]:
                del self._inside[crowd]
