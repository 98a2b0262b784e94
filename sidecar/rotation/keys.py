"""The turn of the keys: on schedule, by command, and in an emergency.

Who turns does not matter: what is to be done follows from the dates alone, under the lock of the
directory (core/turn.py).
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from sidecar.core.audit import OPERATOR, SERVICE, Action, AuditEvent
from sidecar.core.keyring import Algorithm, Key, KeyRing, Purpose
from sidecar.core.turn import (
    Haste,
    RingTurn,
    Schedule,
    find_waiting,
    is_crowded,
    is_overdue,
    plan_turn,
)
from sidecar.errors import NextKeyWaits, NotFound, StoreUnavailable
from sidecar.ports import Entry, KeyFolder, RingStore

log = logging.getLogger("sidecar.keys")


class KeyRotation:
    """Turns the keys of each purpose by its schedule; `publish` makes revocations hold."""

    def __init__(
        self,
        store: RingStore,
        folder: KeyFolder,
        schedules: Mapping[Purpose, Schedule],
        publish: Callable[[Sequence[Entry]], Awaitable[None]],
        keep_after: int,
    ) -> None:
        self._store = store
        self._folder = folder
        self._schedules = schedules
        self._publish = publish
        self._keep_after = keep_after

    def is_due(self, ring: KeyRing, now: int, *, removing: bool = False) -> bool:
        """Say whether a turn would change anything about this ring."""
        return bool(self._plan(ring.keys.values(), now, removing=removing))

    def is_overdue(self, ring: KeyRing, now: int) -> bool:
        """Say whether a key should have begun to sign by now, and none has."""
        keys = ring.keys.values()
        return any(is_overdue(keys, each, now, plan) for each, plan in self._schedules.items())

    def find_crowded(self, ring: KeyRing, now: int) -> list[Purpose]:
        """Return the purposes whose turn is overdue since too many keys of them lie there."""
        keys = ring.keys.values()
        return [each for each, plan in self._schedules.items() if is_crowded(keys, each, now, plan)]

    async def turn(self, now: int, *, removing: bool = False) -> bool:
        """Do what is due; False where nothing is.

        `removing` also takes the files away of what is over by `now`, for good.

        Raises DocumentInvalid, also where the directory cannot be written, RingMismatch,
        StoreUnavailable.
        """
        made = await self._folder.turn(
            now, lambda keys: self._plan(keys, now, removing=removing), removing=removing
        )
        for key in made or ():
            await self._note(key, now, SERVICE)
        return made is not None

    async def rotate(
        self, purpose: Purpose, now: int, *, at_once: bool, alg: Algorithm | None = None
    ) -> Key:
        """Publish the next key of `purpose`, which signs `publish_ahead` later, and return it.

        `at_once` it signs as soon as every process has read it; one that waits already is brought
        forward. Raises NextKeyWaits where one waits otherwise, and what `turn` raises.
        """
        haste = Haste.AT_ONCE if at_once else Haste.ASKED
        schedule = self._schedules[purpose]
        brought: list[Key] = []

        def plan(keys: Sequence[Key]) -> RingTurn:
            waiting = find_waiting(keys, purpose, now)
            if waiting is not None and (not at_once or alg not in {None, waiting.alg}):
                raise NextKeyWaits(
                    f"the next {purpose.value} key {waiting.kid} ({waiting.alg.value}) is published"
                    " already and waits for its time; --now brings it forward"
                )
            turn = plan_turn(keys, purpose, now, schedule, haste=haste, alg=alg)
            if waiting is not None:
                dates = turn.redate.get(waiting.kid, waiting.dates)
                brought[:] = [waiting, replace(waiting, not_before=dates.not_before)]
            return turn

        made = await self._folder.turn(now, plan)
        if made:
            await self._note(made[0], now, OPERATOR)
            return made[0]
        waiting, following = brought
        if following != waiting:
            await self._note(following, now, OPERATOR, brought_forward=True)
        return following

    async def revoke(self, kid: str, now: int) -> None:
        """Refuse everything that a key sealed, everywhere; the next turn makes another.

        Raises NotFound, StoreUnavailable.
        """
        remembered, _ = await self._store.read_ring()
        if kid not in {row.kid for row in remembered}:
            raise NotFound(f"there is no key {kid!r}")
        event = AuditEvent(now, Action.KEY_REVOKED, OPERATOR, kid)
        await self._publish(
            await self._store.revoke_key(kid, keep_after=self._keep_after, event=event)
        )

    def _plan(self, keys: Iterable[Key], now: int, *, removing: bool) -> RingTurn:
        """Return what the keys of every purpose lack."""
        turn = RingTurn()
        for purpose, schedule in self._schedules.items():
            turn |= plan_turn(keys, purpose, now, schedule, removing=removing)
        return turn

    async def _note(self, key: Key, now: int, actor: str, *, brought_forward: bool = False) -> None:
        """Tell of a turn whose files are written: nothing that fails here undoes it."""
        details: dict[str, object] = {"purpose": key.purpose.value, "alg": key.alg.value}
        if brought_forward:
            details["brought_forward"] = True
        log.info("the next key is published", extra={"kid": key.kid, **details})
        event = AuditEvent(now, Action.KEY_ROTATED, actor, key.kid, details=details)
        try:
            await self._store.note_rotation(event)
        except StoreUnavailable as error:
            log.warning("the audit trail lacks the turn to key %s: %s", key.kid, error)
