"""What is different in a new policy, for the log."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Final

from sidecar.core.policy import HostRules, Rule
from sidecar.sources.pace import Pace

MOST_SHOWN: Final = 10  # places in a list: a line for a person to read
LONGEST_SHOWN: Final = 160  # characters of a place


class Places:
    """Places in a policy: all are counted, the first ones kept."""

    __slots__ = ("count", "first")

    def __init__(self) -> None:
        self.count = 0
        self.first: list[str] = []

    def add(self, host: str, rules: Sequence[Rule] = ()) -> None:
        """Add rules of a host; without any, the host itself."""
        names = [f"{host} line {rule.line}: {rule.path}" for rule in rules[:MOST_SHOWN]] or [host]
        self.count += len(rules) or 1
        self.first += [name[:LONGEST_SHOWN] for name in names[: MOST_SHOWN - len(self.first)]]

    def render(self) -> list[str]:
        """Return what stands in the log line."""
        more = self.count - len(self.first)
        return [*self.first, f"and {more} more"] if more else self.first


async def describe_changes(
    old: dict[str, HostRules], new: Mapping[str, HostRules]
) -> dict[str, object]:
    """Return members of a log line: what is other in `new` than in `old`.

    `old` is emptied host by host: to give all of its memory back at once would take a while.
    """
    pace = Pace()
    places: dict[str, Places] = {}
    for host, rules in new.items():
        before = old.pop(host, None)
        if before is None:
            places.setdefault("hosts_added", Places()).add(host)
        else:
            for name, found in await _compare(before.rules, rules.rules, pace):
                places.setdefault(name, Places()).add(host, found)
        await pace.pause()
    while old:
        places.setdefault("hosts_removed", Places()).add(old.popitem()[0])
        await pace.pause()
    count = sum(len(rules.rules) for rules in new.values())
    return {"hosts": len(new), "rules": count, **{n: each.render() for n, each in places.items()}}


async def _compare(
    old: Sequence[Rule], new: Sequence[Rule], pace: Pace
) -> list[tuple[str, list[Rule]]]:
    """Return what is different between the rules of one host, by kind."""
    come = await _find_beyond(new, old, _say, pace)
    gone = await _find_beyond(old, new, _say, pace)
    added = await _find_beyond(come, gone, _path, pace)
    kinds = {
        "rules_added": added,
        "rules_removed": await _find_beyond(gone, come, _path, pace),
        "rules_changed": await _find_beyond(come, added, _say, pace),
        "rules_moved": [] if come or gone else await _find_moved(old, new, pace),
    }
    return [(kind, rules) for kind, rules in kinds.items() if rules]


async def _find_beyond(
    rules: Iterable[Rule], others: Iterable[Rule], key: Callable[[Rule], Hashable], pace: Pace
) -> list[Rule]:
    """Return the rules whose key none of the others has; of equal keys, as many as there are more.

    No two rules of a host say the same: the second would never be reached.
    """
    left: Counter[Hashable] = Counter()
    for other in others:
        left[key(other)] += 1
        await pace.pause()
    found: list[Rule] = []
    for rule in rules:
        said = key(rule)
        if left[said]:
            left[said] -= 1
        else:
            found.append(rule)
        await pace.pause()
    return found


async def _find_moved(old: Iterable[Rule], new: Iterable[Rule], pace: Pace) -> list[Rule]:
    """Return those of the same rules that stand in another order."""
    moved: list[Rule] = []
    for before, after in zip(old, new, strict=True):
        if _say(before) != _say(after):
            moved.append(after)
        await pace.pause()
    return moved


def _say(rule: Rule) -> Hashable:
    """Return all that a rule says, wherever it stands."""
    return (rule.path, rule.methods, rule.networks, rule.says)


def _path(rule: Rule) -> Hashable:
    return rule.path
