"""Private keys that are encrypted at rest, and the file with what decrypts them."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption

from sidecar.core.keyring import Algorithm, PrivateKey, find_algorithm
from sidecar.errors import DocumentInvalid
from sidecar.sources.keyfiles import (
    ENCRYPTED,
    LARGEST_FILE,
    LONGEST_PASSPHRASE,
    Passphrase,
    read_keys,
    read_passphrase,
)
from tests.sources.keydirs import (
    OPEN_MODES,
    OTHER_RSA,
    PRIVATE_MODES,
    RSA,
    elliptic_key,
    encrypted,
    kid_of,
    make_first,
    pkcs8,
    put,
)

GOOD_KEYS = (RSA, elliptic_key(), ed25519.Ed25519PrivateKey.generate())
PASSPHRASE = Passphrase(b"a passphrase", Path("/run/secrets/passphrase"))
WRONG_PASSPHRASES = (b"another", b"a passphrase ", b"A passphrase", b"\xff", b"x" * 1023)


@pytest.mark.parametrize("key", GOOD_KEYS, ids=["RSA", "P-256", "Ed25519"])
def test_a_key_of_each_type_is_read_plain_and_encrypted(tmp_path: Path, key: PrivateKey) -> None:
    put(tmp_path / "mine.pem", pkcs8(key))
    assert [file.kid for file in read_keys(tmp_path)] == [kid_of(key)]
    put(tmp_path / "mine.pem", encrypted(key))
    assert [file.kid for file in read_keys(tmp_path, PASSPHRASE)] == [kid_of(key)]


def test_encrypted_keys_and_plain_ones_lie_side_by_side(tmp_path: Path) -> None:
    put(tmp_path / "a.pem", pkcs8(RSA))
    put(tmp_path / "b.pem", encrypted(OTHER_RSA))
    assert {file.kid for file in read_keys(tmp_path, PASSPHRASE)} == {
        kid_of(RSA),
        kid_of(OTHER_RSA),
    }


@pytest.mark.parametrize("octets", WRONG_PASSPHRASES)
def test_a_wrong_passphrase_is_one_line_with_both_files(tmp_path: Path, octets: bytes) -> None:
    path = put(tmp_path / "mine.pem", encrypted(RSA))
    with pytest.raises(DocumentInvalid) as raised:
        read_keys(tmp_path, Passphrase(octets, PASSPHRASE.path))
    assert raised.value.problems == (
        f"{path}: is nothing that the passphrase of {PASSPHRASE.path} decrypts",
    )


def test_an_encrypted_key_of_another_type_is_refused_too(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    put(tmp_path / "mine.pem", pkcs8(key, BestAvailableEncryption(PASSPHRASE.octets)))
    with pytest.raises(DocumentInvalid, match="is not an RSA, P-256 or Ed25519 key"):
        read_keys(tmp_path, PASSPHRASE)


@pytest.mark.parametrize(
    ("octets", "line"),
    [
        (b"a passphrase", b"a passphrase"),
        (b"a passphrase\n", b"a passphrase"),
        (b"a passphrase\r\n", b"a passphrase"),
        (b" with spaces \n", b" with spaces "),
        (b"\xff\xfe", b"\xff\xfe"),
        (b"x" * LONGEST_PASSPHRASE + b"\n", b"x" * LONGEST_PASSPHRASE),
    ],
)
def test_the_passphrase_is_the_one_line_of_its_file(
    tmp_path: Path, octets: bytes, line: bytes
) -> None:
    passphrase = read_passphrase(put(tmp_path / "passphrase", octets))
    assert passphrase is not None
    assert passphrase.octets == line
    assert "octets" not in repr(passphrase)


@pytest.mark.parametrize(
    "octets",
    [b"", b"\n", b"\r\n", b"two\nlines", b"one\n\n", b"x" * (LONGEST_PASSPHRASE + 1)],
)
def test_a_passphrase_file_that_is_not_one_line_is_refused(tmp_path: Path, octets: bytes) -> None:
    path = put(tmp_path / "passphrase", octets)
    with pytest.raises(DocumentInvalid) as raised:
        read_passphrase(path)
    assert raised.value.problems == (
        f"{path}: must be one line of 1 to {LONGEST_PASSPHRASE} octets, the passphrase",
    )


@pytest.mark.parametrize("mode", OPEN_MODES, ids=oct)
def test_a_passphrase_that_others_may_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    path = put(tmp_path / "passphrase", b"a passphrase", mode)
    with pytest.raises(DocumentInvalid) as raised:
        read_passphrase(path)
    assert raised.value.problems == (f"{path}: {OPEN_MODES[mode]}; `chmod 600` it",)


@pytest.mark.parametrize("mode", PRIVATE_MODES, ids=oct)
def test_a_passphrase_that_its_group_may_read_is_taken_as_a_key_is(
    tmp_path: Path, mode: int
) -> None:
    assert read_passphrase(put(tmp_path / "passphrase", b"a passphrase", mode)) is not None


def test_a_passphrase_file_that_is_missing_a_folder_or_too_large_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    put(tmp_path / "large", b"x" * (LARGEST_FILE + 1))
    for name, problem in (
        ("missing", "there is no such file (keys.passphrase_file)"),
        ("folder", "Is a directory"),
        ("large", f"is larger than {LARGEST_FILE} octets"),
    ):
        with pytest.raises(DocumentInvalid) as raised:
            read_passphrase(tmp_path / name)
        assert raised.value.problems == (f"{tmp_path / name}: {problem}",)


def test_no_passphrase_file_is_no_passphrase() -> None:
    assert read_passphrase(None) is None


def test_where_there_is_a_passphrase_what_is_made_is_encrypted(tmp_path: Path) -> None:
    make_first(tmp_path, passphrase=PASSPHRASE)
    assert all(ENCRYPTED in path.read_bytes() for path in tmp_path.glob("*.pem"))
    keys = read_keys(tmp_path, PASSPHRASE)
    assert {find_algorithm(key.private.public_key()) for key in keys} == {Algorithm.RS256}
    with pytest.raises(DocumentInvalid, match="is encrypted"):
        read_keys(tmp_path)
