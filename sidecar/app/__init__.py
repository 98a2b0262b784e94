"""The composition root.

`open_services` is what commands work with; `open_serving` puts a gate, its feeds and its listeners
on top of it, for `serve`.
"""

from sidecar.app.listeners import open_serving, open_site
from sidecar.app.services import Services, open_services

__all__ = ["Services", "open_services", "open_serving", "open_site"]
