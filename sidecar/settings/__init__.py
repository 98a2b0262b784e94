"""Settings: defaults < file < environment < `*_FILE` < flags, as one frozen value."""

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
