"""What holds very many subjects: a map that grows without a pause, and marks in front of it.

A dictionary that is full moves all its entries at once: 30 ms for a million of them, in which no
request is answered. Many small ones take less than a tenth of a millisecond each.

A look-up in any of them goes to several places of memory that no cache holds. Marks are a bit for
each of very many hashes, small enough for a cache: where the bit of a subject is not set, no map
holds it.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from sys import hash_info
from typing import Final

SHARDS: Final = 1024
# A shard is chosen by the upper ten bits of a hash, for within a dictionary places go by the lower
# ones. They are signed: from -512 to -1 they count from the end of the shards.
SHIFT: Final = hash_info.width - 10
NOTHING: Final = float("-inf")  # below every number
BITS: Final = tuple(1 << bit for bit in range(8))


class ShardedMap(Mapping[str, int]):
    """Numbers by subject.

    It keeps the subjects themselves, never a part or a hash of them. Shards are made anew where
    something is dropped: a dictionary from which entries are deleted never gets smaller.
    """

    __slots__ = ("shards",)

    def __init__(self) -> None:
        self.shards: list[dict[str, int]] = [{} for _ in range(SHARDS)]

    def __getitem__(self, subject: str) -> int:
        return self.shards[hash(subject) >> SHIFT][subject]

    def __contains__(self, subject: object) -> bool:
        return subject in self.shards[hash(subject) >> SHIFT]

    def __iter__(self) -> Iterator[str]:
        return chain.from_iterable(self.shards)

    def __len__(self) -> int:
        return sum(map(len, self.shards))

    def __setitem__(self, subject: str, number: int) -> None:
        self.shards[hash(subject) >> SHIFT][subject] = number

    def raise_to(self, subject: str, number: int) -> bool:
        """Have at least this number for a subject; say whether it had less."""
        shard = self.shards[hash(subject) >> SHIFT]
        if shard.get(subject, NOTHING) >= number:
            return False
        shard[subject] = number
        return True

    def drop(self, place: int, most: int) -> bool:
        """Drop what has at most this number from one of the shards; say whether any had."""
        shard = self.shards[place]
        if not shard or min(shard.values()) > most:
            return False
        self.shards[place] = {subject: number for subject, number in shard.items() if number > most}
        return True


class Marks:
    """A bit for each of 2**`size` upper parts of hashes, at least 2**13; signed as above.

    That of a subject is `bits[part >> 3] & BITS[part & 7]`, `part` being its hash >> `shift`.
    """

    __slots__ = ("bits", "shift")

    def __init__(self, size: int) -> None:
        self.bits = bytearray(1 << (size - 3))
        self.shift = hash_info.width - size

    def __contains__(self, subject: object) -> bool:
        part = hash(subject) >> self.shift
        return self.bits[part >> 3] & BITS[part & 7] != 0

    def add(self, subject: str) -> None:
        """Set the bit of a subject."""
        part = hash(subject) >> self.shift
        self.bits[part >> 3] |= BITS[part & 7]

    def add_all(self, subjects: Iterable[str]) -> None:
        """Set the bits of these."""
        bits, shift = self.bits, self.shift
        for subject in subjects:
            part = hash(subject) >> shift
            bits[part >> 3] |= BITS[part & 7]

    def renew(self, place: int, subjects: Iterable[str]) -> None:
        """Set the bits of these anew; they are all that stand in the shards of this place."""
        length = len(self.bits) // SHARDS
        self.bits[place * length : (place + 1) * length] = bytes(length)
        self.add_all(subjects)
