"""Writers vouch in Redis for what they have announced, and read what the others vouch for.

Why, and what it means, stands in core/writers.py.
"""

import asyncio
import logging
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NoReturn

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from sidecar.clock import read_clock
from sidecar.core.unannounced import Tick, Unannounced
from sidecar.core.writers import MARK, MOST_WRITERS, Word, Writers
from sidecar.ports import Entry
from sidecar.stores.redis.health import Direction, Health
from sidecar.stores.redis.log import WRITERS

PERIOD: Final = 0.25  # seconds between words, and between looks at those of the others
TIMEOUT: Final = 0.5  # seconds for each word
MOST_WORDS: Final = 4 * MOST_WRITERS  # those of who has gone stay for minutes; more are not read
LONGEST_WORD: Final = 200  # characters
ENDED: Final = "ended"
VOUCH: Final = Path(__file__).with_name("vouch.lua").read_text(encoding="utf-8")

_NAME: Final = re.compile(MARK + r"[0-9a-f]{12}", re.ASCII)
_WORD: Final = re.compile(
    r"(?:-|([0-9a-f]{16})) (?:-|([1-9][0-9]{0,15})) (0|[1-9][0-9]{0,15}) ([!-~]{0,100})", re.ASCII
)
_NO_WORD: Final = Word(None, 0, "")  # who says what we do not understand vouches for nothing

log = logging.getLogger("sidecar.redis")


class Vouching:
    """The words of this process, `writers.own`, and those that it reads."""

    def __init__(
        self,
        client: Redis,
        health: Health,
        writers: Writers,
        unannounced: Unannounced[Entry],
    ) -> None:
        # redis-py types commands for its two clients and both protocols at once: Any is what is
        # left of that.
        self._client: Any = client
        self._health = health
        self._writers = writers
        self._unannounced = unannounced
        self._script = client.register_script(VOUCH)
        self._number = 0

    async def run(self) -> NoReturn:
        """Vouch for ever."""
        while True:
            await self.vouch()
            await asyncio.sleep(PERIOD)

    async def vouch(self) -> None:
        """Vouch for what has been announced; whoever reads Redis says that it is away."""
        self._number += 1
        writers = self._writers
        tick = self._unannounced.vouch()
        claim = ("", "") if tick is None else (tick.life, tick.number)
        over = writers.list_over(read_clock().monotonic)
        says = f"{self._number} {writers.where}"
        arguments = (writers.own, secrets.token_hex(8), *claim, says, *over)
        try:
            async with asyncio.timeout(TIMEOUT):
                life, number = await self._script(keys=[WRITERS], args=arguments)
        except ResponseError as error:  # it is there, and takes nothing
            self._health.note_failure(Direction.VOUCH, error)
        except (RedisError, OSError) as error:
            log.debug("not vouched in Redis", extra={"cause": type(error).__name__})
        else:
            self._health.note_success(Direction.VOUCH)
            self._unannounced.learn(Tick(life, number))

    async def end(self) -> None:
        """Say that this process writes nothing more, unless something of it is still missing.

        Nobody misses it who has not heard it: they forget this process once SQL has been read for
        long enough.
        """
        if len(self._unannounced):
            return
        try:
            async with asyncio.timeout(TIMEOUT):
                await self._client.hset(WRITERS, self._writers.own, ENDED)
        except (RedisError, OSError) as error:
            log.debug("not ended in Redis", extra={"cause": type(error).__name__})

    async def read(self, client: Any) -> None:
        """Read what all vouch for, by the connection of who reads the log. Raises RedisError."""
        began = read_clock().monotonic
        if await client.hlen(WRITERS) > MOST_WORDS:
            self._writers.hear_too_many(began)
            return
        fields: Mapping[str, str] = await client.hgetall(WRITERS)
        self._writers.hear_words(began, _read_tick(fields), _read_words(fields))


def _read_tick(fields: Mapping[str, str]) -> Tick | None:
    life, number = fields.get("life", ""), fields.get("tick", "")
    known = life and len(number) <= len(str(2**53)) and number.isascii() and number.isdecimal()
    return Tick(life, int(number)) if known else None


def _read_words(fields: Mapping[str, str]) -> dict[str, Word]:
    """Return the words of writers; whatever else lies there is none of ours."""
    return {name: _read_word(text) for name, text in fields.items() if _NAME.fullmatch(name)}


def _read_word(text: str) -> Word:
    if text == ENDED:
        return Word(None, 0, "", ended=True)
    found = None if len(text) > LONGEST_WORD else _WORD.fullmatch(text)
    if found is None:
        return _NO_WORD
    life, number, word_number, where = found.groups()
    tick = Tick(life, int(number)) if life and number else None
    return Word(tick, int(word_number), where)
