"""What lies in the directory of the keys by the hand of others, and what a turn does about it."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from sidecar.core.audit import OPERATOR, Action, AuditEvent
from sidecar.core.keyring import Key, KeyState, Purpose
from sidecar.core.turn import FILES_KEPT, RingTurn
from sidecar.errors import RingMismatch
from sidecar.sources.keyfiles import read_keys
from sidecar.stores.sql import SqlStore
from tests.sources.keydirs import (
    AHEAD,
    DAY,
    NOW,
    OTHER_RSA,
    RSA,
    kid_of,
    pkcs8,
    put,
    put_key,
)
from tests.sources.keyturns import DUE, dates_of, directory, turn

pytestmark = pytest.mark.asyncio

# What no turn writes, although some of it looks so.
OTHERS = (
    *("notes.txt", ".#abc.pem", ".nfs0badcafe", ".backup.0badcafe", ".pem.0badcafe", ".abc.pem"),
    *(".abc.pem.0badcaf", ".abc.pem.0BADCAFE", ".abc.pem.0badcafe0", ".secrets.0badcafe"),
)


async def test_a_key_put_there_by_hand_gets_its_dates_beside_it_when_it_is_closed(
    tmp_path: Path, store: SqlStore
) -> None:
    """Under its own name, and with what SQL gave it when it was seen first."""
    keys, path = directory(tmp_path, store), tmp_path / "keys"
    await keys.open(NOW)
    put_key(path, name="mine")
    await keys.open(NOW)
    assert await turn(keys, NOW + 5) == ()  # it closes the one that signed before
    assert not (path / "mine.json").exists()
    made = await turn(keys, DUE + AHEAD)
    assert made is not None
    token = next(key for key in made if key.purpose is Purpose.TOKEN)
    assert dates_of(path)[kid_of(RSA)] == (NOW + AHEAD, token.not_before)
    assert (path / "mine.json").stat().st_mode & 0o777 == 0o600


async def test_a_key_that_sql_has_not_seen_yet_closes_no_other(
    tmp_path: Path, store: SqlStore
) -> None:
    """One that is put there while a turn waits for the lock has no dates that all agree about."""
    keys, path = directory(tmp_path, store), tmp_path / "keys"
    await keys.open(NOW)
    seen: list[set[str]] = []

    def plan(present: Sequence[Key]) -> RingTurn:
        seen.append({key.kid for key in present})
        put_key(path)
        return RingTurn(redate={key.kid: key.dates for key in present})

    assert await keys.turn(NOW, plan) == ()
    assert kid_of(RSA) not in seen[0] | seen[1]
    assert kid_of(RSA) in {file.kid for file in read_keys(path)}


async def test_files_of_keys_that_are_over_go_a_day_later(tmp_path: Path, store: SqlStore) -> None:
    keys, path = directory(tmp_path, store), tmp_path / "keys"
    await keys.open(NOW)
    over = put_key(path, OTHER_RSA, "over", sign_until=NOW + 5, publish_until=NOW + 9)
    await keys.open(NOW)
    await turn(keys, NOW + 9 + FILES_KEPT - 1, removing=True)
    await turn(keys, NOW + 9 * FILES_KEPT)
    assert over.exists()
    assert await turn(keys, NOW + 9 + FILES_KEPT, removing=True) == ()
    assert not over.exists()
    assert not over.with_suffix(".json").exists()
    assert len((await keys.open(NOW + 9 + FILES_KEPT)).ring.keys) == len(Purpose)


async def test_what_killed_writers_left_is_taken_away(tmp_path: Path, store: SqlStore) -> None:
    """But not the dates that somebody has just written for a key of their own."""
    keys, path = directory(tmp_path, store), tmp_path / "keys"
    await keys.open(NOW)
    drafts = [
        put(path / f".{name}.0badcafe", pkcs8(RSA)[:99])
        for name in ("secret", "abc.pem", "abc.json", "my.own.json")
    ]
    stray, fresh = put(path / "stray.json", b"{}"), put(path / "fresh.json", b"{}")
    left = [put(path / name, b"a person's") for name in OTHERS]
    (path / ".folder.pem.0badcafe").mkdir()
    (path / "elsewhere.json").symlink_to(path / "gone")
    os.utime(stray, (NOW - DAY, NOW - DAY))
    os.utime(fresh, (NOW - DAY + 1, NOW - DAY + 1))
    assert await turn(keys, NOW) == ()
    assert not any(draft.exists() for draft in drafts)
    assert stray.exists()
    assert await turn(keys, NOW, removing=True) == ()
    assert not stray.exists()
    assert all(path.exists() for path in (fresh, *left))
    assert (path / "elsewhere.json").is_symlink()
    assert (path / ".folder.pem.0badcafe").is_dir()
    assert await turn(keys, NOW, removing=True) is None


async def test_other_dates_beside_a_key_are_remembered(tmp_path: Path, store: SqlStore) -> None:
    """Without them a directory could not lack the key once it is over."""
    keys = directory(tmp_path, store)
    await keys.open(NOW)
    put_key(tmp_path / "keys")
    await keys.open(NOW)
    path = put_key(tmp_path / "keys", publish_until=NOW + DAY + 9)
    await keys.open(NOW)
    path.unlink()
    with pytest.raises(RingMismatch, match="lacks the key"):
        await keys.open(NOW + DAY + 8)
    assert kid_of(RSA) not in (await keys.open(NOW + DAY + 9)).ring.keys


async def test_a_revoked_key_is_one_after_a_restart_and_may_be_missing(
    tmp_path: Path, store: SqlStore
) -> None:
    keys = directory(tmp_path, store)
    await keys.open(NOW)
    path = put_key(tmp_path / "keys")
    await keys.open(NOW)
    event = AuditEvent(NOW, Action.KEY_REVOKED, OPERATOR, kid_of(RSA))
    await store.ring.revoke_key(kid_of(RSA), keep_after=0, event=event)
    opened = await keys.open(NOW)
    assert opened.ring.keys[kid_of(RSA)].state(NOW) is KeyState.REVOKED
    assert kid_of(RSA) not in {key["kid"] for key in opened.ring.jwks(NOW)["keys"]}
    path.unlink()
    assert kid_of(RSA) not in (await keys.open(NOW)).ring.keys
