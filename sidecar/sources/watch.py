"""Watch files by looking at them.

What changed is read anew, and what cannot be read leaves the old in force.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from sidecar.errors import SidecarError

PERIOD: Final = 1.0  # seconds; a change is in force within two of them

log = logging.getLogger("sidecar.source")

Signature = tuple[tuple[str, int, int, int], ...]


def sign_files(paths: list[Path]) -> Signature:
    """Return what changes when one of the files does: name, inode, size and time of change."""
    signature = []
    for path in sorted(paths):
        try:
            stat = path.stat()
        except OSError:
            continue
        signature.append((path.name, stat.st_ino, stat.st_size, stat.st_mtime_ns))
    return tuple(signature)


class Watched:
    """One source: `sign` says what it looks like, `adopt` reads it and puts it in force.

    `adopt` raises SidecarError where the source is wrong; `problem` holds that line until it is
    right again.
    """

    def __init__(
        self, name: str, sign: Callable[[], Signature], adopt: Callable[[], Awaitable[None]]
    ) -> None:
        self.name = name
        self.problem: str | None = None
        self._sign = sign
        self._adopt = adopt
        self._seen: Signature | None = None
        self._turn = asyncio.Lock()

    async def note(self) -> None:
        """Take what is there now as seen: it has just been read."""
        self._seen = await asyncio.to_thread(self._sign)

    async def reload(self) -> None:
        """Read the source again, whether or not it looks changed."""
        async with self._turn:
            self._seen = await asyncio.to_thread(self._sign)
            try:
                await self._adopt()
            except SidecarError as error:
                self.problem = str(error)
                log.error(  # noqa: TRY400 - the error's one line is all there is to say
                    "%s: the old one stays in force", self.name, extra={"cause": self.problem}
                )
            else:
                self.problem = None
                log.info("%s: read", self.name)

    async def run(self) -> None:
        """Look once a second, for ever; a source that was wrong is tried again when it changes."""
        while True:
            await asyncio.sleep(PERIOD)
            if await asyncio.to_thread(self._sign) != self._seen:
                await self.reload()
