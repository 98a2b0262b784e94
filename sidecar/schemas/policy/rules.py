"""One rule of a policy: which requests it is about, and whom it lets in."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from sidecar.core.access import Access
from sidecar.core.addresses import Network
from sidecar.core.facts import parse_path
from sidecar.core.policy import Rule, WhenStale
from sidecar.schemas.documents import Document, Path
from sidecar.schemas.policy.allow import parse_allow
from sidecar.schemas.policy.durations import MAX_STALENESS
from sidecar.schemas.policy.keys import RULE_KEYS, refuse_unknown
from sidecar.schemas.policy.lists import METHODS, NETWORKS

PATH: Final = (
    "must be a decoded path that begins with / and has no empty or dot segment;"
    " * is one segment, ** stands last"
)
PREFLIGHT: Final = "OPTIONS"  # the method of every CORS preflight
NO_LOGIN: Final = "means nothing where nobody has to log in"


class RuleParser:
    """Parses the rules of one document; those that say the same share one value."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._accesses: dict[Access, Access] = {}
        self._methods: dict[frozenset[str], frozenset[str]] = {}
        self._networks: dict[tuple[Network, ...], tuple[Network, ...]] = {}

    def parse(self, members: Any, path: Path) -> Rule | None:
        """Return the rule at `path`, or None with every problem noted."""
        if not isinstance(members, dict):
            self.document.add_problem(path, "must be a mapping with path and allow")
            return None
        refuse_unknown(self.document, members, RULE_KEYS, path)
        pattern = self._parse_pattern(members.get("path"), (*path, "path"))
        access = parse_allow(self.document, members.get("allow"), (*path, "allow"))
        methods = self._parse_methods(members, access, (*path, "methods"))
        networks = self._parse_networks(members, (*path, "networks"))
        when_stale = self._parse_when_stale(members, access, (*path, "when_stale"))
        max_staleness = self._parse_max_staleness(members, access, (*path, "max_staleness"))
        given = {
            "methods": methods,
            "networks": networks,
            "when_stale": when_stale,
            "max_staleness": max_staleness,
        }
        wrong = any(value is None and key in members for key, value in given.items())
        if pattern is None or access is None or wrong:
            return None
        return Rule(
            path=pattern,
            access=self._accesses.setdefault(access, access),
            line=self.document.line_of(path),
            methods=methods,
            networks=networks,
            when_stale=when_stale,
            max_staleness=max_staleness,
        )

    def _parse_pattern(self, pattern: Any, path: Path) -> str | None:
        if isinstance(pattern, str) and is_pattern(pattern):
            return pattern
        self.document.add_problem(path, PATH)
        return None

    def _parse_methods(
        self, members: Mapping[str, Any], access: Access | None, path: Path
    ) -> frozenset[str] | None:
        named = (
            METHODS.read(self.document, members["methods"], path) if "methods" in members else None
        )
        if named is None:
            return None
        if access is not None and access.preflight and PREFLIGHT not in named:
            self.document.add_problem(
                path, f"must hold {PREFLIGHT}: no preflight has another method"
            )
        # `GET` holds `HEAD` (RFC 9110 section 9.3.2).
        methods = frozenset({*named, "HEAD"} if "GET" in named else named)
        return self._methods.setdefault(methods, methods)

    def _parse_networks(self, members: Mapping[str, Any], path: Path) -> tuple[Network, ...] | None:
        if "networks" not in members:
            return None
        networks = NETWORKS.read(self.document, members["networks"], path)
        return None if networks is None else self._networks.setdefault(networks, networks)

    def _parse_when_stale(
        self, members: Mapping[str, Any], access: Access | None, path: Path
    ) -> WhenStale | None:
        if "when_stale" not in members:
            return None
        value = members["when_stale"]
        if not isinstance(value, str) or value not in set(WhenStale):
            self.document.add_problem(path, "must be deny or allow")
            return None
        if access is not None and access.open:
            self.document.add_problem(path, NO_LOGIN)
        return WhenStale(value)

    def _parse_max_staleness(
        self, members: Mapping[str, Any], access: Access | None, path: Path
    ) -> int | None:
        if "max_staleness" not in members:
            return None
        if access is not None and access.open:
            self.document.add_problem(path, NO_LOGIN)
        return MAX_STALENESS.read(self.document, members["max_staleness"], path)


def is_pattern(pattern: str) -> bool:
    """Say whether a pattern holds canonical paths: any other could never match."""
    segments = pattern.split("/")
    if "**" in segments[:-1] or any("*" in each and each not in {"*", "**"} for each in segments):
        return False
    # What `parse_path` makes of a spelling in which all but `/` is encoded is what a pattern says.
    return parse_path(quote(pattern, safe="/*", errors="surrogatepass")) == pattern
