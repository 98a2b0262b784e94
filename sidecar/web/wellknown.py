"""What anybody may read: the published keys, the metadata, and the OpenAPI document."""

import asyncio
import hashlib
import json

from aiohttp import web

from sidecar.clock import read_clock
from sidecar.web.context import CONTEXT, Context
from sidecar.web.headers import NO_STORE, SERVER
from sidecar.web.oauth.callers import SECRET_METHODS
from sidecar.web.oauth.grants import GRANTS


async def show_jwks(request: web.Request) -> web.Response:
    """Answer with the JWK Set (RFC 7517 section 5)."""
    context = request.app[CONTEXT]
    return _publish(request, context, context.gate.present_ring().jwks(read_clock().unix))


async def show_authorization_server(request: web.Request) -> web.Response:
    """Answer with the metadata of RFC 8414."""
    context = request.app[CONTEXT]
    return _publish(request, context, _metadata(context))


async def show_openid_configuration(request: web.Request) -> web.Response:
    """Answer with the same for clients that look where OpenID Connect Discovery 1.0 puts it."""
    context = request.app[CONTEXT]
    published = context.gate.present_ring().find_published(read_clock().unix)
    members = _metadata(context) | {
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": sorted({key.alg.value for key in published}),
    }
    return _publish(request, context, members)


def _metadata(context: Context) -> dict[str, object]:
    """Return the metadata (RFC 8414 section 2); nothing here has an authorization endpoint."""
    base = context.public.base
    # Who shows a refresh token needs no other credential.
    public = [*SECRET_METHODS, "none"]
    return {
        "issuer": context.gate.issuer,
        "jwks_uri": f"{base}/.well-known/jwks.json",
        "response_types_supported": [],
        "grant_types_supported": sorted(GRANTS),
        "token_endpoint": f"{base}/oauth/token",
        "token_endpoint_auth_methods_supported": public,
        "revocation_endpoint": f"{base}/oauth/revoke",
        "revocation_endpoint_auth_methods_supported": public,
        "introspection_endpoint": f"{base}/oauth/introspect",
        # The last one is an administrator's access token.
        "introspection_endpoint_auth_methods_supported": [*SECRET_METHODS, "Bearer"],
    }


async def show_openapi(request: web.Request) -> web.Response:
    """Answer with the OpenAPI document of this version."""
    # In a thread: the first time it imports a library from disk, and /verify goes on meanwhile.
    body = await asyncio.to_thread(_dump_openapi, request.app[CONTEXT])
    return _answer(request, body, NO_STORE)


def _dump_openapi(context: Context) -> bytes:
    from sidecar.web.openapi import dump_openapi  # noqa: PLC0415 - where it is asked for

    return dump_openapi(context.public.base, context.jar.name)


def _publish(request: web.Request, context: Context, members: object) -> web.Response:
    # Half the time for which a key is published before it signs: replicas publish it up to two
    # seconds after it was written, and no client may still keep a set without it by then.
    body = json.dumps(members, sort_keys=True).encode("ascii")
    return _answer(request, body, f"public, max-age={context.publish_ahead // 2}")


def _answer(request: web.Request, body: bytes, kept: str) -> web.Response:
    etag = hashlib.sha256(body).hexdigest()[:32]
    headers = {
        "Cache-Control": kept,
        "Access-Control-Allow-Origin": "*",
        "Server": SERVER,
        "ETag": f'"{etag}"',
    }
    known = request.if_none_match or ()
    if any(tag.value in {etag, "*"} for tag in known):
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, content_type="application/json", headers=headers)
