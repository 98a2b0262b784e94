import sys
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.credentials.hashes import Check, Refused, is_checked_whole, is_dated, read_hash
from sidecar.errors import MissingExtra
from tests.credentials.known import AUTHELIA, HTPASSWD, KNOWN, RFC_7914, WERKZEUG

OURS = (
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA"
    "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)
SALT = "AAAAAAAAAAAAAAAAAAAAAA"  # 16 octets
DIGEST = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"  # 32 octets
HEX = "00" * 64

ABSURD = "has parameters out of bounds, so that a login would cost too much"
BROKEN = "has a salt or digest that cannot be read"
UNKNOWN = "is no hash of a known kind; a password itself is never taken over"


def check_of(encoded: str) -> Check:
    check = read_hash(encoded)
    assert not isinstance(check, Refused), check.reason
    return check


def reason_of(encoded: str) -> str:
    refused = read_hash(encoded)
    assert isinstance(refused, Refused), encoded
    return refused.reason


def argon2(memory: int, passes: int, lanes: int) -> str:
    return f"$argon2id$v=19$m={memory},t={passes},p={lanes}${SALT}${DIGEST}"


def scrypt(n: int, r: int, p: int) -> str:
    return f"scrypt:{n}:{r}:{p}$saltsalt${HEX}"


@pytest.mark.parametrize(("password", "encoded"), KNOWN.values(), ids=KNOWN)
def test_a_hash_of_another_program_knows_its_password(password: str, encoded: str) -> None:
    check = check_of(encoded)
    assert check(password.encode())
    assert not check(password.title().encode() + b"!")
    assert not check(b"")
    assert is_dated(encoded)


def test_ours_is_up_to_date_and_any_other_cost_is_not() -> None:
    assert not is_dated(OURS)
    assert is_dated(argon2(19456, 3, 1))
    assert is_dated(argon2(194560, 2, 1))
    assert is_dated("")


@pytest.mark.parametrize(
    "encoded",
    [
        argon2(262_144, 4, 1),
        argon2(65_536, 16, 16),
        argon2(8, 1, 1),
        argon2(128, 1, 16),
        "$2b$04" + HTPASSWD[6:],
        "$2b$14" + HTPASSWD[6:],
        scrypt(2**18, 8, 1),
        scrypt(2**15, 8, 8),
        scrypt(2**15, 1, 16),
        scrypt(2, 1, 1),
        scrypt(2**15, 64, 1),
        f"$scrypt$ln=18,r=8,p=1${SALT}${DIGEST}",
        f"pbkdf2:sha512:2000000$saltsalt${HEX}",
        f"pbkdf2:sha256:1${'s' * 64}${'00' * 16}",
        f"$pbkdf2-sha512$2000000${SALT}${DIGEST}",
        f"$pbkdf2$1${SALT}${'A' * 27}",
    ],
)
def test_what_is_just_within_the_bounds_is_taken(encoded: str) -> None:
    assert len(encoded) <= 255
    check_of(encoded)


@pytest.mark.parametrize(
    ("encoded", "reason"),
    [
        (argon2(262_145, 1, 1), ABSURD),
        (argon2(262_144, 5, 1), ABSURD),
        (argon2(4096, 17, 1), ABSURD),
        (argon2(4096, 1, 17), ABSURD),
        (argon2(4096, 0, 1), ABSURD),
        (argon2(4096, 1, 0), ABSURD),
        (argon2(7, 1, 1), ABSURD),
        (argon2(127, 1, 16), ABSURD),
        (argon2(999_999_999, 1, 1), ABSURD),
        (argon2(8, 999_999_999, 1), ABSURD),
        (argon2(8, 1, 999_999_999), ABSURD),
        (argon2(4_294_967_296, 1, 1), "is no Argon2id of version 19"),
        ("$2b$03" + HTPASSWD[6:], ABSURD),
        ("$2b$15" + HTPASSWD[6:], ABSURD),
        ("$2b$31" + HTPASSWD[6:], ABSURD),
        ("$2b$99" + HTPASSWD[6:], ABSURD),
        (scrypt(2**18, 8, 2), ABSURD),
        (scrypt(2**19, 8, 1), ABSURD),
        (scrypt(2**16, 1, 1), ABSURD),  # RFC 7914 section 2: N < 2**(128 * r / 8)
        (scrypt(2**15 + 1, 8, 1), ABSURD),
        (scrypt(2**14, 65, 1), ABSURD),
        (scrypt(1024, 8, 17), ABSURD),
        (scrypt(1024, 8, 0), ABSURD),
        (scrypt(1024, 0, 1), ABSURD),
        (scrypt(0, 8, 1), ABSURD),
        (scrypt(1, 8, 1), ABSURD),
        (scrypt(2**29, 1, 1), ABSURD),
        (f"$scrypt$ln=19,r=8,p=1${SALT}${DIGEST}", ABSURD),
        (f"$scrypt$ln=99,r=8,p=1${SALT}${DIGEST}", ABSURD),
        (f"$scrypt$ln=0,r=8,p=1${SALT}${DIGEST}", ABSURD),
        (f"pbkdf2:sha256:2000001$saltsalt${'00' * 32}", ABSURD),
        (f"pbkdf2:sha256:0$saltsalt${'00' * 32}", ABSURD),
        (f"pbkdf2:sha256:999999999$saltsalt${'00' * 32}", ABSURD),
        (f"$pbkdf2-sha512$2000001${SALT}${DIGEST}", ABSURD),
    ],
)
def test_absurd_parameters_are_refused_before_anything_is_computed(
    encoded: str, reason: str
) -> None:
    took = []
    for _ in range(3):
        began = process_time()
        assert reason_of(encoded) == reason
        took.append(process_time() - began)
    assert min(took) < 0.1  # the best, for what else runs only adds


@pytest.mark.parametrize(
    ("encoded", "reason"),
    [
        (f"$argon2id$v=19$m=4096,t=1,p=1$AAAAAAAAAA${DIGEST}", BROKEN),  # 7 octets
        (f"$argon2id$v=19$m=4096,t=1,p=1${'A' * 88}${DIGEST}", BROKEN),  # 66 octets
        (f"$argon2id$v=19$m=4096,t=1,p=1${SALT}$AAAAAAAAAAAAAAAAAAAA", BROKEN),  # 15 octets
        (f"$argon2id$v=19$m=4096,t=1,p=1${SALT[:-1]}${DIGEST}", BROKEN),  # no base64
        (f"$argon2id$v=19$m=4096,t=1,p=1${SALT}==${DIGEST}", "is no Argon2id of version 19"),
        (f"$argon2id$v=16$m=4096,t=1,p=1${SALT}${DIGEST}", "is no Argon2id of version 19"),
        (f"$argon2i$v=19$m=4096,t=1,p=1${SALT}${DIGEST}", "is no Argon2id of version 19"),
        (f"$pbkdf2-sha256$1000${SALT}${'A' * 44}", BROKEN),  # more than SHA-256 gives at once
        (f"$pbkdf2-sha256$1000$AAAA${DIGEST}", BROKEN),
        (f"pbkdf2:sha1:1000$saltsalt${'00' * 21}", BROKEN),
        (f"pbkdf2:md5:1000$saltsalt${'00' * 16}", "is not as Werkzeug or Authelia write it"),
        (f"pbkdf2:sha256$saltsalt${'00' * 32}", "is not as Werkzeug or Authelia write it"),
        (f"pbkdf2:sha256:+1000$saltsalt${'00' * 32}", "is not as Werkzeug or Authelia write it"),
        (f"pbkdf2:sha256:1000$saltsal${'00' * 32}", "is not as Werkzeug or Authelia write it"),
        (f"scrypt:1024:8:1$saltsalt${'0' * 33}", "is not as Werkzeug or Authelia write it"),
        (f"scrypt:1024:8:1$saltsalt${'00' * 65}", "is not as Werkzeug or Authelia write it"),
        (f"scrypt:\u0661024:8:1$saltsalt${HEX}", "is not as Werkzeug or Authelia write it"),
        (HTPASSWD[:-1], "is no bcrypt hash of the kinds 2a, 2b and 2y"),
        (HTPASSWD + ".", "is no bcrypt hash of the kinds 2a, 2b and 2y"),
        ("$2x" + HTPASSWD[3:], "is no bcrypt hash of the kinds 2a, 2b and 2y"),
        (HTPASSWD + "\n", "is no bcrypt hash of the kinds 2a, 2b and 2y"),
        (RFC_7914 + "x" * 200, "is longer than 255 characters"),
        ("$6$rounds=50000$salt$hash", "is of the system's crypt, which is not read here"),
        ("$y$j9T$salt$hash", "is of the system's crypt, which is not read here"),
        ("", UNKNOWN),
        ("a password in plain text", UNKNOWN),
        ("plain$salt$hash", UNKNOWN),
    ],
)
def test_what_is_no_hash_of_ours_is_refused_with_its_reason(encoded: str, reason: str) -> None:
    assert reason_of(encoded) == reason


@pytest.mark.parametrize(
    ("encoded", "kind"),
    [
        ("$apr1$salt$qHDFfhPC.nITSVHgYbDAK/", "is MD5 (apr1)"),
        ("$1$salt$qHDFfhPC.nITSVHgYbDAK/", "is MD5 (apr1)"),
        ("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "is SHA-1"),
        ("{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "is SHA-1"),
        ("rqXexS6ZhobKA", "looks like crypt(3)"),
    ],
)
def test_a_weak_hash_is_refused_with_what_to_do(encoded: str, kind: str) -> None:
    told = "which is too weak to be taken over: have them set another password"
    assert reason_of(encoded) == f"{kind}, {told}"


def test_bcrypt_goes_by_the_first_72_octets_as_where_the_hash_was_made() -> None:
    import bcrypt

    encoded = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()
    check = check_of(encoded)
    assert check(b"x" * 72 + b"whatever")
    assert not check(b"x" * 71)
    assert is_checked_whole("x" * 72, encoded)
    assert not is_checked_whole("x" * 73, encoded)
    assert not is_checked_whole("\u00e9" * 37, encoded)  # two octets each
    assert is_checked_whole("x" * 73, AUTHELIA)


def test_bcrypt_is_asked_for_by_name_where_it_is_not_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "bcrypt", None)
    with pytest.raises(MissingExtra, match=r"sidecar-auth\[bcrypt\]"):
        read_hash(HTPASSWD)
    check_of(WERKZEUG)


@given(st.text(max_size=300) | st.sampled_from(sorted(hash_ for _, hash_ in KNOWN.values())))
def test_any_text_is_read_or_refused(text: str) -> None:
    read_hash(text)


@given(st.sampled_from(sorted(each for _, each in KNOWN.values())), st.data())
def test_a_hash_with_one_character_changed_is_read_or_refused(
    encoded: str, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(encoded) - 1))
    changed = encoded[:place] + data.draw(st.characters()) + encoded[place + 1 :]
    read_hash(changed)
