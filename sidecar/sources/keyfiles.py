"""The files of the key directory: `KID.pem` (PKCS#8), `KID.json` with its dates, and `secret`."""

import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from sidecar.core.claims import DAY, LONGEST_LIFE, TokenKind
from sidecar.core.keyring import (
    LARGEST_RSA_BITS,
    SMALLEST_RSA_BITS,
    Key,
    Purpose,
    thumbprint,
)
from sidecar.errors import DocumentInvalid
from sidecar.schemas.keys import KeyDates, dump_key_dates, parse_key_dates

SECRET_OCTETS: Final = 32
LARGEST_FILE: Final = 32_768  # octets; a PEM file of 8192 bits has 6.5 kB
MOST_KEYS: Final = 64
KEY_BITS: Final = 2048
SIGNS_FOR: Final = 3650 * DAY  # until another takes its turn: it must not run out by itself
OPEN_TO_OTHERS: Final = stat.S_IRWXO | stat.S_IWGRP

_TOKENS_OF: Final = {Purpose.TOKEN: TokenKind.ACCESS, Purpose.COOKIE: TokenKind.SESSION}


@dataclass(frozen=True, slots=True)
class KeyFile:
    """One key as it lies in the directory; `dates` is None where no JSON file is beside it."""

    kid: str
    private: rsa.RSAPrivateKey = field(repr=False)
    dates: KeyDates | None

    @property
    def public_pem(self) -> str:
        """The public half, SubjectPublicKeyInfo."""
        octets = self.private.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )
        return octets.decode("ascii")

    def with_dates(self, dates: KeyDates) -> Key:
        """Return the key with these dates."""
        return Key(
            kid=self.kid,
            purpose=dates.purpose,
            public=self.private.public_key(),
            private=self.private,
            not_before=dates.not_before,
            sign_until=dates.sign_until,
            publish_until=dates.publish_until,
        )


def list_files(directory: Path) -> list[Path]:
    """Return what lies in the directory, without drafts and what else is hidden. Raises OSError."""
    try:
        return sorted(path for path in directory.iterdir() if not path.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return []


def read_keys(directory: Path) -> tuple[KeyFile, ...]:
    """Return the keys of the directory. Raises DocumentInvalid with a line for each wrong file."""
    try:
        paths = [path for path in list_files(directory) if path.suffix == ".pem"]
    except OSError as error:
        raise DocumentInvalid((f"{directory}: {error.strerror}",)) from None
    if len(paths) > MOST_KEYS:
        raise DocumentInvalid((f"{directory}: more than {MOST_KEYS} keys",))
    keys: dict[str, KeyFile] = {}
    names: dict[str, str] = {}
    problems: list[str] = []
    for path in paths:
        try:
            key = _read_key(path)
        except DocumentInvalid as error:
            problems.extend(error.problems)
            continue
        if key.kid in keys:  # a copy may have other dates, and one of the two would win by chance
            problems.append(f"{path}: is the same key as {names[key.kid]}; remove one")
        keys[key.kid], names[key.kid] = key, path.name
    if problems:
        raise DocumentInvalid(tuple(problems))
    return tuple(keys.values())


def read_secret(directory: Path) -> bytes | None:
    """Return the symmetric secret, None where there is none. Raises DocumentInvalid."""
    path = directory / "secret"
    octets = _find(path, private=True)
    if octets is not None and len(octets) != SECRET_OCTETS:
        raise DocumentInvalid((f"{path}: has {len(octets)} octets, not {SECRET_OCTETS}",))
    return octets


def _read_key(path: Path) -> KeyFile:
    octets = _find(path, private=True) or b""
    if b"-----BEGIN PRIVATE KEY-----" not in octets:
        raise DocumentInvalid((f"{path}: is not an unencrypted PKCS#8 private key (PEM)",))
    try:
        key = load_pem_private_key(octets, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise DocumentInvalid((f"{path}: is not a private key that can be read",)) from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise DocumentInvalid((f"{path}: is not an RSA key",))
    if not SMALLEST_RSA_BITS <= key.key_size <= LARGEST_RSA_BITS:
        raise DocumentInvalid(
            (f"{path}: has {key.key_size} bits, not {SMALLEST_RSA_BITS} to {LARGEST_RSA_BITS}",)
        )
    beside = path.with_suffix(".json")
    written = _find(beside)
    dates = None if written is None else parse_key_dates(written, str(beside))
    return KeyFile(thumbprint(key.public_key()), key, dates)


def _find(path: Path, *, private: bool = False) -> bytes | None:
    """Return what a file holds, None where there is none. Raises DocumentInvalid."""
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            mode = os.fstat(file.fileno()).st_mode
            octets = file.read(LARGEST_FILE + 1) if stat.S_ISREG(mode) else None
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise DocumentInvalid((f"{path}: {error.strerror}",)) from None
    if octets is None:
        raise DocumentInvalid((f"{path}: is no file",))
    if len(octets) > LARGEST_FILE:
        raise DocumentInvalid((f"{path}: is larger than {LARGEST_FILE} octets",))
    if private and mode & OPEN_TO_OTHERS:
        raise DocumentInvalid((f"{path}: others may read it; `chmod 600` it",))
    return octets


def _open_at_once(path: str, flags: int) -> int:
    """Open a file without waiting for who writes into a pipe."""
    return os.open(path, flags | os.O_NONBLOCK)


def make_missing(directory: Path, now: int) -> None:
    """Make what the first start lacks: a token key, a cookie key, `secret`. Raises DocumentInvalid.

    Each file is written whole or not at all, and of several processes that start at once one makes
    them. A complete directory is only read: it may be mounted so.
    """
    if not any(_find_missing(directory)):
        return
    try:
        _make_folders(directory)
        with _locked(directory):
            purposes, secret = _find_missing(directory)
            for purpose in purposes:
                _make_key(directory, purpose, now)
            if secret:
                _write(directory / "secret", secrets.token_bytes(SECRET_OCTETS))
    except OSError as error:
        raise DocumentInvalid((f"{directory}: cannot make keys here: {error.strerror}",)) from None


def _find_missing(directory: Path) -> tuple[list[Purpose], bool]:
    """Return the purposes that no key has, and whether `secret` is missing."""
    present = {key.dates.purpose if key.dates else Purpose.TOKEN for key in read_keys(directory)}
    return [each for each in Purpose if each not in present], read_secret(directory) is None


def _make_folders(directory: Path) -> None:
    for folder in reversed((directory, *directory.parents)):
        if not folder.exists():
            folder.mkdir(mode=0o700, exist_ok=True)


def _make_key(directory: Path, purpose: Purpose, now: int) -> None:
    private = rsa.generate_private_key(public_exponent=65_537, key_size=KEY_BITS)
    kid = thumbprint(private.public_key())
    sign_until = now + SIGNS_FOR
    publish_until = sign_until + LONGEST_LIFE[_TOKENS_OF[purpose]] + DAY
    dates = KeyDates(purpose, now, sign_until, publish_until)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    # The dates first: a PEM file is a key as soon as it is there.
    _write(directory / f"{kid}.json", dump_key_dates(dates))
    _write(directory / f"{kid}.pem", pem)


def _write(path: Path, octets: bytes) -> None:
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


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Hold the directory's lock; the kernel gives it back if this process dies."""
    file = os.open(directory / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)
