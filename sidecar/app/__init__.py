"""The composition root.

`services` is what commands work with; `runner` puts a gate, its feeds and its listeners on top of
it, for `serve`. Nothing is imported here, so that a command loads no web server.
"""
