"""The gate that is attacked is the one that the tests of `/verify` ask."""

from tests.web.conftest import gated

__all__ = ["gated"]
