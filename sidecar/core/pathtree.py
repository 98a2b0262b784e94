"""Path patterns as a tree of segments: which of them hold a path costs as much as it is deep."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class PathTree:
    """The rules that share the segments up to this one, by index.

    `here` are those that end with it, `below` those that go on with `/**`.
    """

    children: dict[str, "PathTree"] = field(default_factory=dict)
    star: "PathTree | None" = None
    here: tuple[int, ...] = ()
    below: tuple[int, ...] = ()

    def plant(self, segments: Sequence[str], index: int) -> None:
        """Add the rule of this index."""
        node = self
        for segment in segments:
            if segment == "**":
                node.below = (*node.below, index)
                return
            if segment == "*":
                node.star = node.star or PathTree()
                node = node.star
            else:
                node = node.children.setdefault(segment, PathTree())
        node.here = (*node.here, index)

    def gather(self, segments: Sequence[str], found: list[int], position: int = 0) -> None:
        """Add to `found` the index of each rule for the segments from `position` on."""
        node = self
        for index in range(position, len(segments)):
            segment = segments[index]
            found.extend(node.below)
            following = node.children.get(segment)
            if node.star is not None and segment:
                if following is not None:
                    following.gather(segments, found, index + 1)
                following = node.star
            if following is None:
                return
            node = following
        found.extend(node.here)
        found.extend(node.below)
