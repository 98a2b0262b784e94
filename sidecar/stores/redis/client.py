"""Clients that try once; how long an answer may take, the caller bounds with `asyncio.timeout`.

The defaults of redis-py wait 5 s, try ten times and open connections without a bound. Its
`socket_timeout` is not used: it sends through `asyncio.wait_for`, which before Python 3.12 swallows
a cancellation that comes as the sending ends (python/cpython#86296), so that an announcement took
twice its bound and a feed that was cancelled went on for ever.
"""

from typing import Final

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from sidecar.errors import DocumentInvalid

# What a URL may say. redis-py takes every option of a connection from its query, timeouts and
# retries too, and finds out at the first command that there is none of that name.
URL_OPTIONS: Final = {"connection_class", "host", "port", "path", "db", "username", "password"}


def open_client(url: str, *, timeout: float, connections: int) -> Redis:
    """Return a client of at most so many connections; nothing is sent yet.

    `timeout`, in seconds, bounds the wait for a free connection, and the connect. Raises
    DocumentInvalid, which never shows the password, where `url` cannot be one of Redis.
    """
    try:
        options = parse_url(url)
    except ValueError:
        # Its text may hold what stands where a port should, which can be half a password.
        raise DocumentInvalid(("redis.url: is not the URL of a Redis",)) from None
    unknown = sorted(set(options) - URL_OPTIONS)
    if unknown:
        raise DocumentInvalid(tuple(f"redis.url: does not take ?{name}=" for name in unknown))
    pool = BlockingConnectionPool(
        **options,
        max_connections=connections,
        timeout=timeout,
        socket_timeout=None,
        socket_connect_timeout=timeout,
        retry=Retry(NoBackoff(), 0),
        protocol=2,  # one shape of answers from every version of the server
        decode_responses=True,
        encoding_errors="backslashreplace",  # bytes that somebody else wrote are no exception
    )
    return Redis.from_pool(pool)
