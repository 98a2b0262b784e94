"""Settings: defaults < file < environment < `*_FILE` < flags, as one frozen value.

Each name is imported when somebody asks for it: to judge settings takes most of what `healthcheck`
may take, which needs `operations.py` alone.
"""

import importlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sidecar.core.policy import WhenStale
    from sidecar.schemas.values import Listen
    from sidecar.settings.load import load_settings
    from sidecar.settings.show import describe_settings
    from sidecar.settings.together import find_warnings
    from sidecar.settings.types import (
        CookieHandling,
        Decisions,
        Dialect,
        IdentitySettings,
        KeySettings,
        LaneUse,
        PageSettings,
        Settings,
    )

__all__ = [
    "CookieHandling",
    "Decisions",
    "Dialect",
    "IdentitySettings",
    "KeySettings",
    "LaneUse",
    "Listen",
    "PageSettings",
    "Settings",
    "WhenStale",
    "describe_settings",
    "find_warnings",
    "load_settings",
]

_HOMES: Final = {
    "CookieHandling": "sidecar.settings.types",
    "Decisions": "sidecar.settings.types",
    "Dialect": "sidecar.settings.types",
    "IdentitySettings": "sidecar.settings.types",
    "KeySettings": "sidecar.settings.types",
    "LaneUse": "sidecar.settings.types",
    "Listen": "sidecar.schemas.values",
    "PageSettings": "sidecar.settings.types",
    "Settings": "sidecar.settings.types",
    "WhenStale": "sidecar.core.policy",
    "describe_settings": "sidecar.settings.show",
    "find_warnings": "sidecar.settings.together",
    "load_settings": "sidecar.settings.load",
}


def __getattr__(name: str) -> object:
    """Return one of the names (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(importlib.import_module(home), name)
    globals()[name] = found
    return found
