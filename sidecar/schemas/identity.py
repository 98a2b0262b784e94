"""Which headers may name who asks: those that mean nothing else to anybody on the way."""

import re
from typing import Final

from marshmallow import Schema, ValidationError

from sidecar.schemas.defaults import HEADERS
from sidecar.schemas.fields import Parsed

IDENTITY: Final = tuple(HEADERS.values())
LONGEST_HEADER: Final = 64  # characters

HEADER: Final = f"must be a header: a letter, then letters, digits and `-`, up to {LONGEST_HEADER}"
TAKEN: Final = "is a header with a meaning of its own"

# Who reads one of these takes it for the gateway's word: about the client, the method, the address
# that was asked for; `Proxy` CGI takes for the proxy to go out by (CVE-2016-5385), and by two more
# an application has nginx go to another path (CVE-2025-61780).
FORWARDING: Final = (
    "CF-Connecting-IP", "Client-IP", "Forwarded", "Front-End-Https", "Proxy", "True-Client-IP",
    "X-Accel-Mapping", "X-Client-IP", "X-Cluster-Client-IP", "X-Forwarded-For", "X-Forwarded-Host",
    "X-Forwarded-Method", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Proto",
    "X-Forwarded-Protocol", "X-Forwarded-Scheme", "X-Forwarded-Server", "X-Forwarded-Ssl",
    "X-Forwarded-Uri", "X-Host", "X-HTTP-Method", "X-HTTP-Method-Override", "X-Method-Override",
    "X-Original-Method", "X-Original-Uri", "X-Original-Url", "X-Real-Ip", "X-Rewrite-Url",
    "X-Sendfile-Type", "X-Url-Scheme",
)  # fmt: skip
# What HTTP, a gateway or this service itself reads or writes under the name. An identity put there
# would be read as something else, or something else as an identity.
_TAKEN: Final = frozenset({
    # messages and connections (RFC 9110, RFC 9112)
    "age", "allow", "alt-svc", "alt-used", "cache-control", "connection", "date", "early-data",
    "etag", "expect", "expires", "from", "host", "http2-settings", "keep-alive", "last-modified",
    "link", "location", "max-forwards", "origin", "pragma", "prefer", "priority", "range",
    "referer", "refresh", "retry-after", "server", "te", "trailer", "transfer-encoding", "upgrade",
    "upgrade-insecure-requests", "user-agent", "vary", "via", "warning", "x-content-type-options",
    # credentials and cookies
    "authentication-info", "authorization", "cookie", "cookie2", "dpop", "set-cookie",
    "set-cookie2", "www-authenticate",
    # what gateways say of a request or obey in an answer
    *(name.lower() for name in FORWARDING),
    "x-lighttpd-send-file", "x-request-id", "x-requested-with", "x-sendfile",
    # tracing
    "b3", "baggage", "traceparent", "tracestate",
})  # fmt: skip
_TAKEN_BEGINNINGS: Final = (
    "accept", "access-control-", "content-", "cross-origin-", "grpc-", "if-", "proxy-", "sec-",
    "signature", "strict-transport-", "x-accel-", "x-b3-", "x-envoy-", "x-forwarded-", "x-frame-",
    "x-original-",
)  # fmt: skip
# What other services of this kind call an identity, and their upstreams read.
CUSTOMARY: Final = (
    "X-Forwarded-User", "X-Forwarded-Email", "X-Forwarded-Groups", "X-Forwarded-Preferred-Username",
    "X-Forwarded-Access-Token", "X-Auth-Request-User", "X-Auth-Request-Email",
    "X-Auth-Request-Groups", "X-Auth-Request-Preferred-Username", "X-Auth-Request-Access-Token",
    "X-authentik-username", "X-authentik-email", "X-authentik-groups", "X-authentik-name",
    "X-authentik-uid", "X-authentik-entitlements", "X-authentik-jwt", "X-WebAuth-User",
    "X-WebAuth-Email", "X-WebAuth-Name", "X-WebAuth-FullName", "X-WebAuth-Groups",
    "X-WebAuth-Role", "Cf-Access-Authenticated-User-Email", "X-Goog-Authenticated-User-Email",
    "X-Goog-Authenticated-User-Id",
)  # fmt: skip
_CUSTOMARY: Final = frozenset(name.lower() for name in CUSTOMARY)
# What every gateway carries: nginx drops other names, and an upstream may read `_` as `-`.
_NAME: Final = re.compile(rf"[A-Za-z][A-Za-z0-9-]{{0,{LONGEST_HEADER - 1}}}", re.ASCII)


def parse_identity_header(text: str) -> str | None:
    """Return the name of a header that an identity may stand in, None where `text` is no name.

    Raises ValidationError where it means something else.
    """
    if _NAME.fullmatch(text) is None:
        return None
    name = text.lower()
    if name in _CUSTOMARY:
        return text
    if name in _TAKEN or name.startswith(_TAKEN_BEGINNINGS):
        raise ValidationError(TAKEN)
    return text


def header_name() -> Parsed[str]:
    """Return a field for the name of an identity header."""
    return Parsed(parse_identity_header, HEADER)


class HeadersSchema(Schema):
    """In which header each part of an identity is handed on."""

    user = header_name()
    name = header_name()
    email = header_name()
    groups = header_name()
    subject = header_name()
    scope = header_name()
