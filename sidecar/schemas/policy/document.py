"""A policy file as a whole: hosts, each once, and their rules in order."""

from collections.abc import Mapping
from typing import Any, Final

from sidecar.core.facts import LONGEST_HOST, parse_host
from sidecar.core.policy import Rule
from sidecar.core.verdict import Deny
from sidecar.schemas.documents import Document, Path, read_document
from sidecar.schemas.policy.keys import ROOT_KEYS, refuse_unknown
from sidecar.schemas.policy.reach import Reached, show_lines
from sidecar.schemas.policy.rules import RuleParser
from sidecar.schemas.values import parse_host_pattern

LARGEST_POLICY: Final = 4_194_304  # octets: 10 000 rules have about one million
HOST: Final = "is not a host: a name or address in ASCII without scheme and port, or *.name"


def parse_rules(text: str, name: str) -> Mapping[str, tuple[Rule, ...]]:
    """Return the rules of each canonical host, as `Policy` takes them. Raises DocumentInvalid."""
    document = read_document(text, name, largest=LARGEST_POLICY)
    hosts: dict[str, tuple[Rule, ...]] = {}
    parser = RuleParser(document)
    for written, rules in _read_hosts(document).items():
        path: Path = ("hosts", written)
        host, parsed = _parse_host(written), _parse_host_rules(parser, rules, path)
        if host is None:
            document.add_problem(path, f"{HOST}{_hint_host(written)}")
        elif host in hosts:
            document.add_problem(path, f"is {host} a second time, in another spelling")
        else:
            hosts[host] = parsed
    document.refuse_problems()
    return hosts


def _read_hosts(document: Document) -> dict[str, Any]:
    root = document.values if isinstance(document.values, dict) else {}
    refuse_unknown(document, root, ROOT_KEYS, ())
    hosts = root.get("hosts")
    if isinstance(hosts, dict):
        return hosts
    if not document.lacks(()):
        document.add_problem(("hosts",), "must be a mapping of hosts to their rules")
    return {}


def _parse_host(written: str) -> str | None:
    """Return the canonical host or wildcard."""
    host = parse_host_pattern(written)
    # Below a wildcard as long as this there is no name that is not too long.
    return host if host is None or len(host) <= LONGEST_HOST else None


def _hint_host(written: str) -> str:
    """Return a hint at the host of a URL, or of an address with its port."""
    host = parse_host(written.partition("://")[2].partition("/")[0] or written.partition("/")[0])
    return "" if isinstance(host, Deny) else f"; did you mean {host.name}?"


def _parse_host_rules(parser: RuleParser, rules: Any, path: Path) -> tuple[Rule, ...]:
    document = parser.document
    if not isinstance(rules, list) or not rules:
        document.add_problem(path, "must be a list of at least one rule")
        return ()
    parsed: list[Rule] = []
    reached = Reached()
    for index, members in enumerate(rules):
        rule = parser.parse(members, (*path, index))
        if rule is None:
            continue
        hiding = reached.find_hiding(rule)
        if hiding:
            document.add_problem((*path, index), f"is never reached: {show_lines(hiding)} first")
        else:
            reached.add(rule)
            parsed.append(rule)
    return tuple(parsed)
