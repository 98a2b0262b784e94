"""Key directories as operators make them, well and badly."""

import json
import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from sidecar.core.keyring import thumbprint

NOW = 1_800_000_000
DAY = 86_400

# Made once: what a test asks of a key is never its secrecy.
RSA = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
OTHER_RSA = rsa.generate_private_key(public_exponent=65_537, key_size=2048)


def pkcs8(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
    encryption: KeySerializationEncryption | None = None,
) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())


def pkcs1(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def public_half(key: rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def encrypted(key: rsa.RSAPrivateKey) -> bytes:
    return pkcs8(key, BestAvailableEncryption(b"a passphrase"))


def small_key(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=bits)


def elliptic_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def kid_of(key: rsa.RSAPrivateKey) -> str:
    return thumbprint(key.public_key())


def put(path: Path, octets: bytes, mode: int = 0o600) -> Path:
    """Put a file there whole and with its mode: who watches sees it in no other state."""
    draft = path.with_name(f".{path.name}.draft")
    draft.write_bytes(octets)
    draft.chmod(mode)
    return draft.replace(path)


def put_key(
    directory: Path, key: rsa.RSAPrivateKey = RSA, name: str = "mine", **dates: object
) -> Path:
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
