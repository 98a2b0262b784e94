"""Rings of which a turn is asked: keys of one pair under many names, and what a turn makes."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sidecar.core.keyring import Key, Purpose
from sidecar.core.turn import SIGNS_FOR, Haste, RingTurn, Schedule, plan_turn
from tests.core.forge import Workshop

EVERY, AHEAD, AFTER = 1000, 100, 300
SCHEDULE: Final = Schedule(EVERY, AHEAD, AFTER)
TOKEN: Final = Purpose.TOKEN


class Ring:
    """Keys of one RSA pair under many names: a plan looks at dates alone."""

    def __init__(self, workshop: Workshop) -> None:
        self._like = workshop.token_key

    def key(
        self,
        kid: str,
        begin: int,
        end: int | None = None,
        *,
        purpose: Purpose = TOKEN,
        revoked: bool = False,
    ) -> Key:
        """Return a key that signs from `begin` until `end`, as the first turn leaves it."""
        until = begin + SIGNS_FOR if end is None else end
        return replace(
            self._like,
            kid=kid,
            purpose=purpose,
            not_before=begin,
            sign_until=until,
            publish_until=until + AFTER,
            revoked=revoked,
        )

    def after(self, keys: Sequence[Key], turn: RingTurn) -> list[Key]:
        """Return the keys as they are once a turn is done."""
        left = [
            replace(
                key,
                not_before=dates.not_before,
                sign_until=dates.sign_until,
                publish_until=dates.publish_until,
            )
            for key in keys
            if key.kid not in turn.remove
            for dates in [turn.redate.get(key.kid, key.dates)]
        ]
        made = [
            replace(
                self._like,
                kid=f"made {number} {new.dates.not_before} {len(keys)}",
                purpose=new.dates.purpose,
                not_before=new.dates.not_before,
                sign_until=new.dates.sign_until,
                publish_until=new.dates.publish_until,
            )
            for number, new in enumerate(turn.make)
        ]
        return left + made


def begins(turn: RingTurn) -> list[int]:
    """Return when the keys begin to sign that a turn makes."""
    return [new.dates.not_before for new in turn.make]


def plan(
    keys: Sequence[Key], now: int, haste: Haste = Haste.SCHEDULED, *, removing: bool = False
) -> RingTurn:
    """Return what the token keys lack."""
    return plan_turn(keys, TOKEN, now, SCHEDULE, haste=haste, removing=removing)
