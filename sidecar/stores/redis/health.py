"""What is wrong with Redis, said once in a line that ends with what to do."""

import logging
import re
from enum import Enum
from typing import Final

from redis.exceptions import (
    AuthenticationError,
    AuthenticationWrongNumberOfArgsError,
    AuthorizationError,
    ConnectionError,  # noqa: A004 - redis has its own, which is not the one of the language
    InvalidResponse,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TimeoutError,  # noqa: A004 - as ConnectionError
)

log = logging.getLogger("sidecar.redis")

AWAY: Final = "Redis does not answer: start it, or correct redis.url"

# The first that matches counts.
PROBLEMS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (AuthenticationError, "Redis refuses the password: correct the one in redis.url"),
    (AuthorizationError, "Redis refuses the user: correct the one in redis.url"),
    (AuthenticationWrongNumberOfArgsError, "Redis takes no user name: leave it out of redis.url"),
    (NoPermissionError, "the user in redis.url lacks rights: allow it +@all ~{sidecar}:*"),
    (ReadOnlyError, "Redis is a read-only replica: name the primary in redis.url"),
    (OutOfMemoryError, "Redis is full: raise its maxmemory"),
    (InvalidResponse, "what answers is no Redis: correct redis.url"),
)
FOREIGN: Final = (
    "something else lies in Redis under {sidecar}:revocations*: delete it, or name another"
    " database in redis.url"
)


def describe(error: Exception) -> str:
    """Return what is wrong and what to do; never what a server sent, which may echo a password."""
    for kind, line in PROBLEMS:
        if isinstance(error, kind):
            return line
    if isinstance(error, ResponseError):
        if "WRONGTYPE" in str(error):
            return FOREIGN
        code = re.match(r"[A-Z]{1,20}\b", str(error))
        return f"Redis (6.2 or later is needed) says {code[0] if code else 'ERR'}: see its log"
    return AWAY


class Direction(Enum):
    """What Redis is asked for; one can fail while the other works."""

    READ = "read"
    WRITE = "write"


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

    def _tell(self, cause: str | None) -> None:
        problem = next(iter(self._problems.values()), None)
        if problem == self._told:
            return
        self._told = problem
        if problem is None:
            log.info("Redis carries revocations again")
        else:
            log.error(
                "%s; until then SQL alone carries revocations, within a second",
                problem,
                extra={"cause": cause},
            )
