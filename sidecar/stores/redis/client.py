"""Clients that try once; how long an answer may take, the caller bounds with `asyncio.timeout`.

The defaults of redis-py wait 5 s, try ten times and open connections without a bound. Its
`socket_timeout` is not used: it sends through `asyncio.wait_for`, which before Python 3.12 swallows
a cancellation that comes as the sending ends (python/cpython#86296), so that an announcement took
twice its bound and a feed that was cancelled went on for ever.

Its clients for Sentinel and Cluster are not used either: they have pools of their own, which refuse
where ours waits, try several times, and those of a cluster look commands up and spread them over
nodes, of which we need one (stores/redis/places.py).
"""

import asyncio
import ssl
from contextlib import suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import Connection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from sidecar.errors import DocumentInvalid
from sidecar.schemas.redisurl import Form, RedisUrl, RedisUrlInvalid, parse_redis_url
from sidecar.settings.types import RedisAccess
from sidecar.stores.redis.places import (
    NODE_AWAY,
    NODES_AWAY,
    PRIMARY_AWAY,
    SEED_TIMEOUT,
    SENTINELS_AWAY,
    LocatedConnection,
    LocatedRedis,
    LocatedTlsConnection,
    Locator,
    TlsConnection,
    ask_node,
    ask_sentinel,
)

PLAIN: Final = RedisAccess()  # nothing beside the URL
GOODBYE: Final = 0.5  # seconds


def open_client(url: str, access: RedisAccess, *, timeout: float, connections: int) -> Redis:
    """Return a client of at most so many connections; nothing is sent yet.

    `timeout`, in seconds, bounds the wait for a free connection, and the connect. Raises
    DocumentInvalid, which never shows the password, where `url` cannot be one of Redis.
    """
    try:
        parsed = parse_redis_url(url)
    except RedisUrlInvalid as error:
        raise DocumentInvalid((f"redis.url: {error}",)) from None
    tls = _choose_tls(parsed, access)
    options: dict[str, Any] = {
        **_choose_connection(parsed, tls),
        **_bound(timeout),
        **_show_password(parsed.username, access.password or parsed.password),
        "db": parsed.database,
    }
    locator = _choose_locator(parsed, access, tls)
    if locator is None:
        pool = BlockingConnectionPool(max_connections=connections, timeout=timeout, **options)
        return Redis.from_pool(pool)
    kind = LocatedTlsConnection if parsed.tls else LocatedConnection
    options |= {"connection_class": kind, "locator": locator}
    pool = BlockingConnectionPool(max_connections=connections, timeout=timeout, **options)
    return LocatedRedis.from_pool(pool)


async def close_client(client: Redis) -> None:
    """Close all its connections, though by TLS a server that stands still says no goodbye."""
    with suppress(RedisError, OSError):
        async with asyncio.timeout(GOODBYE):
            await client.aclose()


def _choose_connection(url: RedisUrl, tls: dict[str, Any]) -> dict[str, Any]:
    match url.form:
        case Form.SOCKET:
            return {"connection_class": UnixDomainSocketConnection, "path": url.path}
        case Form.SERVER:
            host, port = url.hosts[0]
            kind = TlsConnection if url.tls else Connection
            return {"connection_class": kind, "host": host, "port": port, **tls}
        case Form.SENTINEL | Form.CLUSTER:
            return tls


def _choose_locator(url: RedisUrl, access: RedisAccess, tls: dict[str, Any]) -> Locator | None:
    """Return what finds the server, None where the URL says it."""
    options = {**_bound(SEED_TIMEOUT), **tls}
    kind = TlsConnection if url.tls else Connection
    if url.form is Form.SENTINEL:
        options |= _show_password(None, access.sentinel_password)
        ask = ask_sentinel(url.service)
        connect = partial(kind, **options)
        return Locator(url.hosts, ask, connect, away=SENTINELS_AWAY, place_away=PRIMARY_AWAY)
    if url.form is Form.CLUSTER:
        options |= _show_password(url.username, access.password or url.password)
        connect = partial(kind, **options)
        return Locator(url.hosts, ask_node, connect, away=NODES_AWAY, place_away=NODE_AWAY)
    return None


def _choose_tls(url: RedisUrl, access: RedisAccess) -> dict[str, Any]:
    if not url.tls:
        return {}
    try:
        return {"context": _make_context(access.ca_file, access.cert_file, access.key_file)}
    except OSError:  # ssl.SSLError is one
        told = "redis.ca_file, redis.cert_file and redis.key_file can no longer be read"
        raise DocumentInvalid((told,)) from None


@lru_cache(maxsize=1)
def _make_context(ca: Path | None, certificate: Path | None, key: Path | None) -> ssl.SSLContext:
    """Return what trusts `ca` alone, without it whom the system trusts."""
    context = ssl.create_default_context(cafile=ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate is not None:
        context.load_cert_chain(certificate, key)
    return context


def _bound(timeout: float) -> dict[str, Any]:
    return {
        "socket_timeout": None,
        "socket_connect_timeout": timeout,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,  # one shape of answers from every version of the server
        "decode_responses": True,
        "encoding_errors": "backslashreplace",  # bytes that somebody else wrote are no exception
    }


def _show_password(username: str | None, password: str | None) -> dict[str, str]:
    shown = {"username": username, "password": password}
    return {name: value for name, value in shown.items() if value is not None}
