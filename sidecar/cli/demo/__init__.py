"""`sidecar demo`: a real Traefik, this service and an upstream, on this machine, until Ctrl-C."""

from sidecar.cli.demo.command import demo

__all__ = ["demo"]
