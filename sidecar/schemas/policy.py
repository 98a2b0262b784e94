"""The policy file: hosts, their rules, and the mistakes that a policy lets people make."""

import string
from collections.abc import Mapping
from typing import Any, Final

from sidecar.core.facts import parse_host, parse_path
from sidecar.core.policy import Access, Policy, Rule
from sidecar.core.user import is_role
from sidecar.core.verdict import Deny
from sidecar.schemas.documents import Document, Path, read_document, suggest

LARGEST_POLICY: Final = 4_194_304  # octets: 10 000 rules have about one million
PLAIN: Final = frozenset(string.ascii_letters + string.digits + "-._~*")
NO_LINE: Final = 1_000_000_000  # beyond every line
ROOT_KEYS: Final = ["hosts"]
RULE_KEYS: Final = ["path", "allow"]
ALLOW_KEYS: Final = ["roles"]
ALLOW_WORDS: Final = {"anyone": Access(anyone=True), "signed-in": Access()}


def parse_policy(text: str, name: str) -> Policy:
    """Return the policy in `text`, which the file `name` holds. Raises DocumentInvalid."""
    document = read_document(text, name, largest=LARGEST_POLICY)
    root = document.values if isinstance(document.values, dict) else {}
    _refuse_unknown(document, root, ROOT_KEYS, ())
    members = root.get("hosts")
    if not isinstance(members, dict):
        if not document.lacks(()):
            document.add_problem(("hosts",), "must be a mapping of hosts to their rules")
        members = {}
    hosts: dict[str, list[Rule]] = {}
    for written, rules in members.items():
        path: Path = ("hosts", written)
        host, parsed = _parse_host_key(written), _parse_rules(document, rules, path)
        if host is None:
            document.add_problem(
                path, "is not a host: a name or address without scheme and port, or *.name"
            )
        elif host in hosts:
            document.add_problem(path, f"is {host} a second time, in another spelling")
        else:
            hosts[host] = parsed
    document.refuse_problems()
    return Policy(hosts)


def _parse_host_key(written: str) -> str | None:
    """Return the canonical host or wildcard."""
    wildcard = written.startswith("*.")
    host = parse_host(written.removeprefix("*."))
    if isinstance(host, Deny) or host.port is not None:
        return None
    if wildcard and (host.name.startswith("[") or host.name.rpartition(".")[2].isdigit()):
        return None  # nothing stands below an address
    return f"*.{host.name}" if wildcard else host.name


def _parse_rules(document: Document, rules: Any, path: Path) -> list[Rule]:
    if not isinstance(rules, list) or not rules:
        document.add_problem(path, "must be a list of rules")
        return []
    parsed: list[Rule] = []
    reached = _Reached()
    for index, members in enumerate(rules):
        rule = _parse_rule(document, members, (*path, index))
        if rule is None:
            continue
        earlier = reached.find_line(rule.path)
        if earlier != NO_LINE:
            document.add_problem(
                (*path, index), f"is never reached: the rule of line {earlier} is first"
            )
        reached.add(rule)
        parsed.append(rule)
    return parsed


def _parse_rule(document: Document, members: Any, path: Path) -> Rule | None:
    if not isinstance(members, dict):
        document.add_problem(path, "must be a mapping with path and allow")
        return None
    _refuse_unknown(document, members, RULE_KEYS, path)
    pattern = members.get("path")
    access = _parse_allow(document, members.get("allow"), (*path, "allow"))
    if not isinstance(pattern, str) or not is_pattern(pattern):
        document.add_problem(
            (*path, "path"),
            "must be a decoded path that begins with / and has no empty or dot segment;"
            " * is one segment, ** stands last",
        )
        return None
    return None if access is None else Rule(pattern, access, document.line_of(path))


def _parse_allow(document: Document, allow: Any, path: Path) -> Access | None:
    if isinstance(allow, str) and allow in ALLOW_WORDS:
        return ALLOW_WORDS[allow]
    if not isinstance(allow, dict) or not allow:
        hint = suggest(allow, list(ALLOW_WORDS)) if isinstance(allow, str) else ""
        document.add_problem(path, f"must be anyone, signed-in, or {{roles: [...]}}{hint}")
        return None
    _refuse_unknown(document, allow, ALLOW_KEYS, path)
    roles = allow.get("roles")
    if not isinstance(roles, list) or not roles:
        document.add_problem((*path, "roles"), "must be a list of at least one role")
        return None
    for index, role in enumerate(roles):
        if not isinstance(role, str) or not is_role(role):
            document.add_problem((*path, "roles", index), "is not the name of a role")
            return None
    return Access(roles=frozenset(roles))


def is_pattern(pattern: str) -> bool:
    """Say whether a pattern holds canonical paths: any other could never match."""
    segments = pattern.split("/")
    if "**" in segments[:-1] or any("*" in each and each not in {"*", "**"} for each in segments):
        return False
    # What `parse_path` makes of a spelling in which all but `/` is encoded is what a pattern says.
    encoded = "/".join(_encode(segment) for segment in segments)
    return parse_path(encoded) == pattern


def _encode(segment: str) -> str:
    octets = segment.encode("utf-8", "surrogatepass")
    return "".join(chr(o) if chr(o) in PLAIN else f"%{o:02X}" for o in octets)


class _Reached:
    """The rules so far as a tree of segments: a comparison of each with all takes minutes.

    `here` and `below` are the first lines of the patterns that end at this segment, and of those
    that go on with `**`.
    """

    __slots__ = ("below", "children", "here")

    def __init__(self) -> None:
        self.children: dict[str, _Reached] = {}
        self.here = self.below = NO_LINE

    def add(self, rule: Rule) -> None:
        """Add a rule."""
        node = self
        for segment in rule.path.split("/")[1:]:
            if segment == "**":
                node.below = min(node.below, rule.line)
                return
            node = node.children.setdefault(segment, _Reached())
        node.here = min(node.here, rule.line)

    def find_line(self, pattern: str) -> int:
        """Return the line of the first rule that holds every path that `pattern` holds."""
        nodes = [self]
        line = NO_LINE
        for segment in pattern.split("/")[1:]:
            line = min([line, *(node.below for node in nodes)])
            if segment == "**":
                return line
            names = {segment, "*"} if segment else {segment}
            nodes = [node.children[name] for node in nodes for name in names & node.children.keys()]
        return min([line, *(min(node.here, node.below) for node in nodes)])


def _refuse_unknown(
    document: Document, members: Mapping[str, Any], known: list[str], path: Path
) -> None:
    for key in members:
        if key not in known:
            document.add_problem((*path, key), f"is not known{suggest(key, known)}")
