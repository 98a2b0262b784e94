"""Key directories as operators make them, well and badly."""

import json
import os
import pwd
from base64 import encodebytes
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from sidecar.core.keyring import PrivateKey, Purpose, thumbprint
from sidecar.core.turn import Schedule
from sidecar.sources.keyfiles import Passphrase
from sidecar.sources.keywriter import make_missing

NOW = 1_800_000_000
DAY = 86_400
EVERY = 90 * DAY
AHEAD = 600  # seconds between publishing a key and signing with it
SCHEDULES = {
    Purpose.TOKEN: Schedule(EVERY, AHEAD, 700),
    Purpose.COOKIE: Schedule(EVERY, AHEAD, 30 * DAY),
}

# Of a private file: what is said of one that is too open, and what is taken.
OPEN_MODES = {
    0o604: "others may read it",
    0o644: "others may read it",
    0o666: "others may read it",
    0o602: "others may write it",
    0o622: "others may write it",
    0o601: "others may execute it",
    0o620: "its group may write it",
    0o660: "its group may write it",
}
PRIVATE_MODES = (0o400, 0o600, 0o640, 0o440)

# Made once: what a test asks of a key is never its secrecy.
RSA = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
OTHER_RSA = rsa.generate_private_key(public_exponent=65_537, key_size=2048)


def pkcs8(key: PrivateKeyTypes, encryption: KeySerializationEncryption | None = None) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())


def pkcs1(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def public_half(key: PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def encrypted(key: PrivateKey, passphrase: bytes = b"a passphrase") -> bytes:
    return pkcs8(key, BestAvailableEncryption(passphrase))


def small_key(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=bits)


def elliptic_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def with_modulus(key: rsa.RSAPrivateKey, flipped: int) -> bytes:
    """Return a key whose public half is another: some bits of its modulus are flipped."""
    modulus = key.public_key().public_numbers().n
    der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    other = der.replace(modulus.to_bytes(256), (modulus ^ flipped).to_bytes(256))
    body = encodebytes(other).decode()
    return f"-----BEGIN PRIVATE KEY-----\n{body}-----END PRIVATE KEY-----\n".encode()


def make_first(directory: Path, now: int = NOW, passphrase: Passphrase | None = None) -> None:
    """Make what a first start makes."""
    make_missing(directory, now, SCHEDULES, passphrase)


def kid_of(key: PrivateKey) -> str:
    return thumbprint(key.public_key())


def put(path: Path, octets: bytes, mode: int = 0o600) -> Path:
    """Put a file there whole and with its mode: who watches sees it in no other state."""
    draft = path.with_name(f".{path.name}.draft")
    draft.write_bytes(octets)
    draft.chmod(mode)
    return draft.replace(path)


def put_key(directory: Path, key: PrivateKey = RSA, name: str = "mine", **dates: object) -> Path:
    """Put a key there by hand, with a JSON file beside it where dates are given."""
    if dates:
        members = {
            "purpose": "token",
            "not_before": NOW,
            "sign_until": NOW + DAY,
            "publish_until": NOW + 2 * DAY,
        }
        put(directory / f"{name}.json", json.dumps(members | dates).encode())
    return put(directory / f"{name}.pem", pkcs8(key))


def names(directory: Path) -> set[str]:
    return set(os.listdir(directory))  # noqa: PTH208 - with hidden files, as `ls -A`


@contextmanager
def unprivileged() -> Iterator[None]:
    """Be nobody for the length of the block: root may read everything."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(pwd.getpwnam("nobody").pw_uid)
    try:
        yield
    finally:
        os.seteuid(user)
