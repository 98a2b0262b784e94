"""Who may reach what: hosts, paths, and the first rule that matches. No rule: nobody.

The rules of a host are kept as a tree of path segments, so that a match costs as much as the path
is deep, however many rules there are.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from sidecar.core.verdict import Deny, Reason

REMEMBERED: Final = 4096  # questions whose rule is kept: the same few are asked again and again
LONGEST_REMEMBERED: Final = 256  # characters of their paths: a flood of long ones fills no memory
NO_RULE: Final = 1_000_000_000  # above every index of a rule


@dataclass(frozen=True, slots=True)
class Access:
    """Who a rule lets in: `anyone`, or who is signed in and, unless it is None, is in `roles`."""

    anyone: bool = False
    roles: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A path pattern (`*` is one segment, `/**` at the end any depth) and who may pass.

    `line` is its place in the file.
    """

    path: str
    access: Access
    line: int = 0


@dataclass(slots=True)
class _Node:
    """The rules that share the segments up to this one.

    `here` is the first that ends with it, `below` the first that goes on with `/**`.
    """

    children: dict[str, "_Node"] = field(default_factory=dict)
    star: "_Node | None" = None
    here: int = NO_RULE
    below: int = NO_RULE

    def plant(self, segments: Sequence[str], index: int) -> None:
        """Add the rule of this index."""
        node = self
        for segment in segments:
            if segment == "**":
                node.below = min(node.below, index)
                return
            if segment == "*":
                node.star = node.star or _Node()
                node = node.star
            else:
                node = node.children.setdefault(segment, _Node())
        node.here = min(node.here, index)

    def first_match(self, segments: Sequence[str], position: int = 0) -> int:
        """Return the index of the first rule for the segments from `position` on, or NO_RULE."""
        node, best = self, NO_RULE
        for index in range(position, len(segments)):
            segment = segments[index]
            best = min(best, node.below)
            following = node.children.get(segment)
            if node.star is not None and segment:
                if following is not None:
                    best = min(best, following.first_match(segments, index + 1))
                following = node.star
            if following is None:
                return best
            node = following
        return min(best, node.here, node.below)


class HostRules:
    """The rules of one host in their order, indexed by path."""

    __slots__ = ("_cased", "_exact", "_folded", "rules")

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(rules)
        self._exact = _Node()
        self._folded = _Node()
        # Where no rule knows upper case, a path without any falls under the same rule both ways.
        self._cased = any(rule.path != rule.path.casefold() for rule in self.rules)
        for index, rule in enumerate(self.rules):
            self._exact.plant(rule.path.split("/")[1:], index)
            self._folded.plant(rule.path.casefold().split("/")[1:], index)

    def match(self, path: str) -> Rule | Deny:
        """Return the first rule that holds the canonical `path`.

        A server that ignores case would read `/Admin` as `/admin`: where that reading falls under a
        rule that lets other people in, the path is ambiguous.
        """
        index = self._exact.first_match(path.split("/")[1:])
        if index == NO_RULE:
            return Deny(Reason.NO_RULE)
        rule = self.rules[index]
        caseless = path.casefold()
        if caseless == path and not self._cased:
            return rule
        folded = self.rules[self._folded.first_match(caseless.split("/")[1:])]
        if folded is not rule and folded.access != rule.access:
            return Deny(Reason.PATH_AMBIGUOUS)
        return rule


class Policy:
    """An immutable snapshot of all rules, by canonical host or `*.domain`."""

    __slots__ = ("_hosts", "_recall")

    def __init__(self, hosts: Mapping[str, Iterable[Rule]]) -> None:
        self._hosts = {host: HostRules(rules) for host, rules in hosts.items()}
        self._recall = lru_cache(maxsize=REMEMBERED)(self._find)

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts and wildcards, in the order of the file."""
        return tuple(self._hosts)

    def __len__(self) -> int:
        return sum(len(host.rules) for host in self._hosts.values())

    def match(self, host: str, path: str) -> Rule | Deny:
        """Return the rule that decides, of the one entry that holds `host`.

        That is the entry of the host itself, else the longest wildcard.
        """
        if len(path) <= LONGEST_REMEMBERED:
            return self._recall(host, path)
        return self._find(host, path)

    def _find(self, host: str, path: str) -> Rule | Deny:
        rules = self._hosts.get(host)
        if rules is None:
            held = (name for name in wildcards(host) if name in self._hosts)
            name = next(held, None)
            if name is None:
                return Deny(Reason.NO_RULE)
            rules = self._hosts[name]
        return rules.match(path)

    def holds(self, host: str) -> bool:
        """Say whether any entry is about this host."""
        return host in self._hosts or any(name in self._hosts for name in wildcards(host))


EMPTY: Final = Policy({})


def wildcards(host: str) -> Iterator[str]:
    """Yield the wildcards that hold `host`, longest first: `*.b.c` and `*.c` for `a.b.c`."""
    rest = host
    while "." in rest and not host.startswith("["):
        rest = rest.partition(".")[2]
        yield f"*.{rest}"


def judge_access(access: Access, roles: Sequence[str]) -> Deny | None:
    """Return why somebody with these roles is refused, or None; `anyone` was answered before."""
    if access.roles is not None and access.roles.isdisjoint(roles):  # an empty list: nobody
        return Deny(Reason.ROLE_MISSING)
    return None
