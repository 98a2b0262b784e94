"""The policy file: its language, and the mistakes that it lets people make."""

from sidecar.schemas.policy.document import LARGEST_POLICY, parse_policy, parse_rules
from sidecar.schemas.policy.warnings import find_policy_warnings

__all__ = ["LARGEST_POLICY", "find_policy_warnings", "parse_policy", "parse_rules"]
