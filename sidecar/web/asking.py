"""What a question is read from: aiohttp's request, or the message as its parser gave it."""

import asyncio
from typing import Any, Protocol

from sidecar.web.headers import Headers


class Asking(Protocol):
    """What the dialects, credentials and refusals look at; nothing of it is waited for."""

    @property
    def method(self) -> str:
        """The method of the question itself."""

    @property
    def raw_path(self) -> str:
        """The target as it came, undecoded."""

    @property
    def headers(self) -> Headers:
        """All header lines, in their order."""

    @property
    def remote(self) -> str | None:
        """The peer's address."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what the transport knows of the connection."""


class Message:
    """A request without a body, as the parser gave it: a tenth of what aiohttp's takes to make."""

    __slots__ = ("_transport", "headers", "method", "raw_path", "remote")

    method: str
    raw_path: str
    headers: Headers

    def __init__(self, remote: str | None, transport: asyncio.BaseTransport) -> None:
        self.remote = remote
        self._transport = transport

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what the transport knows of the connection."""
        return self._transport.get_extra_info(name, default)
