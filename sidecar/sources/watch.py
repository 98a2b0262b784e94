"""Watch files by looking at them: what changed is read; where that fails the old is in force."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from math import inf
from pathlib import Path
from typing import Final, Generic, NoReturn, TypeVar

from sidecar.clock import read_clock
from sidecar.errors import SidecarError, Unavailable

PERIOD: Final = 0.5  # seconds; a change is in force within two, and what it takes to read it
SILENT: Final = 10.0  # seconds after which a look or a reading that does not end is told of

log = logging.getLogger("sidecar.source")

T = TypeVar("T")

Signature = tuple[tuple[str, int, int, int, int], ...]


def sign_files(paths: list[Path]) -> Signature:
    """Return what changes when one of the files does: name, inode, size, mtime and ctime.

    Where only the mode of a file changes, ctime alone says so.
    """
    signature = []
    for path in sorted(paths):
        try:
            stat = path.stat()
        except OSError:
            continue
        times = stat.st_mtime_ns, stat.st_ctime_ns
        signature.append((path.name, stat.st_ino, stat.st_size, *times))
    return tuple(signature)


class Watched(Generic[T]):
    """One source: `sign` says what it looks like, `read` returns what it holds.

    `read` raises SidecarError where the source is wrong; `problem` holds that line until it is
    right again. `describe` says for the log what the last value has otherwise than the one before.
    """

    def __init__(
        self,
        name: str,
        sign: Callable[[], Signature],
        read: Callable[[], Awaitable[T]],
        describe: Callable[[], Awaitable[Mapping[str, object]]] | None = None,
    ) -> None:
        self.name = name
        self.problem: str | None = None
        self._sign = sign
        self._read = read
        self._describe = describe
        # Taken before each reading: what changes meanwhile is read once more.
        self._seen: Signature | None = None
        self._try_again = False
        self._opened_at = -inf
        self._asked = asyncio.Event()

    async def open(self) -> T:
        """Return what the source holds at the start. Raises what `read` raises."""
        self._opened_at = read_clock().monotonic
        self._seen = await asyncio.to_thread(self._sign)
        value = await self._read()
        seen = await asyncio.to_thread(self._sign)
        if seen == self._seen:
            return value
        self._seen = seen  # the first reading of all makes the key ring: that is no change
        return await self._read()

    def ask(self) -> None:
        """Have the source read soon, whether or not it looks changed."""
        self._asked.set()

    async def run(
        self, adopt: Callable[[T], None], note: Callable[[float], None] = lambda _: None
    ) -> NoReturn:
        """Look now and then each `PERIOD`, for ever, and hand over what changed.

        `note` is told the monotonic second at which what is in force was what lies there. A source
        that was wrong is read again when it changes; where a store was away that is needed to judge
        it, at the next look.
        """
        note(self._opened_at)
        asked = False
        while True:
            began = read_clock().monotonic
            silence = asyncio.get_running_loop().call_later(SILENT, self._note_silence)
            try:
                seen = await asyncio.to_thread(self._sign)
                if asked or self._try_again or seen != self._seen:
                    self._seen = seen
                    await self._turn(adopt, asked=asked)
            finally:
                silence.cancel()
            if self.problem is None:
                note(began)
            asked = await self._wait()

    async def _wait(self) -> bool:
        """Wait for the next look; say whether somebody asked for it."""
        try:
            async with asyncio.timeout(PERIOD):
                await self._asked.wait()
        except TimeoutError:
            return False
        self._asked.clear()
        return True

    def _note_silence(self) -> None:
        """Say that a look, or a reading, has not ended: a file system that hangs fails nothing."""
        self.problem = f"no answer for {SILENT:g} s: does the file system hang?"
        self._try_again = True  # once it answers: that takes the problem back
        log.error("%s: the old one stays in force", self.name, extra={"cause": self.problem})

    async def _turn(self, adopt: Callable[[T], None], *, asked: bool) -> None:
        try:
            value = await self._read()
        except SidecarError as error:
            self._try_again = isinstance(error, Unavailable)
            if asked or self.problem != str(error):
                log.error(  # noqa: TRY400 - the error's one line is all there is to say
                    "%s: the old one stays in force", self.name, extra={"cause": str(error)}
                )
            self.problem = str(error)
        else:
            adopt(value)
            self._try_again = False
            self.problem = None
            told = {} if self._describe is None else await self._describe()
            log.info("%s: read", self.name, extra=told)
