"""The key directory held against a real database: one ring for all, and none by mistake."""

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from sidecar.core.keyring import KeyRing, KeyState, Purpose
from sidecar.errors import DocumentInvalid, RingMismatch
from sidecar.sources.keyfiles import read_keys
from sidecar.sources.keyring import KeyDirectory, OpenedRing, derive_key, describe_ring
from sidecar.stores.sql import SqlStore
from tests.sources.keydirs import (
    AHEAD,
    DAY,
    NOW,
    RSA,
    SCHEDULES,
    kid_of,
    names,
    put,
    put_key,
    unprivileged,
)

pytestmark = pytest.mark.asyncio


def key_directory(tmp_path: Path, store: SqlStore, name: str = "keys") -> KeyDirectory:
    return KeyDirectory(tmp_path / name, store.ring, SCHEDULES)


async def known_kids(store: SqlStore) -> set[str]:
    keys, _ = await store.ring.read_ring()
    return {key.kid for key in keys}


def signing_kid(opened: OpenedRing, now: int, purpose: Purpose = Purpose.TOKEN) -> str | None:
    key = opened.ring.find_signing_key(purpose, now)
    return None if key is None else key.kid


async def test_the_first_start_makes_a_ring_that_signs_at_once(
    tmp_path: Path, store: SqlStore
) -> None:
    opened = await key_directory(tmp_path, store).open(NOW)
    assert all(signing_kid(opened, NOW, purpose) for purpose in Purpose)
    assert await known_kids(store) == opened.ring.keys.keys()


async def test_a_second_start_finds_the_same_ring(tmp_path: Path, store: SqlStore) -> None:
    first = await key_directory(tmp_path, store).open(NOW)
    second = await key_directory(tmp_path, store).open(NOW + DAY)
    assert second.secret == first.secret
    assert second.ring.keys.keys() == first.ring.keys.keys()


async def test_of_two_starts_at_once_both_have_one_ring(tmp_path: Path, store: SqlStore) -> None:
    starts = (key_directory(tmp_path, store).open(NOW) for _ in range(2))
    first, second = await asyncio.gather(*starts)
    assert second.secret == first.secret
    assert second.ring.keys.keys() == first.ring.keys.keys()
    assert len(await known_kids(store)) == len(Purpose)


async def test_a_complete_directory_goes_with_a_new_database_unchanged(
    tmp_path: Path, store: SqlStore, other_store: SqlStore
) -> None:
    """A restored directory, mounted read-only beside an empty database."""
    first = await key_directory(tmp_path, store).open(NOW)
    shutil.copytree(tmp_path / "keys", tmp_path / "copy", ignore=shutil.ignore_patterns(".lock"))
    before = names(tmp_path / "copy")
    second = await key_directory(tmp_path, other_store, "copy").open(NOW)
    assert second.ring.keys.keys() == first.ring.keys.keys()
    assert names(tmp_path / "copy") == before


async def test_no_ring_is_made_beside_a_database_that_knows_one(
    tmp_path: Path, store: SqlStore
) -> None:
    await key_directory(tmp_path, store).open(NOW)
    with pytest.raises(RingMismatch, match="has no `secret`, but the database knows one"):
        await key_directory(tmp_path, store, "elsewhere").open(NOW)
    assert not (tmp_path / "elsewhere").exists()


async def test_a_directory_of_another_database_is_refused(
    tmp_path: Path, store: SqlStore, other_store: SqlStore
) -> None:
    await key_directory(tmp_path, store).open(NOW)
    await key_directory(tmp_path, other_store, "other").open(NOW)
    known = await known_kids(store)
    with pytest.raises(RingMismatch, match="lacks the key"):
        await key_directory(tmp_path, store, "other").open(NOW)
    assert await known_kids(store) == known


async def test_another_secret_is_refused(tmp_path: Path, store: SqlStore) -> None:
    await key_directory(tmp_path, store).open(NOW)
    put(tmp_path / "keys" / "secret", bytes(32))
    with pytest.raises(RingMismatch, match="secret: is not the one that this database knows"):
        await key_directory(tmp_path, store).open(NOW)


async def test_what_is_refused_adds_nothing_to_the_ring(tmp_path: Path, store: SqlStore) -> None:
    """Else the directory that belongs to the database would lack a key from then on."""
    await key_directory(tmp_path, store).open(NOW)
    shutil.copytree(tmp_path / "keys", tmp_path / "wrong")
    put(tmp_path / "wrong" / "secret", bytes(32))
    put_key(tmp_path / "wrong")
    with pytest.raises(RingMismatch):
        await key_directory(tmp_path, store, "wrong").open(NOW)
    await key_directory(tmp_path, store).open(NOW)


async def test_a_directory_that_lacks_a_key_is_refused_until_that_key_is_over(
    tmp_path: Path, store: SqlStore
) -> None:
    await key_directory(tmp_path, store).open(NOW)
    path = put_key(tmp_path / "keys", sign_until=NOW + DAY, publish_until=NOW + 2 * DAY)
    await key_directory(tmp_path, store).open(NOW)
    path.unlink()
    with pytest.raises(RingMismatch, match=f"lacks the key {kid_of(RSA)}, which is still in use"):
        await key_directory(tmp_path, store).open(NOW + 2 * DAY - 1)
    opened = await key_directory(tmp_path, store).open(NOW + 2 * DAY)
    assert kid_of(RSA) not in opened.ring.keys


async def test_a_key_put_there_by_hand_is_published_first_and_signs_later(
    tmp_path: Path, store: SqlStore
) -> None:
    before = await key_directory(tmp_path, store).open(NOW)
    put_key(tmp_path / "keys")
    opened = await key_directory(tmp_path, store).open(NOW)
    kid = kid_of(RSA)
    assert opened.ring.keys[kid].state(NOW) is KeyState.NEXT
    assert kid in {key["kid"] for key in opened.ring.jwks(NOW)["keys"]}
    assert signing_kid(opened, NOW + AHEAD - 1) == signing_kid(before, NOW)
    assert signing_kid(opened, NOW + AHEAD) == kid


async def test_all_replicas_agree_when_a_key_without_dates_signs(
    tmp_path: Path, store: SqlStore
) -> None:
    """Whoever saw it first says so, also after a restart."""
    await key_directory(tmp_path, store).open(NOW)
    put_key(tmp_path / "keys")
    await key_directory(tmp_path, store).open(NOW)
    later = await key_directory(tmp_path, store).open(NOW + AHEAD // 2)
    assert later.ring.keys[kid_of(RSA)].not_before == NOW + AHEAD


async def test_dates_beside_a_key_are_those_that_count(tmp_path: Path, store: SqlStore) -> None:
    await key_directory(tmp_path, store).open(NOW)
    put_key(tmp_path / "keys", not_before=NOW + 5)
    opened = await key_directory(tmp_path, store).open(NOW)
    assert signing_kid(opened, NOW + 4) != kid_of(RSA)
    assert signing_kid(opened, NOW + 5) == kid_of(RSA)


async def test_a_cookie_key_is_never_published(tmp_path: Path, store: SqlStore) -> None:
    opened = await key_directory(tmp_path, store).open(NOW)
    published = {key["kid"] for key in opened.ring.jwks(NOW)["keys"]}
    assert published == {signing_kid(opened, NOW)}
    assert signing_kid(opened, NOW, Purpose.COOKIE) not in published


async def test_a_broken_key_file_is_refused_and_remembered_by_nobody(
    tmp_path: Path, store: SqlStore
) -> None:
    await key_directory(tmp_path, store).open(NOW)
    known = await known_kids(store)
    put(tmp_path / "keys" / "broken.pem", b"")
    put_key(tmp_path / "keys")
    with pytest.raises(DocumentInvalid, match=r"broken\.pem"):
        await key_directory(tmp_path, store).open(NOW)
    assert await known_kids(store) == known


@pytest.mark.parametrize("name", ["new.pem", "new.json", "secret"])
async def test_the_directory_looks_changed_when_a_file_comes_or_goes(
    tmp_path: Path, store: SqlStore, name: str
) -> None:
    keys = key_directory(tmp_path, store)
    await keys.open(NOW)
    before = keys.sign()
    path = tmp_path / "keys" / name
    if path.exists():
        path.unlink()
    else:
        put(path, b"new")
    assert keys.sign() != before


async def test_the_directory_does_not_look_changed_for_a_draft(
    tmp_path: Path, store: SqlStore
) -> None:
    keys = key_directory(tmp_path, store)
    await keys.open(NOW)
    before = keys.sign()
    put(tmp_path / "keys" / ".new.pem.0badcafe", b"half")
    assert keys.sign() == before


async def test_a_directory_that_went_away_looks_changed(tmp_path: Path, store: SqlStore) -> None:
    keys = key_directory(tmp_path, store)
    await keys.open(NOW)
    (tmp_path / "keys").rename(tmp_path / "gone")
    assert keys.sign() == ()
    with pytest.raises(RingMismatch):
        await keys.open(NOW)


async def test_a_directory_that_was_closed_looks_changed(tmp_path: Path, store: SqlStore) -> None:
    keys = key_directory(tmp_path, store)
    await keys.open(NOW)
    (tmp_path / "keys").chmod(0)
    with unprivileged():
        assert keys.sign() == ()


async def test_what_a_ring_has_otherwise_than_the_one_before_is_told_by_kid_and_state(
    tmp_path: Path, store: SqlStore
) -> None:
    keys = key_directory(tmp_path, store)
    before = (await keys.open(NOW)).ring
    assert describe_ring(before, before, NOW) == {"keys": 2}
    put_key(tmp_path / "keys")
    token, cookie = (signing_kid(OpenedRing(before, b""), NOW, each) for each in Purpose)
    come = (await keys.open(NOW)).ring
    changed = KeyRing.of(each for each in come.keys.values() if each.kid != cookie)
    changed = changed.revoking(lambda kid: kid == token)
    told = describe_ring(before, changed, NOW)
    lines = told.pop("changed")
    assert isinstance(lines, list)
    assert told == {"keys": 2}
    assert set(lines) == {f"{token} revoked", f"{kid_of(RSA)} next", f"{cookie} gone"}


async def test_the_keys_derived_from_the_secret_tell_nothing_of_each_other(
    tmp_path: Path, store: SqlStore
) -> None:
    secret = (await key_directory(tmp_path, store).open(NOW)).secret
    derived = {derive_key(secret, use) for use in ("refresh tokens", "csrf", "")}
    assert len(derived | {secret}) == 4
    assert {len(key) for key in derived} == {32}


async def test_the_secret_does_not_show_in_what_is_printed(tmp_path: Path, store: SqlStore) -> None:
    opened = await key_directory(tmp_path, store).open(NOW)
    other = replace(opened, secret=bytes(32))
    assert repr(other) == repr(opened)
    assert len(read_keys(tmp_path / "keys")) == 2
