"""`python -m tests.chaos.broken drop|incarnation serve …`: a service whose Redis feed is broken.

It shows that the model of the faults can fail. SQL carries within a second whatever Redis loses,
and nobody would see the break: so the feed of SQL reads nothing here behind the first view. Nor is
a replica waited for that says nothing in Redis: without SQL its pause would make the others silent.
"""

import asyncio
import sys
from collections.abc import Sequence
from typing import Final

from sidecar.cli import main
from sidecar.core.revocation import Level, Revocation
from sidecar.core.writers import Writers
from sidecar.stores.redis import reading
from sidecar.stores.redis.log import Position
from sidecar.stores.sql.feed import SqlFeed


def drop_one() -> None:
    """Lose one message, the first about a session, wherever it is read: in stream and snapshot."""
    patched, dropped = vars(reading), set[str]()
    decode = patched["decode_member"]

    def lose(member: str, forget_at: float | str) -> Revocation | None:
        revocation: Revocation | None = decode(member, forget_at)
        if revocation is not None and revocation.level is Level.SESSION and not dropped:
            dropped.add(member)
        return None if member in dropped else revocation

    patched["decode_member"] = lose


def ignore_incarnation() -> None:
    """Take every log of Redis for the one that was read before.

    None is known to lack anything then, and none is filled again from SQL.
    """

    def continues(_self: Position, _earlier: Position) -> bool:
        return True

    def is_filled(_head: Sequence[str | None]) -> bool:
        return True

    Position.continues = continues  # type: ignore[assignment,method-assign]
    assert "is_filled" in vars(reading)
    vars(reading)["is_filled"] = is_filled


async def stand_still(_self: SqlFeed) -> None:
    """Read nothing, for ever."""
    await asyncio.Event().wait()


def wait_for_nobody(_self: Writers, at: float) -> float | None:
    """Take what Redis says for fresh, whoever is silent there."""
    return at


BREAKS: Final = {"drop": drop_one, "incarnation": ignore_incarnation}

if __name__ == "__main__":
    SqlFeed.run = stand_still  # type: ignore[assignment,method-assign]
    Writers.fresh_as_of = wait_for_nobody  # type: ignore[assignment,method-assign]
    BREAKS[sys.argv.pop(1)]()
    main()
