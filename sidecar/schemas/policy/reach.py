"""Rules that can never be reached, and the earlier ones that are first for all they are about.

A rule is about paths, methods, networks, and preflights or all requests. Earlier rules hide it
where they are about each of its requests, one of them alone or several together. Not every request
is looked at: where a `*` stands, a segment that no rule names is matched by the fewest earlier
rules; so is a method that no rule names, and an address that is not known.
"""

from collections.abc import Collection, Iterator
from typing import Final

from sidecar.core.addresses import Network
from sidecar.core.policy import Rule
from sidecar.schemas.policy.ranges import Ranges, find_cover
from sidecar.schemas.policy.rules import PREFLIGHT

UNNAMED: Final = "\0"  # a segment that no pattern holds but by `*` or `**`
MOST_LINES: Final = 8  # that are named in a problem

# A method (None: one that no rule names), and whether only preflights are meant.
_Kind = tuple[str | None, bool]


def show_lines(lines: Collection[int]) -> str:
    """Return `the rule of line 4 is`, or `the rules of lines 4 and 7 are`."""
    shown = [str(line) for line in sorted(lines)]
    if len(shown) == 1:
        return f"the rule of line {shown[0]} is"
    shown[MOST_LINES:] = [f"{len(shown) - MOST_LINES} more"] if len(shown) > MOST_LINES else []
    return f"the rules of lines {', '.join(shown[:-1])} and {shown[-1]} are"


class _Earlier:
    """The rules of one pattern and one kind.

    `line` is that of the first which is about all addresses, 0 where there is none.
    """

    __slots__ = ("line", "ranges")

    def __init__(self) -> None:
        self.line = 0
        self.ranges = Ranges()

    def add(self, networks: Collection[Network] | None, line: int) -> None:
        """Add a rule."""
        if networks is not None:
            for network in networks:
                self.ranges.add(network, line)
        else:
            self.line = self.line or line


class _Node:
    """The rules whose patterns share the segments up to here.

    `here` are those that end with it, `below` those that go on with `**`.
    """

    __slots__ = ("below", "children", "here")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.here: dict[_Kind, _Earlier] = {}
        self.below: dict[_Kind, _Earlier] = {}


class Reached:
    """The rules of one host so far, as a tree: to compare each with all others takes minutes."""

    __slots__ = ("_deepest", "_root")

    def __init__(self) -> None:
        self._root = _Node()
        self._deepest = 0  # segments of the longest pattern

    def add(self, rule: Rule) -> None:
        """Add a rule."""
        node = self._root
        segments = rule.path.split("/")[1:]
        self._deepest = max(self._deepest, len(segments))
        below = segments[-1] == "**"
        for segment in segments[:-1] if below else segments:
            node = node.children.setdefault(segment, _Node())
        rules = node.below if below else node.here
        for method in rule.methods or (None,):
            earlier = rules.setdefault((method, rule.access.preflight), _Earlier())
            earlier.add(rule.networks, rule.line)

    def find_hiding(self, rule: Rule) -> frozenset[int]:
        """Return the lines of the rules that hide this one together, none where it is reached."""
        alone: frozenset[int] | None = None  # of those that hide it by themselves
        together: set[int] = set()
        for path in self._find_paths(rule.path):
            found = self._gather(path)
            for kinds in _find_kinds(rule):
                earlier = [rules[kind] for rules in found for kind in kinds if kind in rules]
                lines, enough = _find_lines(earlier, rule.networks)
                if not lines:
                    return frozenset()
                alone = enough if alone is None else alone & enough
                together |= {min(enough)} if enough else lines
        return frozenset({min(alone)} if alone else together)

    def _find_paths(self, pattern: str) -> Iterator[tuple[str, ...]]:
        """Yield the paths by which a pattern is reached, if at all; as their segments."""
        segments = tuple(UNNAMED if each == "*" else each for each in pattern.split("/")[1:])
        if segments[-1] != "**":
            yield segments
            return
        # Further down than any rule names a segment, every path falls under the same ones.
        stem = segments[:-1]
        for more in range(max(0, self._deepest - len(stem)) + 2):
            path = (*stem, *(UNNAMED,) * more)
            if path:
                yield path
            yield (*path, "")

    def _gather(self, path: tuple[str, ...]) -> list[dict[_Kind, _Earlier]]:
        """Return the rules about a path, of each pattern by their kinds."""
        nodes = [self._root]
        found: list[dict[_Kind, _Earlier]] = []
        for segment in path:
            found.extend(node.below for node in nodes)
            names = (segment, "*") if segment else (segment,)
            nodes = [
                node.children[name] for node in nodes for name in names if name in node.children
            ]
        for node in nodes:
            found += (node.here, node.below)
        return found


def _find_kinds(rule: Rule) -> list[tuple[_Kind, ...]]:
    """Return, for each method that has to be hidden, the kinds of rules that are about it."""
    if rule.access.preflight:
        return [((None, False), (PREFLIGHT, False), (None, True), (PREFLIGHT, True))]
    if rule.methods is None:
        return [((None, False),)]
    return [((None, False), (method, False)) for method in sorted(rule.methods)]


def _find_lines(
    earlier: list[_Earlier], networks: Collection[Network] | None
) -> tuple[frozenset[int], frozenset[int]]:
    """Return the lines of rules that together hold these networks, and those which do alone."""
    whole = frozenset(rules.line for rules in earlier if rules.line)
    if whole or networks is None:
        return whole, whole
    lines: set[int] = set()
    for network in networks:
        found = find_cover([rules.ranges for rules in earlier], network)
        if not found:
            return frozenset(), frozenset()
        lines |= found
    return frozenset(lines), frozenset(lines if len(lines) == 1 else ())
