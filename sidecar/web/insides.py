"""What the lane leans on of aiohttp's insides: looked at once, at the start.

The range of aiohttp is pinned, and this is looked at too: where something is not as the lane needs
it, there is none, and all questions take the ordinary way (docs/decisions/0024).
"""

import inspect
from typing import Any, Final

from aiohttp import http_writer, web
from aiohttp.http import HttpRequestParser, RawRequestMessage
from aiohttp.http_parser import HttpRequestParserPy

from sidecar.web.rendered import SERIALIZER

# By who has it.
_LEANED_ON: Final[tuple[tuple[Any, tuple[str, ...]], ...]] = (
    (
        web.RequestHandler,
        (
            *("_close", "_force_close", "_keepalive_handle", "_keepalive_timeout", "_loop"),
            *("_messages", "_next_keepalive_close_time", "_parser", "_paused", "_payload_parser"),
            *("_process_keepalive", "_request_count", "_upgraded", "_waiter"),
            *("close", "data_received", "eof_received", "finish_response", "force_close"),
            *("peername", "transport"),
        ),
    ),
    (http_writer, (SERIALIZER,)),
    (HttpRequestParser, ("feed_data", "message_consumed")),
    (RawRequestMessage, ("headers", "method", "path", "should_close", "upgrade", "version")),
)
_CALLED_WITH: Final = (
    (web.RequestHandler.data_received, ["self", "data"]),
    (web.RequestHandler.finish_response, ["self", "request", "resp", "start_time"]),
    (web.RequestHandler._process_keepalive, ["self"]),  # noqa: SLF001 - as the lane calls it
    (web.RequestHandler.close, ["self"]),
    (web.RequestHandler.eof_received, ["self"]),
    (web.RequestHandler.force_close, ["self"]),
)


def find_fault() -> str | None:
    """Return what of aiohttp is not as the lane needs it, None where all of it is."""
    if HttpRequestParser is HttpRequestParserPy:
        return "aiohttp has no C parser"
    for owner, names in _LEANED_ON:
        for name in names:
            if not hasattr(owner, name):
                return f"aiohttp's {owner.__name__} has no {name}"
    for function, parameters in _CALLED_WITH:
        if list(inspect.signature(function).parameters) != parameters:
            return f"aiohttp's {function.__qualname__} takes other arguments"
    return None


FAULT: Final = find_fault()
