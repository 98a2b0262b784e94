"""The policy file: its language, and the mistakes that it lets people make."""

from sidecar.schemas.policy.document import LARGEST_POLICY, parse_rules
from sidecar.schemas.policy.warnings import find_host_warnings

__all__ = ["LARGEST_POLICY", "find_host_warnings", "parse_rules"]
