"""The composition root.

`open_services` is what commands work with; `open_serving` puts a gate, its feeds and its listeners
on top of it, for `serve`.
"""

from sidecar.app.listeners import bind
from sidecar.app.runner import open_serving, prepare
from sidecar.app.services import Services, open_services

__all__ = ["Services", "bind", "open_services", "open_serving", "prepare"]
