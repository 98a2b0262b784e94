"""The first start: what is missing is made, private and whole, by one process and once."""

import os
import stat
import threading
from pathlib import Path

import pytest

from sidecar.core.keyring import Algorithm, Purpose, find_algorithm
from sidecar.errors import DocumentInvalid
from sidecar.sources.keyfiles import SECRET_OCTETS, read_keys, read_secret
from tests.sources.keydirs import NOW, RSA, make_first, names, pkcs8, put

HALF = len(pkcs8(RSA)) // 2


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_first_start_makes_a_key_for_each_purpose_and_a_secret(tmp_path: Path) -> None:
    make_first(tmp_path / "keys")
    keys = read_keys(tmp_path / "keys")
    made = {key.dates.purpose: key.dates for key in keys if key.dates is not None}
    assert set(made) == set(Purpose)
    assert all(dates.not_before == NOW for dates in made.values())
    assert {find_algorithm(key.private.public_key()) for key in keys} == {Algorithm.RS256}
    secret = read_secret(tmp_path / "keys")
    assert secret is not None
    assert len(secret) == SECRET_OCTETS


def test_what_the_first_start_makes_is_for_nobody_else_to_read(tmp_path: Path) -> None:
    """Whatever the umask, and the folders above that it had to make."""
    directory = tmp_path / "missing" / "keys"
    umask = os.umask(0)
    try:
        make_first(directory)
    finally:
        os.umask(umask)
    assert mode_of(directory.parent) == 0o700
    assert mode_of(directory) == 0o700
    assert {mode_of(path) for path in directory.glob("[!.]*")} == {0o600}


def test_the_first_start_leaves_no_drafts(tmp_path: Path) -> None:
    make_first(tmp_path / "keys")
    kids = {key.kid for key in read_keys(tmp_path / "keys")}
    files = {f"{kid}.{suffix}" for kid in kids for suffix in ("pem", "json")}
    assert names(tmp_path / "keys") == {".lock", "secret"} | files


def test_a_folder_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    make_first(tmp_path)
    assert mode_of(tmp_path) == 0o750


def test_what_is_there_is_left_and_only_the_rest_is_made(tmp_path: Path) -> None:
    """A first start that was killed between two files goes on where it stopped."""
    make_first(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    cookie = next(
        key for key in read_keys(tmp_path) if key.dates and key.dates.purpose is Purpose.COOKIE
    )
    lost = {f"{cookie.kid}.pem", "secret"}
    for name in lost:
        (tmp_path / name).unlink()
    make_first(tmp_path, NOW + 1)
    after = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert {name: after.get(name) for name in before.keys() - lost} == {
        name: before[name] for name in before.keys() - lost
    }
    assert {key.dates.purpose for key in read_keys(tmp_path) if key.dates} == set(Purpose)
    assert after["secret"] != before["secret"]


def test_a_draft_that_a_killed_start_left_is_no_key(tmp_path: Path) -> None:
    make_first(tmp_path)
    put(tmp_path / ".abc.pem.0badcafe", pkcs8(RSA)[:HALF])
    put(tmp_path / ".#abc.pem", b"an editor's")
    assert len(read_keys(tmp_path)) == 2


def test_a_complete_directory_is_left_alone(tmp_path: Path) -> None:
    """It may be mounted read-only: not even a lock is written there."""
    make_first(tmp_path)
    (tmp_path / ".lock").unlink()
    before, changed_at = names(tmp_path), tmp_path.stat().st_mtime_ns
    make_first(tmp_path, NOW + 1)
    assert names(tmp_path) == before
    assert tmp_path.stat().st_mtime_ns == changed_at


def test_where_nothing_can_be_written_the_first_start_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DocumentInvalid, match="cannot make keys here: Not a directory"):
        make_first(tmp_path / "file" / "keys")


def test_of_several_first_starts_at_once_one_makes_the_ring(tmp_path: Path) -> None:
    barrier = threading.Barrier(4)

    def begin() -> None:
        barrier.wait()
        make_first(tmp_path / "keys")

    starts = [threading.Thread(target=begin) for _ in range(4)]
    for start in starts:
        start.start()
    for start in starts:
        start.join()
    assert len(read_keys(tmp_path / "keys")) == len(Purpose)
