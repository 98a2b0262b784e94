"""Where our keys are, asked of Sentinels or of the nodes of a cluster.

All our keys are in one hash slot, so that in a cluster, too, one server has them all: what is asked
of it are the commands of an ordinary client, which only has to find that server, and to find it
again when it says that it is not the one any more.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.connection import Connection, SSLConnection
from redis.crc import key_slot
from redis.exceptions import (
    AuthenticationError,
    MovedError,
    NoPermissionError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError

from sidecar.stores.redis.log import META

Place = tuple[str, int]

SEED_TIMEOUT: Final = 0.2  # seconds for each that is asked: an announcement waits 0.5 s in all
SLOT: Final = key_slot(META.encode())

SENTINELS_AWAY: Final = "no Sentinel answers: start them, or correct redis.url"
SENTINEL_REFUSES: Final = (
    "the Sentinels refuse the password: correct the one in redis.sentinel_password_file"
)
NO_SENTINEL: Final = (
    "what redis.url names is no Sentinel: their port is 26379, unless somebody chose another"
)
UNKNOWN_SERVICE: Final = "the Sentinels know no primary of that name: correct redis.url"
PRIMARY_AWAY: Final = (
    "the primary that the Sentinels name does not answer: they choose another where a replica is"
    " left; else start it"
)
NODES_AWAY: Final = "no node of the Redis cluster answers: start them, or correct redis.url"
NODE_AWAY: Final = (
    "the node of the Redis cluster that has our keys does not answer: a replica takes its place"
    " where there is one; else start it"
)
NO_CLUSTER: Final = "what redis.url names is no Redis cluster: write redis:// or rediss://"
CLUSTER_RIGHT: Final = "+cluster|slots"
MAY_NOT_ASK: Final = f"the user in redis.url may not ask for our node: allow it {CLUSTER_RIGHT}"
NO_OWNER: Final = (
    f"no node of the Redis cluster serves hash slot {SLOT}, which has our keys: give it to one"
    " (CLUSTER ADDSLOTS)"
)
NO_TLS: Final = (
    "TLS with Redis fails: it wants redis.cert_file and redis.key_file, or has no TLS at that port"
)
DEMOTED: Final = (
    "the server that is named as the primary is a replica: where that lasts, compare what the"
    " Sentinels, or the nodes, say of it"
)
CIRCLE: Final = (
    "the nodes of the Redis cluster do not agree on which of them has our keys: compare what"
    " CLUSTER NODES says on each"
)


# What comes of an answer of another shape: whoever gave it is not what the URL says.
ODD: Final = (TypeError, ValueError, LookupError)


class NotReached(RedisConnectionError):
    """The server that has our keys was not found, or is away; its text says what to do."""


class Locator:
    """Asks the hosts that a URL names, one after another, until one knows the place.

    Who answered last is asked first. `away` is the problem where none answers, `place_away` that of
    the place which they name.
    """

    def __init__(
        self,
        hosts: Sequence[Place],
        ask: Callable[[Connection, Place], Awaitable[Place]],
        connect: Callable[..., Connection],
        *,
        away: str,
        place_away: str,
    ) -> None:
        """Make one; `connect` makes a connection to a `host` and `port`, which is not open yet."""
        self.place_away = place_away
        self._hosts = list(hosts)
        self._ask = ask
        self._connect = connect
        self._away = away
        self._told: Place | None = None

    def note(self, place: Place) -> None:
        """Note a place that a node said itself: it counts for one connection, ahead of asking."""
        self._told = place

    async def locate(self) -> Place:
        """Return where to connect to. Raises NotReached, AuthenticationError, ResponseError."""
        told, self._told = self._told, None
        if told is not None:
            return told
        problem, cause = self._away, None
        for host in tuple(self._hosts):
            # Behind the others before it is asked: whoever waits may be cancelled meanwhile, and
            # the next one must not begin with a host that does not answer.
            self._hosts.remove(host)
            self._hosts.append(host)
            try:
                place = await self._ask_one(host)
            except NotReached as error:
                problem = str(error)
            except (AuthenticationError, ResponseError):
                raise  # it is there and says what is wrong
            except (RedisError, OSError) as error:
                cause = error
            else:
                self._hosts.remove(host)
                self._hosts.insert(0, host)
                return place
        raise NotReached(problem) from cause

    async def _ask_one(self, host: Place) -> Place:
        connection: Any = self._connect(host=host[0], port=host[1])  # redis-py has no types here
        try:
            async with asyncio.timeout(SEED_TIMEOUT):
                return await self._ask(connection, host)
        finally:
            # It waits for nothing: who is cancelled once more meanwhile, by the time that all of
            # this may take, would leave the connection open. A pool of redis-py waits.
            await connection.disconnect(nowait=True)


async def _command(connection: Any, *words: str) -> Any:
    """Connect, which is where a password is refused, and return what a command is answered."""
    await connection.connect()
    await connection.send_command(*words)
    return await connection.read_response()


def ask_sentinel(service: str) -> Callable[[Connection, Place], Awaitable[Place]]:
    """Return what asks a Sentinel for the primary of a service."""

    async def ask(sentinel: Connection, _: Place) -> Place:
        try:
            found = await _command(sentinel, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", service)
        except AuthenticationError:
            raise NotReached(SENTINEL_REFUSES) from None
        except ResponseError as error:
            if "unknown command" in str(error).lower():
                raise NotReached(NO_SENTINEL) from None
            raise
        if found is None:
            raise NotReached(UNKNOWN_SERVICE)
        try:
            return str(found[0]), int(found[1])
        except ODD:
            raise NotReached(NO_SENTINEL) from None

    return ask


async def ask_node(node: Connection, asked: Place) -> Place:
    """Ask a node of a cluster which one serves our slot."""
    try:
        ranges = await _command(node, "CLUSTER", "SLOTS")
    except NoPermissionError:
        raise NotReached(MAY_NOT_ASK) from None
    except ResponseError as error:
        if "cluster support disabled" in str(error):
            raise NotReached(NO_CLUSTER) from None
        raise
    try:
        for first, last, primary, *_ in ranges:
            if first <= SLOT <= last:
                # An endpoint that a node does not know, or does not tell, is who was asked.
                name = primary[0] if primary[0] not in {None, "", "?"} else asked[0]
                return str(name), int(primary[1])
    except ODD:
        raise NotReached(NO_CLUSTER) from None
    raise NotReached(NO_OWNER)


class LocatedConnection(Connection):
    """A connection that asks where to connect to, each time that it does."""

    def __init__(self, *, locator: Locator, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._locator = locator

    async def connect(self) -> None:
        """Connect unless it is connected. Raises NotReached."""
        if self.is_connected:
            return
        self.host, self.port = await self._locator.locate()
        try:
            await super().connect()  # type: ignore[no-untyped-call]  # redis-py has no types here
        except RedisConnectionError as error:
            if type(error) is RedisConnectionError:
                raise NotReached(self._locator.place_away) from error
            raise

    async def read_response(self, *args: Any, **kwargs: Any) -> Any:
        """Return an answer; one that says `not here` ends the connection."""
        try:
            return await super().read_response(*args, **kwargs)
        except MovedError as error:
            self._locator.note((error.host or self.host, error.port))
            await self.disconnect()
            raise
        except ReadOnlyError:
            await self.disconnect()
            raise


class TlsConnection(SSLConnection):
    """A connection by TLS that says what a server means which cuts it at the first command.

    In TLS 1.3 a client is connected before the server has looked at its certificate (RFC 8446
    section 4.4.2.4); what the server says then is lost with the connection.

    `context` is made once for all connections: redis-py makes one for each, which reads all
    authorities of the system, 75 ms in which the event loop stands still, and trusts them beside
    our own.
    """

    def __init__(self, *, context: ssl.SSLContext, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.ssl_context.context = context

    async def on_connect_check_health(self, check_health: bool = True) -> None:
        """Begin as any connection does. Raises NotReached."""
        try:
            await super().on_connect_check_health(check_health)
        except RedisConnectionError as error:
            if isinstance(error.__cause__ or error.__context__, ConnectionResetError):
                raise NotReached(NO_TLS) from None
            raise


class LocatedTlsConnection(LocatedConnection, TlsConnection):
    """The same by TLS."""


class LocatedRedis(Redis):
    """A client that goes, once for each command, to where a server says that our keys are now."""

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send a command and return the answer. Raises NotReached where servers do not agree."""
        try:  # redis-py has no types for this method, here and below
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        except MovedError:
            # The other connections of the pool are at the same wrong place.
            await self.connection_pool.disconnect(inuse_connections=False)
        except ReadOnlyError:
            await self.connection_pool.disconnect(inuse_connections=False)
            raise NotReached(DEMOTED) from None
        try:
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        except MovedError:
            raise NotReached(CIRCLE) from None
