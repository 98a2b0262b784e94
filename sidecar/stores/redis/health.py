"""What is wrong with Redis, said once in a line that ends with what to do."""

import logging
import re
import ssl
from enum import Enum
from typing import Final

from redis.exceptions import (
    AskError,
    AuthenticationError,
    AuthenticationWrongNumberOfArgsError,
    AuthorizationError,
    ClusterDownError,
    ConnectionError,  # noqa: A004 - redis has its own, which is not the one of the language
    InvalidResponse,
    MovedError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TimeoutError,  # noqa: A004 - as ConnectionError
    TryAgainError,
)

from sidecar.stores.redis.places import NO_TLS, NotReached

log = logging.getLogger("sidecar.redis")

LONGEST_CHAIN: Final = 8  # errors of which each was raised for the next
AWAY: Final = "Redis does not answer: start it, or correct redis.url"

UNTRUSTED: Final = (
    "the certificate of Redis is not trusted: correct redis.ca_file, or the name in redis.url"
)
MOVING: Final = "the Redis cluster is moving our keys to another node: nothing needs to be done"
RIGHTS: Final = "~{sidecar}:* +@read +@write +@scripting +@connection +info"
EVICTS: Final = (
    "Redis evicts what it is to keep when its memory is full ({policy}), revocations too: set"
    " maxmemory-policy noeviction; until then only a read of SQL counts as fresh"
)

REFUSED: Final = "Redis refuses the password: correct the one in redis.url or redis.password_file"

# The first that matches counts.
PROBLEMS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (AuthenticationError, REFUSED),
    (AuthorizationError, "Redis refuses the user: correct the one in redis.url"),
    (AuthenticationWrongNumberOfArgsError, "Redis takes no user name: leave it out of redis.url"),
    (NoPermissionError, f"the user in redis.url lacks rights: allow it {RIGHTS}"),
    (ReadOnlyError, "Redis is a read-only replica: name the primary in redis.url"),
    (OutOfMemoryError, "Redis is full: raise its maxmemory"),
    (MovedError, "Redis is a cluster: write redis+cluster:// or rediss+cluster:// in redis.url"),
    (AskError, MOVING),
    (TryAgainError, MOVING),
    (ClusterDownError, "the Redis cluster is down: bring back the nodes that CLUSTER NODES misses"),
    (InvalidResponse, "what answers is no Redis: correct redis.url"),
)
FOREIGN: Final = (
    "something else lies in Redis under {sidecar}:revocations*: delete it, or name another"
    " database in redis.url"
)


def describe(error: Exception) -> str:
    """Return what is wrong and what to do; never what a server sent, which may echo a password."""
    tls = _find_tls_error(error)
    if tls is not None:
        return UNTRUSTED if isinstance(tls, ssl.SSLCertVerificationError) else NO_TLS
    if isinstance(error, NotReached):
        return str(error)
    for kind, line in PROBLEMS:
        if isinstance(error, kind):
            return line
    if isinstance(error, ResponseError):
        if "WRONGTYPE" in str(error):
            return FOREIGN
        if "Protocol error: unauthenticated" in str(error):
            return REFUSED  # who has shown no password is not even let finish a longer command
        code = re.match(r"[A-Z]{1,20}\b", str(error))
        return f"Redis (6.2 or later is needed) says {code[0] if code else 'ERR'}: see its log"
    return AWAY


def _find_tls_error(error: BaseException | None) -> ssl.SSLError | None:
    """Return what TLS said, however far below redis-py has put it."""
    for _ in range(LONGEST_CHAIN):
        if error is None or isinstance(error, ssl.SSLError):
            return error
        error = error.__cause__ or error.__context__
    return None


class Direction(Enum):
    """What Redis is asked for; one can fail while the others work."""

    READ = "read"
    WRITE = "write"
    VOUCH = "vouch"
    KEEP = "keep"


class Health:
    """Whether Redis carries revocations; the log is told once for each change."""

    def __init__(self) -> None:
        self._problems: dict[Direction, str] = {}
        self._told: str | None = None

    @property
    def healthy(self) -> bool:
        """False from the first failure on, until the same succeeds."""
        return not self._problems

    def fails(self, direction: Direction) -> bool:
        """Say whether the last try of this failed."""
        return direction in self._problems

    def note_success(self, direction: Direction) -> None:
        """Note that Redis did it."""
        if self._problems.pop(direction, None) is not None:
            self._tell(None)

    def note_failure(self, direction: Direction, error: Exception) -> None:
        """Note that Redis did not."""
        self._problems[direction] = describe(error)
        # The texts that redis-py makes of a connection name host and errno, nothing else.
        plain = type(error) in {ConnectionError, TimeoutError}
        self._tell(str(error) if plain else type(error).__name__)

    def note_eviction(self, policy: str | None) -> None:
        """Note by which policy Redis evicts keys of ours; None where it does not."""
        if policy is None:
            self.note_success(Direction.KEEP)
        else:
            self._problems[Direction.KEEP] = EVICTS.format(policy=policy)
            self._tell(None)

    def _tell(self, cause: str | None) -> None:
        failed = [each for each in Direction if each in self._problems]
        problem = self._problems[failed[0]] if failed else None
        if problem == self._told:
            return
        self._told = problem
        if problem is None:
            log.info("Redis carries revocations again")
        else:
            alone = "; until then SQL alone carries revocations, within a second"
            carries = failed == [Direction.KEEP]
            log.error("%s%s", problem, "" if carries else alone, extra={"cause": cause})
