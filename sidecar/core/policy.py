"""Who may reach what: hosts, paths, and the first rule that matches. No rule: nobody.

The rules of a host are kept as a tree of path segments, so that a match costs as much as the path
is deep, however many rules there are. The tree answers which rules are about a path; of those few
the first decides that also is about the method and the client's network.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache, partial
from typing import Final, NamedTuple, Protocol, cast

from sidecar.core.access import Access, is_within
from sidecar.core.addresses import Address, Network
from sidecar.core.facts import Asked, RequestFacts
from sidecar.core.folding import fold_path
from sidecar.core.pathtree import PathTree
from sidecar.core.verdict import Deny, Reason

REMEMBERED: Final = 4096  # questions whose rules are kept: the same few are asked again and again
LONGEST_REMEMBERED: Final = 256  # characters of their paths: a flood of long ones fills no memory


class WhenStale(StrEnum):
    """What is said about a token while the view of the revocations is too old."""

    DENY = "deny"
    ALLOW = "allow"


class Posture(NamedTuple):
    """What holds during an outage where a rule does not say.

    A view of the revocations is too old that was last read over `max_staleness` seconds ago.
    """

    max_staleness: int
    when_stale: WhenStale


class Circumstances(Protocol):
    """What of a request a rule may look at besides host and path."""

    @property
    def method(self) -> str:
        """The method."""

    @property
    def address(self) -> Address | None:
        """The client's address, None where it is not known."""

    @property
    def preflight(self) -> bool:
        """Whether this is a true CORS preflight."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A path pattern (`*` is one segment, `/**` at the end any depth) and who may pass.

    Where `methods` or `networks` is not None the rule is about those only; the next one is tried
    for others. `when_stale` and `max_staleness`, in seconds, are None where the settings say.
    `line` is its place in the file.
    """

    path: str
    access: Access
    line: int = 0
    methods: frozenset[str] | None = None
    networks: tuple[Network, ...] | None = None
    when_stale: WhenStale | None = None
    max_staleness: int | None = None

    @property
    def says(self) -> tuple[Access, WhenStale | None, int | None]:
        """What becomes of a request that it decides about: of two that say the same, either may."""
        return self.access, self.when_stale, self.max_staleness

    @property
    def always_applies(self) -> bool:
        """Whether it is about every request for its path."""
        return self.methods is None and self.networks is None and not self.access.preflight

    def find_mismatch(self, facts: Circumstances) -> str | None:
        """Return the key by which a request for its path is not what it is about, or None."""
        if self.methods is not None and facts.method not in self.methods:
            return "methods"
        if self.networks is not None and not is_within(facts.address, self.networks):
            return "networks"
        return "allow" if self.access.preflight and not facts.preflight else None


class Candidates(NamedTuple):
    """The rules about one path, in their order, up to the first that is about every request.

    `folded` are those about the path as `fold_path` reads it; None: the same ones. `plain` says
    that there are none and that the method alone tells which one decides.
    """

    exact: tuple[Rule, ...]
    folded: tuple[Rule, ...] | None
    plain: bool = False

    def settle(self, rule: Rule | None, facts: Circumstances) -> Rule | Deny:
        """Return what decides, where `rule` is the first of `exact` that is about the request.

        A server that ignores case would read `/Admin` as `/admin`: where such a reading falls under
        a rule that lets other people in, the path is ambiguous.
        """
        if rule is None:
            return Deny(Reason.NO_RULE)
        if self.folded is not None:
            other = first_about(self.folded, facts)
            if other is None or other.says != rule.says:
                return Deny(Reason.PATH_AMBIGUOUS)
        return rule


class HostRules:
    """The rules of one host in their order, indexed by path."""

    __slots__ = ("_exact", "_folded", "rules")

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self.rules: tuple[Rule, ...] = ()
        self._exact = PathTree()
        # The same tree until a rule's path has another reading: most policies take half the memory.
        self._folded = self._exact
        self.add(rules)

    def add(self, rules: Iterable[Rule]) -> None:
        """Add rules at the end, before the first question: many at once hold up the caller."""
        before = len(self.rules)
        self.rules += tuple(rules)
        added = self.rules[before:]
        if not self._cased and any(rule.path != fold_path(rule.path) for rule in added):
            self._folded = PathTree()
            self._plant_folded(0, before)
        for index, rule in enumerate(added, before):
            self._exact.plant(rule.path.split("/")[1:], index)
        if self._cased:
            self._plant_folded(before, len(self.rules))

    @property
    def _cased(self) -> bool:
        return self._folded is not self._exact

    def _plant_folded(self, begin: int, end: int) -> None:
        for index in range(begin, end):
            self._folded.plant(fold_path(self.rules[index].path).split("/")[1:], index)

    def find(self, path: str) -> Candidates:
        """Return the rules about the canonical `path`."""
        exact = self._gather(self._exact, path)
        other = fold_path(path)
        cased = other != path or self._cased
        folded = self._gather(self._folded, other) if cased else exact
        if folded != exact:
            return Candidates(exact, folded)
        plain = all(each.networks is None and not each.access.preflight for each in exact)
        return Candidates(exact, None, plain)

    def _gather(self, tree: PathTree, path: str) -> tuple[Rule, ...]:
        found: list[int] = []
        tree.gather(path.split("/")[1:], found)
        rules: list[Rule] = []
        for index in sorted(found):
            rules.append(self.rules[index])
            if rules[-1].always_applies:
                break
        return tuple(rules)


class Policy:
    """An immutable snapshot of all rules, by canonical host or `*.domain`."""

    __slots__ = ("_hosts", "_mark", "_recall")

    def __init__(self, hosts: Mapping[str, Iterable[Rule] | HostRules]) -> None:
        self._hosts = {
            host: rules if isinstance(rules, HostRules) else HostRules(rules)
            for host, rules in hosts.items()
        }
        self._mark = object()  # in what is noted: the policy itself would live as long as that
        # Not of a method: a policy that holds itself would wait for the garbage collector.
        self._recall = lru_cache(maxsize=REMEMBERED)(partial(_find, self._hosts))

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts and wildcards, in the order of the file."""
        return tuple(self._hosts)

    def __len__(self) -> int:
        return sum(len(host.rules) for host in self._hosts.values())

    def rules_of(self, entry: str) -> tuple[Rule, ...]:
        """Return the rules of one of `hosts`, in their order."""
        return self._hosts[entry].rules

    def match(self, facts: RequestFacts) -> Rule | Deny:
        """Return the rule that decides, of the one entry that holds the host."""
        found = self.find(facts.host.name, facts.path)
        return found.settle(first_about(found.exact, facts), facts)

    def find_plain(self, asked: Asked) -> Rule | None:
        """Return what `match` does, where nothing else has a say in it; else None."""
        if asked.noted_by is not self._mark:
            asked.noted = self._find_plain(asked)
            asked.noted_by = self._mark
        return cast("Rule | None", asked.noted)

    def _find_plain(self, asked: Asked) -> Rule | None:
        found = self.find(asked.host.name, asked.path)
        if found.plain:
            for rule in found.exact:
                if rule.methods is None or asked.method in rule.methods:
                    return rule
        return None

    def find(self, host: str, path: str) -> Candidates:
        """Return the rules about a path, of the host itself, else of the longest wildcard."""
        if len(path) <= LONGEST_REMEMBERED:
            return self._recall(host, path)
        return _find(self._hosts, host, path)

    def find_entry(self, host: str) -> str | None:
        """Return the one of `hosts` whose rules are about this host, None where there is none."""
        return _find_entry(self._hosts, host)

    def holds(self, host: str) -> bool:
        """Say whether any entry is about this host."""
        return self.find_entry(host) is not None


def _find(hosts: Mapping[str, HostRules], host: str, path: str) -> Candidates:
    entry = _find_entry(hosts, host)
    return NO_RULES if entry is None else hosts[entry].find(path)


def _find_entry(hosts: Mapping[str, HostRules], host: str) -> str | None:
    if host in hosts:
        return host
    return next((name for name in wildcards(host) if name in hosts), None)


NO_RULES: Final = Candidates((), None)


def first_about(rules: Iterable[Rule], facts: Circumstances) -> Rule | None:
    """Return the first of the rules about a path that is about the request as a whole."""
    for rule in rules:
        if rule.find_mismatch(facts) is None:
            return rule
    return None


def wildcards(host: str) -> Iterator[str]:
    """Yield the wildcards that hold `host`, longest first: `*.b.c` and `*.c` for `a.b.c`."""
    rest = host
    while "." in rest and not host.startswith("["):
        rest = rest.partition(".")[2]
        yield f"*.{rest}"
