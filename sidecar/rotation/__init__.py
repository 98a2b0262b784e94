"""What turns: the refresh tokens of a session, and the keys of the ring."""

from sidecar.rotation.keys import KeyRotation
from sidecar.rotation.refresh import RefreshOptions, RefusedRefresh, Rotation

__all__ = ["KeyRotation", "RefreshOptions", "RefusedRefresh", "Rotation"]
