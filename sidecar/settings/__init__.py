"""Settings: defaults < file < environment < `*_FILE` < flags, as one frozen value."""

from sidecar.schemas.values import Listen
from sidecar.settings.load import load_settings
from sidecar.settings.show import describe_settings
from sidecar.settings.together import find_warnings
from sidecar.settings.types import Decisions, Dialect, Settings, WhenStale

__all__ = [
    "Decisions",
    "Dialect",
    "Listen",
    "Settings",
    "WhenStale",
    "describe_settings",
    "find_warnings",
    "load_settings",
]
