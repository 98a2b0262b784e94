"""Policy files for tests, and what is said of them."""

import pytest

from sidecar.errors import DocumentInvalid
from sidecar.schemas.policy import parse_policy


def refuse(text: str) -> list[str]:
    """Return the problems of a policy."""
    with pytest.raises(DocumentInvalid) as raised:
        parse_policy(text, "policy.yaml")
    return list(raised.value.problems)


def write(*rules: str, host: str = "a.example") -> str:
    """Return the policy of one host; its first rule stands on line 3."""
    return "\n".join(["hosts:", f'  "{host}":', *(f"    - {rule}" for rule in rules)])
