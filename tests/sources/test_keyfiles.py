"""The files of the key directory: private, whole or not at all, and judged before they are used."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, x25519

from sidecar.errors import DocumentInvalid
from sidecar.sources.keyfiles import (
    LARGEST_FILE,
    MOST_KEYS,
    SECRET_OCTETS,
    read_keys,
    read_secret,
)
from tests.sources.keydirs import (
    NOW,
    OPEN_MODES,
    OTHER_RSA,
    PRIVATE_MODES,
    RSA,
    elliptic_key,
    encrypted,
    kid_of,
    make_first,
    pkcs1,
    pkcs8,
    public_half,
    put,
    put_key,
    small_key,
    unprivileged,
    with_modulus,
)

HALF = len(pkcs8(RSA)) // 2
NOT_PKCS8 = "is not a PKCS#8 private key (PEM)"
UNREADABLE = "is not a private key that can be read"
OTHER_TYPE = "is not an RSA, P-256 or Ed25519 key"
WRONG_FILES = (
    ("empty", b"", NOT_PKCS8),
    ("garbage", b"\xff\xfe\x00", NOT_PKCS8),
    ("truncated", pkcs8(RSA)[:HALF], UNREADABLE),
    ("its end cut", pkcs8(RSA)[:-30], UNREADABLE),
    ("one octet changed", pkcs8(RSA).replace(b"\n", b"\n!", 1), UNREADABLE),
    ("PKCS#1", pkcs1(RSA), NOT_PKCS8),
    ("the public half", public_half(RSA), NOT_PKCS8),
    ("the public half, said to be private",
     public_half(RSA).replace(b"PUBLIC", b"PRIVATE"), UNREADABLE),
    ("the public half of an elliptic key", public_half(elliptic_key()), NOT_PKCS8),
    ("P-384", pkcs8(ec.generate_private_key(ec.SECP384R1())), OTHER_TYPE),
    ("P-521", pkcs8(ec.generate_private_key(ec.SECP521R1())), OTHER_TYPE),
    ("secp256k1", pkcs8(ec.generate_private_key(ec.SECP256K1())), OTHER_TYPE),
    ("DSA", pkcs8(dsa.generate_private_key(2048)), OTHER_TYPE),
    ("X25519", pkcs8(x25519.X25519PrivateKey.generate()), OTHER_TYPE),
    ("Ed448", pkcs8(ed448.Ed448PrivateKey.generate()), OTHER_TYPE),
    ("too small", pkcs8(small_key(1024)), "has 1024 bits, not 2048 to 8192"),
    ("just too small", pkcs8(small_key(2040)), "has 2040 bits, not 2048 to 8192"),
    ("another modulus", with_modulus(RSA, 1 << 100), "does not sign what its public half verifies"),
    ("encrypted, without a passphrase",
     encrypted(RSA), "is encrypted, and keys.passphrase_file is not set"),
    ("too large a file", pkcs8(RSA).ljust(LARGEST_FILE + 1), f"is larger than {LARGEST_FILE}"),
)  # fmt: skip
WRONG_DATES = (
    ("not JSON", b"{", "is not JSON"),
    ("not UTF-8", b'"\xff"', "is not JSON"),
    ("nested without end", b"[" * 20_000, "is not JSON"),
    ("a list", b"[]", "is not a JSON object"),
    ("empty", b"{}", "not_before"),
    ("a date without a zone", b'{"not_before": "2030-01-31T12:00:00"}', "not_before"),
    ("a member too many", b'{"colour": "red"}', "colour"),
    ("too large", b" " * (LARGEST_FILE + 1), f"is larger than {LARGEST_FILE}"),
)


def problems_of(directory: Path) -> tuple[str, ...]:
    with pytest.raises(DocumentInvalid) as raised:
        read_keys(directory)
    return raised.value.problems


@pytest.mark.parametrize(
    ("octets", "problem"), [row[1:] for row in WRONG_FILES], ids=[row[0] for row in WRONG_FILES]
)
def test_a_wrong_key_file_is_refused_in_one_line(
    tmp_path: Path, octets: bytes, problem: str
) -> None:
    path = put(tmp_path / "mine.pem", octets)
    (line,) = problems_of(tmp_path)
    assert line.startswith(f"{path}: ")
    assert problem in line


@pytest.mark.parametrize(
    ("octets", "problem"), [row[1:] for row in WRONG_DATES], ids=[row[0] for row in WRONG_DATES]
)
def test_wrong_dates_beside_a_key_are_refused(tmp_path: Path, octets: bytes, problem: str) -> None:
    path = put(put_key(tmp_path).with_suffix(".json"), octets)
    lines = problems_of(tmp_path)
    assert all(line.startswith(f"{path}: ") for line in lines)
    assert any(problem in line for line in lines)


@pytest.mark.parametrize("change", [("sign_until", NOW), ("publish_until", NOW + 1)])
def test_a_key_that_is_published_shorter_than_it_signs_is_refused(
    tmp_path: Path, change: tuple[str, int]
) -> None:
    put_key(tmp_path, RSA, "mine", **dict([change]))
    assert "must be not_before < sign_until <= publish_until" in problems_of(tmp_path)[0]


@pytest.mark.parametrize("mode", OPEN_MODES, ids=oct)
def test_a_key_that_others_may_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    path = put_key(tmp_path)
    path.chmod(mode)
    assert problems_of(tmp_path) == (f"{path}: {OPEN_MODES[mode]}; `chmod 600` it",)


@pytest.mark.parametrize("mode", PRIVATE_MODES, ids=oct)
def test_a_key_that_only_its_owner_and_group_read_is_taken(tmp_path: Path, mode: int) -> None:
    put_key(tmp_path).chmod(mode)
    assert [key.kid for key in read_keys(tmp_path)] == [kid_of(RSA)]


@pytest.mark.parametrize("mode", [0o702, 0o777, 0o1777], ids=oct)
def test_a_directory_where_others_may_put_a_key_is_refused(tmp_path: Path, mode: int) -> None:
    """Also a sticky one: what is put there need not replace anything."""
    make_first(tmp_path / "keys")
    (tmp_path / "keys").chmod(mode)
    assert problems_of(tmp_path / "keys") == (
        f"{tmp_path / 'keys'}: others may write here; `chmod o-w` it",
    )


@pytest.mark.parametrize("mode", [0o700, 0o500, 0o755, 0o770, 0o2775], ids=oct)
def test_a_directory_of_its_owner_and_group_is_taken(tmp_path: Path, mode: int) -> None:
    put_key(tmp_path)
    tmp_path.chmod(mode)
    assert len(read_keys(tmp_path)) == 1


def test_a_directory_that_nobody_can_write_is_taken_whatever_its_mode_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Kubernetes mounts a Secret: read-only, mode 1777."""
    put_key(tmp_path)
    tmp_path.chmod(0o1777)
    monkeypatch.setattr(os, "access", lambda path, mode: (path, mode) != (tmp_path, os.W_OK))
    assert len(read_keys(tmp_path)) == 1


def test_every_wrong_file_is_told_at_once(tmp_path: Path) -> None:
    put(tmp_path / "a.pem", b"")
    put_key(tmp_path, name="b")
    put(tmp_path / "c.pem", pkcs1(RSA))
    assert len(problems_of(tmp_path)) == 2


def test_one_key_under_two_names_is_refused(tmp_path: Path) -> None:
    """A copy kept beside it has one `kid`, but may have other dates."""
    put_key(tmp_path, name="backup")
    path = put_key(tmp_path, name="mine")
    assert problems_of(tmp_path) == (f"{path}: is the same key as backup.pem; remove one",)


def test_as_many_keys_as_a_ring_may_have_are_taken_and_one_more_is_not(tmp_path: Path) -> None:
    for number in range(MOST_KEYS):
        put(tmp_path / f"{number}.pem", b"")
    put(tmp_path / "one-too-many.pem", b"")
    assert problems_of(tmp_path) == (f"{tmp_path}: more than {MOST_KEYS} keys",)
    (tmp_path / "one-too-many.pem").unlink()
    assert len(problems_of(tmp_path)) == MOST_KEYS


def test_a_key_that_cannot_be_opened_is_told_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "mine.pem").mkdir()
    (line,) = problems_of(tmp_path)
    assert line == f"{tmp_path / 'mine.pem'}: Is a directory"


@pytest.mark.parametrize("name", ["x.pem", "x.json", "secret"])
def test_a_pipe_in_place_of_a_file_holds_nobody_up(tmp_path: Path, name: str) -> None:
    make_first(tmp_path)
    put(tmp_path / "x.pem", pkcs8(RSA))
    (tmp_path / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / name)
    with pytest.raises(DocumentInvalid) as raised:
        read_secret(tmp_path) if name == "secret" else read_keys(tmp_path)
    assert raised.value.problems == (f"{tmp_path / name}: is no file",)


def test_keys_are_read_with_the_dates_beside_them(tmp_path: Path) -> None:
    begin, end = "2030-01-31T12:00:00Z", 2_000_000_000
    put_key(tmp_path, name="mine", not_before=begin, sign_until=end, publish_until=end)
    put_key(tmp_path, OTHER_RSA, name="undated")
    dates = {key.kid: key.dates for key in read_keys(tmp_path)}
    mine = dates[kid_of(RSA)]
    assert mine is not None
    assert mine.not_before == 1_896_091_200
    assert dates[kid_of(OTHER_RSA)] is None


@pytest.mark.parametrize("octets", [b"", b"x" * (SECRET_OCTETS - 1), b"x" * (SECRET_OCTETS + 1)])
def test_a_secret_of_another_length_is_refused(tmp_path: Path, octets: bytes) -> None:
    put(tmp_path / "secret", octets)
    with pytest.raises(DocumentInvalid, match=f"has {len(octets)} octets, not {SECRET_OCTETS}"):
        read_secret(tmp_path)


@pytest.mark.parametrize("mode", OPEN_MODES, ids=oct)
def test_a_secret_that_others_may_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    put(tmp_path / "secret", b"x" * SECRET_OCTETS, mode)
    with pytest.raises(DocumentInvalid, match=f"secret: {OPEN_MODES[mode]}; `chmod 600` it"):
        read_secret(tmp_path)


def test_no_secret_is_none(tmp_path: Path) -> None:
    assert read_secret(tmp_path) is None


@pytest.mark.parametrize("read", [read_secret, make_first])
def test_a_directory_that_is_closed_to_the_service_is_refused(
    tmp_path: Path, read: Callable[[Path], object]
) -> None:
    directory = tmp_path / "keys"
    directory.mkdir(mode=0)
    with unprivileged(), pytest.raises(DocumentInvalid, match="Permission denied"):
        read(directory)


def test_neither_key_nor_secret_shows_in_what_is_printed(tmp_path: Path) -> None:
    make_first(tmp_path)
    shown = repr(read_keys(tmp_path))
    assert "PRIVATE" not in shown
    assert "RSAPrivateKey" not in shown
