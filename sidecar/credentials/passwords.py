"""Passwords as Argon2id hashes (RFC 9106), made in a few threads of low priority.

The queue before those threads is bounded.
"""

import asyncio
import os
import secrets
import threading
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final, TypeVar

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from sidecar.errors import Overloaded

MEMORY_KIB: Final = 19 * 1024  # with two passes and one lane: OWASP's first recommendation
PASSES: Final = 2
LANES: Final = 1
SALT_OCTETS: Final = 16
HASH_OCTETS: Final = 32
THREADS: Final = 2
LONGEST_QUEUE: Final = 32  # at 30 ms each on two threads: the last one waits half a second
LOWEST_PRIORITY: Final = 19  # /verify keeps its pace while passwords are hashed

T = TypeVar("T")
# Says whether a password is the one of this hash; None, nobody's hash, costs the same.
Check = Callable[[str, str | None], Awaitable[bool]]


class PasswordHasher:
    """Hashes and checks passwords; raises Overloaded rather than let callers queue without end."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(THREADS, "password", initializer=_lower_priority)
        self._waiting = 0
        # What an unknown user's password is checked against, at the same cost; nothing matches it.
        self._nobody = (
            f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}"
            f"${_b64(secrets.token_bytes(SALT_OCTETS))}${_b64(secrets.token_bytes(HASH_OCTETS))}"
        )

    def close(self) -> None:
        """Let running hashes end and drop those that wait."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    async def hash(self, password: str) -> str:
        """Return the PHC string of a new password."""
        with self.place():
            return await self._run(_hash, password)

    @contextmanager
    def place(self) -> Iterator[Check]:
        """Hold a place in the queue, in which one password can be checked. Raises Overloaded.

        Whoever looks up a hash takes the place first: what is turned away costs no look.
        """
        if self._waiting >= LONGEST_QUEUE:
            raise Overloaded("too many passwords are waiting to be checked")
        self._waiting += 1
        try:
            yield self._check
        finally:
            self._waiting -= 1

    async def _check(self, password: str, encoded: str | None) -> bool:
        return await self._run(_verify, password, encoded or self._nobody) and encoded is not None

    async def _run(self, work: Callable[..., T], *arguments: str) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work, *arguments)


def _hash(password: str) -> str:
    kdf = Argon2id(
        salt=secrets.token_bytes(SALT_OCTETS),
        length=HASH_OCTETS,
        iterations=PASSES,
        lanes=LANES,
        memory_cost=MEMORY_KIB,
    )
    return kdf.derive_phc_encoded(password.encode())


def _verify(password: str, encoded: str) -> bool:
    try:
        Argon2id.verify_phc_encoded(password.encode(), encoded)
    except InvalidKey:
        return False
    return True


def _b64(octets: bytes) -> str:
    return b64encode(octets).rstrip(b"=").decode("ascii")


def _lower_priority() -> None:
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOWEST_PRIORITY)
