"""The turn of the keys in their directory: whole files, under its lock, and nothing by mistake."""

import asyncio
import fcntl
import os
import shutil
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sidecar.core.keyring import KeyState, Purpose
from sidecar.core.turn import Haste
from sidecar.errors import DocumentInvalid, RingMismatch
from sidecar.sources import keywriter
from sidecar.sources.keyfiles import ENCRYPTED, MOST_KEYS, read_keys
from sidecar.stores.sql import SqlStore
from tests.sources.keydirs import (
    AHEAD,
    NOW,
    elliptic_key,
    names,
    pkcs8,
    put,
    put_key,
)
from tests.sources.keyturns import DUE, directory, turn

pytestmark = pytest.mark.asyncio


async def test_a_key_of_each_purpose_is_made_when_it_is_due_and_the_old_ones_are_closed(
    tmp_path: Path, store: SqlStore
) -> None:
    keys = directory(tmp_path, store)
    before = (await keys.open(NOW)).ring
    made = await turn(keys)
    assert made is not None
    assert [key.purpose for key in made] == list(Purpose)
    after = (await keys.open(DUE)).ring
    assert after.keys.keys() == before.keys.keys() | {key.kid for key in made}
    begin = DUE + AHEAD + 1
    for new in made:
        old = before.find_signing_key(new.purpose, NOW)
        assert old is not None
        assert after.keys[new.kid].state(begin - 1) is KeyState.NEXT
        assert after.keys[new.kid].state(begin) is KeyState.ACTIVE
        assert after.keys[old.kid].state(begin - 1) is KeyState.ACTIVE
        assert after.keys[old.kid].state(begin) is KeyState.RETIRING
    assert names(tmp_path / "keys") == {".lock", "secret"} | {
        f"{kid}.{suffix}" for kid in after.keys for suffix in ("pem", "json")
    }


async def test_a_turn_that_is_done_is_done(tmp_path: Path, store: SqlStore) -> None:
    keys = directory(tmp_path, store)
    await keys.open(NOW)
    await turn(keys)
    assert await turn(keys) is None


async def test_where_nothing_is_due_nothing_is_touched(tmp_path: Path, store: SqlStore) -> None:
    """It may be mounted read-only: not even a lock is written there."""
    keys, path = directory(tmp_path, store), tmp_path / "keys"
    await keys.open(NOW)
    (path / ".lock").unlink()
    before, changed_at = names(path), path.stat().st_mtime_ns
    assert await turn(keys, NOW) is None
    assert names(path) == before
    assert path.stat().st_mtime_ns == changed_at


async def test_of_several_processes_one_turns_the_keys(tmp_path: Path, store: SqlStore) -> None:
    keys = directory(tmp_path, store)
    await keys.open(NOW)
    done = await asyncio.gather(*(turn(directory(tmp_path, store)) for _ in range(5)))
    assert sum(len(made or ()) for made in done) == len(Purpose)
    assert len(read_keys(tmp_path / "keys")) == 2 * len(Purpose)


async def test_a_directory_that_cannot_be_written_is_one_line(
    tmp_path: Path, store: SqlStore
) -> None:
    keys, path = directory(tmp_path, store), tmp_path / "keys"
    await keys.open(NOW)
    (path / ".lock").unlink()
    (path / ".lock").mkdir()
    before = names(path)
    with pytest.raises(DocumentInvalid) as raised:
        await turn(keys)
    assert raised.value.problems == (f"{path}: cannot make keys here: Is a directory",)
    assert names(path) == before


async def test_a_lock_that_is_never_given_back_is_one_line(
    tmp_path: Path, store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keywriter, "LOCK_PATIENCE", 0.1)
    keys, path = directory(tmp_path, store), tmp_path / "keys"
    await keys.open(NOW)
    holder = os.open(path / ".lock", os.O_RDWR)
    try:
        fcntl.flock(holder, fcntl.LOCK_EX)
        with pytest.raises(DocumentInvalid) as raised:
            await turn(keys)
    finally:
        os.close(holder)
    assert raised.value.problems == (f"{path}: another process holds its lock",)
    assert len(read_keys(path)) == len(Purpose)


async def test_a_lock_is_waited_for(tmp_path: Path, store: SqlStore) -> None:
    keys, path = directory(tmp_path, store), tmp_path / "keys"
    await keys.open(NOW)
    holder = os.open(path / ".lock", os.O_RDWR)
    fcntl.flock(holder, fcntl.LOCK_EX)
    release = threading.Timer(0.2, os.close, [holder])
    release.start()
    assert len(await turn(keys) or ()) == len(Purpose)
    release.join()


async def test_no_key_is_made_in_a_directory_that_nobody_would_start_with(
    tmp_path: Path, store: SqlStore
) -> None:
    """A volume that is not mounted, or that of another database."""
    keys, path = directory(tmp_path, store), tmp_path / "keys"
    await keys.open(NOW)
    path.rename(tmp_path / "away")
    path.mkdir()
    with pytest.raises(RingMismatch, match="has no `secret`"):
        await turn(keys)
    assert names(path) == set()
    path.rmdir()
    shutil.copytree(tmp_path / "away", path)
    put(path / "secret", bytes(32))
    before = names(path)
    with pytest.raises(RingMismatch, match="is not the one that this database knows"):
        await turn(keys)
    assert names(path) == before


async def test_a_new_key_is_encrypted_where_there_is_a_passphrase(
    tmp_path: Path, store: SqlStore
) -> None:
    """The old ones stay as they are."""
    file = put(tmp_path / "passphrase", b"a passphrase\n")
    await directory(tmp_path, store).open(NOW)
    keys = directory(tmp_path, store, file)
    made = await turn(keys)
    assert made is not None
    encrypted = {
        path.stem for path in (tmp_path / "keys").glob("*.pem") if ENCRYPTED in path.read_bytes()
    }
    assert encrypted == {key.kid for key in made}
    assert len((await keys.open(DUE)).ring.keys) == 2 * len(Purpose)
    file.unlink()
    with pytest.raises(DocumentInvalid, match="passphrase: there is no such file"):
        await keys.open(DUE)
    with pytest.raises(DocumentInvalid, match="passphrase: there is no such file"):
        await turn(keys, DUE + 9)


async def test_a_schedule_goes_on_with_the_type_of_the_newest_key(
    tmp_path: Path, store: SqlStore
) -> None:
    keys, path = directory(tmp_path, store), tmp_path / "keys"
    await keys.open(NOW)
    put_key(path, elliptic_key(), not_before=NOW + 1, sign_until=DUE * 2, publish_until=DUE * 2)
    made = await turn(keys)
    assert made is not None
    assert [key.alg.value for key in made] == ["ES256", "RS256"]
    assert {key.alg.value for key in (await keys.open(DUE)).ring.keys.values()} == {
        "RS256",
        "ES256",
    }


async def test_there_are_never_more_keys_than_a_process_reads(
    tmp_path: Path, store: SqlStore
) -> None:
    keys, path = directory(tmp_path, store), tmp_path / "keys"
    await keys.open(NOW)
    for number in range(MOST_KEYS - 3):
        put(path / f"{number}.pem", pkcs8(Ed25519PrivateKey.generate()))
    await keys.open(NOW)
    with pytest.raises(DocumentInvalid) as raised:
        await turn(keys, NOW + 9 * AHEAD, Haste.ASKED)
    assert raised.value.problems == (f"{path}: would have more than {MOST_KEYS} keys",)
    assert len(list(path.glob("*.pem"))) == MOST_KEYS - 1
