"""The facts of a request, and who asks, with what a test does not care about filled in."""

from typing import Any, Final

from sidecar.core.access import Asker
from sidecar.core.addresses import Address
from sidecar.core.facts import Host, RequestFacts
from sidecar.core.origin import Site
from sidecar.core.policy import HostRules, Policy, Rule
from sidecar.core.principal import Principal
from sidecar.core.verdict import Deny
from tests.core.forge import HOST, NOW

FACTS: Final = RequestFacts(
    method="GET",
    scheme="https",
    host=Host(HOST, None),
    path="/",
    target="/",
    address=None,
    site=Site.SAME_ORIGIN,
    origin_host=None,
    websocket=False,
    preflight=False,
)
NOBODY_SPECIAL: Final = Principal(
    username="alice",
    roles=frozenset(),
    scopes=frozenset(),
    amr=frozenset({"pwd"}),
    auth_time=NOW,
)


def make_facts(path: str = "/", **changes: Any) -> RequestFacts:
    """Return the facts of a GET."""
    return FACTS._replace(path=path, target=path, **changes)


def find_rule(rules: HostRules | list[Rule], path: str, **changes: Any) -> Rule | Deny:
    """Return the rule of a host that decides about a request."""
    listed = rules.rules if isinstance(rules, HostRules) else rules
    return Policy({HOST: listed}).match(make_facts(path, **changes))


def make_asker(address: Address | None = None, now: int = NOW, **changes: Any) -> Asker:
    """Return somebody who asks."""
    return Asker(NOBODY_SPECIAL._replace(**changes), address, now)
