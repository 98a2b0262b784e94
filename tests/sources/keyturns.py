"""A turn of the keys as the service makes it, of both purposes at once."""

from collections.abc import Sequence
from pathlib import Path

from sidecar.core.keyring import Key, Purpose
from sidecar.core.turn import Haste, RingTurn, plan_turn
from sidecar.sources.keyfiles import read_keys
from sidecar.sources.keyring import KeyDirectory
from sidecar.stores.sql import SqlStore
from tests.sources.keydirs import EVERY, NOW, SCHEDULES

DUE = NOW + EVERY


def directory(tmp_path: Path, store: SqlStore, passphrase_file: Path | None = None) -> KeyDirectory:
    return KeyDirectory(tmp_path / "keys", store.ring, SCHEDULES, passphrase_file)


async def turn(
    keys: KeyDirectory,
    now: int = DUE,
    haste: Haste = Haste.SCHEDULED,
    *,
    removing: bool = False,
) -> tuple[Key, ...] | None:
    """Turn the keys of both purposes."""

    def plan(present: Sequence[Key]) -> RingTurn:
        both = RingTurn()
        for purpose, schedule in SCHEDULES.items():
            both |= plan_turn(present, purpose, now, schedule, haste=haste, removing=removing)
        return both

    return await keys.turn(now, plan, removing=removing)


def dates_of(path: Path) -> dict[str, tuple[int, int]]:
    """Return when each token key signs, as the files say."""
    return {
        file.kid: (file.dates.not_before, file.dates.sign_until)
        for file in read_keys(path)
        if file.dates is not None and file.dates.purpose is Purpose.TOKEN
    }
