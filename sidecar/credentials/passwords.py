"""Passwords as Argon2id hashes (RFC 9106), made in a few threads of low priority.

The queue before those threads is bounded.
"""

import asyncio
import logging
import os
import secrets
import threading
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Final, TypeVar
from weakref import WeakValueDictionary

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from sidecar.credentials.crowds import Crowds
from sidecar.credentials.guesses import is_hard_to_guess_apart
from sidecar.credentials.hashes import (
    HASH_OCTETS,
    LANES,
    MEMORY_KIB,
    PASSES,
    SALT_OCTETS,
    Refused,
    is_checked_whole,
    is_dated,
    read_hash,
)
from sidecar.credentials.strength import PasswordFault, PasswordRules
from sidecar.errors import MissingExtra, Overloaded

THREADS: Final = 2
LONGEST_QUEUE: Final = 48  # at 30 ms each on two threads: the last one waits three quarters
MOST_STRANGERS: Final = 32  # of them: a flood from anywhere leaves places for who is known here
MOST_OF_CROWD: Final = 8  # of them: a flood from one network leaves places for all others
LONGEST_JUDGING: Final = 8  # new passwords at 0.2 s each, one after the other
JUDGED_OF_ONE: Final = 2  # of them: whoever has bad ones judged without end leaves places
MOST_OF_ONE: Final = 4  # with those of one person that wait for these two
LOWEST_PRIORITY: Final = 19  # /verify keeps its pace while passwords are hashed

log = logging.getLogger("sidecar.credentials")

T = TypeVar("T")
# Says whether a password is the one of this hash; None, nobody's hash, costs the same.
Check = Callable[[str, str | None], Awaitable[bool]]


class PasswordHasher:
    """Hashes and checks passwords; raises Overloaded rather than let callers queue without end."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(THREADS, "password", initializer=_lower_priority)
        # Of its own, so that no login waits for it; its process has the priority of the thread.
        self._judge = ThreadPoolExecutor(1, "new password", initializer=_lower_priority)
        self._waiting = self._judging = 0
        self._crowds = Crowds(
            MOST_OF_CROWD, "too many passwords from one place are waiting to be checked"
        )
        self._choosers = Crowds(
            MOST_OF_ONE, "too many new passwords by one person are waiting to be judged"
        )
        self._turns = WeakValueDictionary[str, asyncio.Semaphore]()
        # What an unknown user's password is checked against, at the same cost; nothing matches it.
        self._nobody = (
            f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}"
            f"${_b64(secrets.token_bytes(SALT_OCTETS))}${_b64(secrets.token_bytes(HASH_OCTETS))}"
        )

    def close(self) -> None:
        """Let running hashes end and drop those that wait."""
        for executor in (self._judge, self._executor):
            executor.shutdown(wait=True, cancel_futures=True)

    async def hash(self, password: str) -> str:
        """Return the PHC string of a new password."""
        with self.place():
            return await self._run(_hash, password)

    async def judge(
        self, rules: PasswordRules, password: str, *names: str | None, chooser: str
    ) -> PasswordFault | None:
        """Return what is wrong with a new password (PasswordRules.judge). Raises Overloaded.

        `chooser` is the `sub` of whoever sets it.
        """
        turn = self._turns.setdefault(chooser, asyncio.Semaphore(JUDGED_OF_ONE))
        with self._choosers.enter(chooser):
            async with turn:
                return await self._judge_next(rules, password, *names)

    async def _judge_next(
        self, rules: PasswordRules, password: str, *names: str | None
    ) -> PasswordFault | None:
        if self._judging >= LONGEST_JUDGING:
            raise Overloaded("too many new passwords are waiting to be judged")
        self._judging += 1
        try:
            judge = partial(rules.judge, password, *names, is_hard=is_hard_to_guess_apart)
            return await asyncio.get_running_loop().run_in_executor(self._judge, judge)
        finally:
            self._judging -= 1

    async def renew(self, password: str, encoded: str) -> str | None:
        """Return another hash of a password in place of a dated one; None: that one stays.

        The caller has checked the password, and still holds the place of that. It stays where it is
        up to date, and where it is no proof of how the password ends.
        """
        good = is_dated(encoded) and is_checked_whole(password, encoded)
        return await self._run(_hash, password) if good else None

    @contextmanager
    def place(self) -> Iterator[Check]:
        """Hold a place in the queue, in which one password can be checked. Raises Overloaded."""
        if self._waiting >= LONGEST_QUEUE:
            raise Overloaded("too many passwords are waiting to be checked")
        self._waiting += 1
        try:
            yield self._check
        finally:
            self._waiting -= 1

    @contextmanager
    def place_for(self, crowd: str | None, *, known: bool) -> Iterator[Check]:
        """Hold a place for a login: of a crowd a few at once, and some for `known` devices alone.

        Whoever looks up a hash takes the place first: what is turned away costs no look. Raises
        Overloaded.
        """
        if not known and self._waiting >= MOST_STRANGERS:
            raise Overloaded("too many strangers are waiting for their passwords to be checked")
        with self._crowds.enter(crowd), self.place() as check:
            yield check

    async def _check(self, password: str, encoded: str | None) -> bool:
        return await self._run(_verify, password, encoded, self._nobody)

    async def _run(self, work: Callable[..., T], *arguments: str | None) -> T:
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


def _verify(password: str, encoded: str | None, nobody: str) -> bool:
    """Check a password; what cannot be checked is refused at the cost of nobody's, and told."""
    try:
        check = None if encoded is None else read_hash(encoded)
    except MissingExtra as error:
        check = Refused(str(error))
    if isinstance(check, Refused):
        log.error("somebody cannot log in: their password hash is unusable: %s", check.reason)
    if check is None or isinstance(check, Refused):
        _verify(password, nobody, nobody)
        return False
    return check(password.encode())


def _b64(octets: bytes) -> str:
    return b64encode(octets).rstrip(b"=").decode("ascii")


def _lower_priority() -> None:
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOWEST_PRIORITY)
