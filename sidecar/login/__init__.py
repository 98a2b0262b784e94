"""The use case of a login."""

from sidecar.login.attempt import Attempt, Begun, CodeWanted
from sidecar.login.login import Login

__all__ = ["Attempt", "Begun", "CodeWanted", "Login"]
