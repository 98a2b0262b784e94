"""The published half of the key ring, and the metadata by which clients find it."""

import hashlib
import json

from aiohttp import web

from sidecar.clock import read_clock
from sidecar.core.keyring import ALGORITHM
from sidecar.web.context import CONTEXT, Context
from sidecar.web.responses import SERVER


async def show_jwks(request: web.Request) -> web.Response:
    """Answer with the JWK Set (RFC 7517 section 5)."""
    context = request.app[CONTEXT]
    return _publish(request, context, context.gate.ring.jwks(read_clock().unix))


async def show_authorization_server(request: web.Request) -> web.Response:
    """Answer with the metadata of RFC 8414."""
    context = request.app[CONTEXT]
    return _publish(request, context, _metadata(context))


async def show_openid_configuration(request: web.Request) -> web.Response:
    """Answer with the same for clients that look where OpenID Connect Discovery 1.0 puts it."""
    context = request.app[CONTEXT]
    members = _metadata(context) | {
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
    }
    return _publish(request, context, members)


def _metadata(context: Context) -> dict[str, object]:
    """Return the metadata (RFC 8414 section 2); nothing here has an authorization endpoint."""
    return {
        "issuer": context.gate.issuer,
        "jwks_uri": f"{context.public.base}/.well-known/jwks.json",
        "response_types_supported": [],
        "grant_types_supported": [],
    }


def _publish(request: web.Request, context: Context, members: object) -> web.Response:
    body = json.dumps(members, sort_keys=True).encode("ascii")
    etag = hashlib.sha256(body).hexdigest()[:32]
    headers = {
        # Half the time for which a key is published before it signs: replicas publish it up to two
        # seconds after it was written, and no client may still keep a set without it by then.
        "Cache-Control": f"public, max-age={context.publish_ahead // 2}",
        "Access-Control-Allow-Origin": "*",
        "Server": SERVER,
        "ETag": f'"{etag}"',
    }
    known = request.if_none_match or ()
    if any(tag.value in {etag, "*"} for tag in known):
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, content_type="application/json", headers=headers)
