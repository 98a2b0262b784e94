"""The files of the key directory, read: `NAME.pem` (PKCS#8), `NAME.json` with dates, `secret`."""

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from sidecar.core.keyring import (
    LARGEST_RSA_BITS,
    SMALLEST_RSA_BITS,
    Key,
    KeyDates,
    PrivateKey,
    find_algorithm,
    thumbprint,
)
from sidecar.core.token import is_pair
from sidecar.errors import DocumentInvalid
from sidecar.schemas.keys import parse_key_dates

SECRET_OCTETS: Final = 32
LARGEST_FILE: Final = 32_768  # octets; a PEM file of 8192 bits has 6.5 kB
LONGEST_PASSPHRASE: Final = 1023  # octets; OpenSSL takes no longer one
MOST_KEYS: Final = 256  # reading one takes 0.3 ms
# What a private file is too open for, the worst first. Its group may read it: so Kubernetes has it.
OPEN_TO: Final = {
    stat.S_IROTH: "others may read it",
    stat.S_IWOTH: "others may write it",
    stat.S_IXOTH: "others may execute it",
    stat.S_IWGRP: "its group may write it",
}
PLAIN: Final = b"-----BEGIN PRIVATE KEY-----"
ENCRYPTED: Final = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"


@dataclass(frozen=True, slots=True)
class Passphrase:
    """What private keys are encrypted with, and the file that holds it."""

    octets: bytes = field(repr=False)
    path: Path


@dataclass(frozen=True, slots=True)
class KeyFile:
    """One key as it lies in the directory; `dates` is None where no JSON file is beside it."""

    kid: str
    path: Path
    private: PrivateKey = field(repr=False)
    dates: KeyDates | None

    @property
    def public_pem(self) -> str:
        """The public half, SubjectPublicKeyInfo."""
        octets = self.private.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )
        return octets.decode("ascii")

    def with_dates(self, dates: KeyDates, *, revoked: bool = False) -> Key:
        """Return the key with these dates."""
        return Key(
            kid=self.kid,
            purpose=dates.purpose,
            public=self.private.public_key(),
            private=self.private,
            not_before=dates.not_before,
            sign_until=dates.sign_until,
            publish_until=dates.publish_until,
            revoked=revoked,
        )


def list_files(directory: Path) -> list[Path]:
    """Return what lies in the directory, without drafts and what else is hidden. Raises OSError."""
    try:
        return sorted(path for path in directory.iterdir() if not path.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return []


def read_keys(directory: Path, passphrase: Passphrase | None = None) -> tuple[KeyFile, ...]:
    """Return the keys of the directory. Raises DocumentInvalid with a line for each wrong file."""
    try:
        _refuse_strangers(directory)
        paths = [path for path in list_files(directory) if path.suffix == ".pem"]
    except OSError as error:
        raise DocumentInvalid((f"{directory}: {error.strerror}",)) from None
    if len(paths) > MOST_KEYS:
        raise DocumentInvalid((f"{directory}: more than {MOST_KEYS} keys",))
    keys: dict[str, KeyFile] = {}
    problems: list[str] = []
    for path in paths:
        try:
            key = _read_key(path, passphrase)
        except DocumentInvalid as error:
            problems.extend(error.problems)
            continue
        if key.kid in keys:  # a copy may have other dates, and one of the two would win by chance
            problems.append(f"{path}: is the same key as {keys[key.kid].path.name}; remove one")
        keys[key.kid] = key
    if problems:
        raise DocumentInvalid(tuple(problems))
    return tuple(keys.values())


def _refuse_strangers(directory: Path) -> None:
    """Refuse a directory where others could put a key of their own. Raises OSError.

    A sticky one is no better: whoever adds a key need not replace one. Kubernetes mounts a Secret
    with such a mode, but so that nobody writes there.
    """
    try:
        mode = directory.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return
    if mode & stat.S_IWOTH and os.access(directory, os.W_OK):
        raise DocumentInvalid((f"{directory}: others may write here; `chmod o-w` it",))


def read_secret(directory: Path) -> bytes | None:
    """Return the symmetric secret, None where there is none. Raises DocumentInvalid."""
    path = directory / "secret"
    octets = _find(path, private=True)
    if octets is not None and len(octets) != SECRET_OCTETS:
        raise DocumentInvalid((f"{path}: has {len(octets)} octets, not {SECRET_OCTETS}",))
    return octets


def read_passphrase(path: Path | None) -> Passphrase | None:
    """Return the one line of a passphrase file, None for None. Raises DocumentInvalid."""
    if path is None:
        return None
    octets = _find(path, private=True)
    if octets is None:
        raise DocumentInvalid((f"{path}: there is no such file (keys.passphrase_file)",))
    line = octets.removesuffix(b"\n").removesuffix(b"\r")
    if not line or b"\n" in line or len(line) > LONGEST_PASSPHRASE:
        raise DocumentInvalid(
            (f"{path}: must be one line of 1 to {LONGEST_PASSPHRASE} octets, the passphrase",)
        )
    return Passphrase(line, path)


def _read_key(path: Path, passphrase: Passphrase | None) -> KeyFile:
    private = _load(path, _find(path, private=True) or b"", passphrase)
    beside = path.with_suffix(".json")
    written = _find(beside)
    dates = None if written is None else parse_key_dates(written, str(beside))
    return KeyFile(thumbprint(private.public_key()), path, private, dates)


def _load(path: Path, octets: bytes, passphrase: Passphrase | None) -> PrivateKey:
    password = None
    problem = "is not a private key that can be read"
    if ENCRYPTED in octets:
        if passphrase is None:
            raise DocumentInvalid((f"{path}: is encrypted, and keys.passphrase_file is not set",))
        password = passphrase.octets
        problem = f"is nothing that the passphrase of {passphrase.path} decrypts"
    elif PLAIN not in octets:
        raise DocumentInvalid((f"{path}: is not a PKCS#8 private key (PEM)",))
    try:
        # To prove that the factors are primes would hold up every request for 35 ms. That the pair
        # signs what it verifies is seen in 0.3 ms.
        private = load_pem_private_key(octets, password, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise DocumentInvalid((f"{path}: {problem}",)) from None
    public = private.public_key()
    alg = find_algorithm(public)
    if alg is None and isinstance(public, RSAPublicKey):
        limits = f"{SMALLEST_RSA_BITS} to {LARGEST_RSA_BITS}"
        raise DocumentInvalid((f"{path}: has {public.key_size} bits, not {limits}",))
    if alg is None or not isinstance(private, PrivateKey):
        raise DocumentInvalid((f"{path}: is not an RSA, P-256 or Ed25519 key",))
    if not is_pair(private, alg):
        raise DocumentInvalid((f"{path}: does not sign what its public half verifies",))
    return private


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
    problem = next((text for bit, text in OPEN_TO.items() if private and mode & bit), None)
    if problem is not None:
        raise DocumentInvalid((f"{path}: {problem}; `chmod 600` it",))
    return octets


def _open_at_once(path: str, flags: int) -> int:
    """Open a file without waiting for who writes into a pipe."""
    return os.open(path, flags | os.O_NONBLOCK)
