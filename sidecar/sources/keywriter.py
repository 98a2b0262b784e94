"""The files of the key directory, written: each whole or not at all, by one process at a time."""

import fcntl
import os
import re
import secrets
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from sidecar.core.keyring import Algorithm, Key, PrivateKey, Purpose, thumbprint
from sidecar.core.turn import FILES_KEPT, NewKey, RingTurn, Schedule
from sidecar.errors import DocumentInvalid
from sidecar.schemas.keys import dump_key_dates
from sidecar.sources.keyfiles import (
    MOST_KEYS,
    SECRET_OCTETS,
    KeyFile,
    Passphrase,
    read_keys,
    read_secret,
)

KEY_BITS: Final = 2048
LOCK_PATIENCE: Final = 5.0  # seconds; who holds the lock makes a key or two meanwhile
LOCK_LOOK: Final = 0.02  # seconds between tries
GENERATORS: Final[Mapping[Algorithm, Callable[[], PrivateKey]]] = {
    Algorithm.RS256: lambda: rsa.generate_private_key(public_exponent=65_537, key_size=KEY_BITS),
    Algorithm.ES256: lambda: ec.generate_private_key(ec.SECP256R1()),
    Algorithm.EDDSA: ed25519.Ed25519PrivateKey.generate,
}

_DRAFT: Final = re.compile(r"\.(?:secret|.+\.(?:pem|json))\.[0-9a-f]{8}", re.ASCII)  # of `_write`


def make_missing(
    directory: Path,
    now: int,
    schedules: Mapping[Purpose, Schedule],
    passphrase: Passphrase | None = None,
) -> None:
    """Make what the first start lacks: a token key, a cookie key, `secret`. Raises DocumentInvalid.

    Of several processes that start at once one makes them. A complete directory is only read: it
    may be mounted so.
    """
    if not any(_find_missing(directory, passphrase)):
        return
    with _told(directory):
        _make_folders(directory)
    with locked(directory):
        purposes, secret = _find_missing(directory, passphrase)
        for purpose in purposes:
            dates = schedules[purpose].dates(purpose, now)
            _make_key(directory, NewKey(Algorithm.RS256, dates), passphrase)
        if secret:
            _write(directory / "secret", secrets.token_bytes(SECRET_OCTETS))


def _find_missing(directory: Path, passphrase: Passphrase | None) -> tuple[list[Purpose], bool]:
    """Return the purposes that no key has, and whether `secret` is missing."""
    files = read_keys(directory, passphrase)
    present = {key.dates.purpose if key.dates else Purpose.TOKEN for key in files}
    return [each for each in Purpose if each not in present], read_secret(directory) is None


def _make_folders(directory: Path) -> None:
    for folder in reversed((directory, *directory.parents)):
        if not folder.exists():
            folder.mkdir(mode=0o700, exist_ok=True)


def write_turn(
    directory: Path, turn: RingTurn, files: Sequence[KeyFile], passphrase: Passphrase | None
) -> tuple[Key, ...]:
    """Write what a turn says of the keys in `files`, under the lock; return those that it makes.

    What begins later is written first: who is killed in between leaves two that sign, of which
    every process takes the newer one. Raises OSError, and DocumentInvalid where there would be more
    keys than anybody reads.
    """
    if len(files) + len(turn.make) > MOST_KEYS:
        raise DocumentInvalid((f"{directory}: would have more than {MOST_KEYS} keys",))
    made = tuple(_make_key(directory, each, passphrase) for each in turn.make)
    paths = {each.kid: each.path for each in files}
    for kid in sorted(turn.redate, key=lambda kid: turn.redate[kid].not_before, reverse=True):
        _write(paths[kid].with_suffix(".json"), dump_key_dates(turn.redate[kid]))
    for kid in turn.remove:
        # The dates last: without them it would be a token key that somebody has put there.
        paths[kid].unlink(missing_ok=True)
        paths[kid].with_suffix(".json").unlink(missing_ok=True)
    return made


def find_litter(directory: Path, now: int | None) -> list[Path]:
    """Return what killed writers left: drafts, and dates that have had no key for a day.

    Without the lock, a draft may be somebody's who is still writing. Who puts a key of their own
    there writes its dates first; without `now` they are left. Raises DocumentInvalid.
    """
    with _told(directory):
        return [path for path in directory.iterdir() if _is_litter(path, now)]


def remove_litter(directory: Path, now: int | None) -> None:
    """Remove it, under the lock. Raises OSError."""
    for path in find_litter(directory, now):
        path.unlink()


def _is_litter(path: Path, now: int | None) -> bool:
    try:
        found = path.lstat()
    except FileNotFoundError:  # somebody else has just taken it away
        return False
    if not stat.S_ISREG(found.st_mode):
        return False
    if _DRAFT.fullmatch(path.name):
        return True
    if now is None or path.name.startswith(".") or path.suffix != ".json":
        return False
    return not path.with_suffix(".pem").exists() and now >= found.st_mtime + FILES_KEPT


def _make_key(directory: Path, new: NewKey, passphrase: Passphrase | None) -> Key:
    private = GENERATORS[new.alg]()
    kid = thumbprint(private.public_key())
    encryption = BestAvailableEncryption(passphrase.octets) if passphrase else NoEncryption()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    # The dates first: a PEM file is a key as soon as it is there.
    _write(directory / f"{kid}.json", dump_key_dates(new.dates))
    path = _write(directory / f"{kid}.pem", pem)
    return KeyFile(kid, path, private, new.dates).with_dates(new.dates)


def _write(path: Path, octets: bytes) -> Path:
    """Write a file whole or not at all, mode 0600, and see it on the disk."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return path


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the directory's lock to write there; the kernel gives it back if this process dies.

    Raises DocumentInvalid, also for every OSError within the block.
    """
    with _told(directory):
        file = os.open(directory / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _take(file, directory)
            yield
        finally:
            os.close(file)


def _take(file: int, directory: Path) -> None:
    """Take the lock, which a process that stands still holds for ever. Raises DocumentInvalid."""
    until = time.monotonic() + LOCK_PATIENCE
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise DocumentInvalid((f"{directory}: another process holds its lock",)) from None
            time.sleep(LOCK_LOOK)
        else:
            return


@contextmanager
def _told(directory: Path) -> Iterator[None]:
    """Say in one line why nothing can be written."""
    try:
        yield
    except OSError as error:
        raise DocumentInvalid((f"{directory}: cannot make keys here: {error.strerror}",)) from None
