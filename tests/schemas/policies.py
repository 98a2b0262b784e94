"""Policy files for tests, what is said of them, and what they decide."""

from typing import Any

import pytest

from sidecar.core.facts import Host
from sidecar.core.policy import Policy, Rule
from sidecar.core.verdict import Deny
from sidecar.errors import DocumentInvalid
from sidecar.schemas.policy import parse_rules
from tests.core.asking import make_facts

NAME = "policy.yaml"


def refuse(text: str) -> list[str]:
    """Return the problems of a policy."""
    with pytest.raises(DocumentInvalid) as raised:
        parse_rules(text, NAME)
    return list(raised.value.problems)


def write(*rules: str, host: str = "a.example") -> str:
    """Return the policy of one host; its first rule stands on line 3."""
    return "\n".join(["hosts:", f'  "{host}":', *(f"    - {rule}" for rule in rules)])


def parse_rule(rule: str) -> Rule:
    """Return the only rule of a policy."""
    (parsed,) = parse_rules(write(rule), NAME)["a.example"]
    return parsed


def find(policy: Policy, path: str, host: str = "a.example", **changes: Any) -> Rule | Deny:
    """Return the rule of a policy that decides about a request."""
    return policy.match(make_facts(path, host=Host(host, None), **changes))
