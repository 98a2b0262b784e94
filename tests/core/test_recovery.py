"""Recovery codes: how they are spelled, read and kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.recovery import (
    CODE_LETTERS,
    CODE_OCTETS,
    hash_recovery_code,
    read_recovery_code,
    spell_recovery_code,
)
from sidecar.core.totp import LONGEST_OTP, read_code

KEY = b"k" * 32
SPELLED = "0123-4567-89ab-cdef"
LETTERS = SPELLED.replace("-", "")


@pytest.mark.parametrize(
    ("octets", "spelled"),
    [
        (b"\x00" * CODE_OCTETS, "0000-0000-0000-0000"),
        (b"\xff" * CODE_OCTETS, "zzzz-zzzz-zzzz-zzzz"),
        (bytes.fromhex("00443214c74254b635cf"), SPELLED),
        (b"\x00" * 9 + b"\x01", "0000-0000-0000-0001"),
        (b"\x80" + b"\x00" * 9, "g000-0000-0000-0000"),
    ],
)
def test_a_code_is_sixteen_letters_in_groups_of_four(octets: bytes, spelled: str) -> None:
    assert spell_recovery_code(octets) == spelled


@pytest.mark.parametrize("octets", [b"", b"x" * (CODE_OCTETS - 1), b"x" * (CODE_OCTETS + 1)])
def test_a_code_is_of_eighty_bits(octets: bytes) -> None:
    with pytest.raises(ValueError, match="10 octets"):
        spell_recovery_code(octets)


@pytest.mark.parametrize(
    "typed",
    [
        SPELLED,
        LETTERS,
        SPELLED.upper(),
        SPELLED.replace("-", " "),
        f"  {SPELLED}  ",
        "-" * 48 + LETTERS,
        "o123-4567-89ab-cdef",  # letters that look like digits
        "O123-4567-89AB-CDEF",
        "0i23-4567-89ab-cdef",
        "0L23-4567-89ab-cdef",
    ],
)
def test_a_code_is_read_as_people_type_it(typed: str) -> None:
    assert read_recovery_code(typed) == LETTERS


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "123456",
        LETTERS[:-1],
        LETTERS + "0",
        LETTERS[:-1] + "u",  # no letter of a code
        LETTERS[:-1] + "_",
        LETTERS[:-1] + "\n",
        LETTERS[:-1] + "\x00",
        LETTERS + "\t",
        LETTERS[:-1] + "\u0660",
        LETTERS[:-1] + "\uff46",
        LETTERS[:-1] + "\u212a",  # whose lower case is a k
        SPELLED.replace("-", "\u2013"),
        "-" * (LONGEST_OTP - CODE_LETTERS + 1) + LETTERS,
    ],
)
def test_nothing_else_is_a_code(typed: str) -> None:
    assert read_recovery_code(typed) is None


@given(st.binary(min_size=CODE_OCTETS, max_size=CODE_OCTETS))
def test_what_is_spelled_is_read_again_and_is_no_code_by_time(octets: bytes) -> None:
    spelled = spell_recovery_code(octets)
    assert read_recovery_code(spelled) == spelled.replace("-", "")
    assert read_code(spelled) is None


@given(st.text())
def test_whatever_is_typed_is_one_kind_of_code_at_most(text: str) -> None:
    assert read_recovery_code(text) is None or read_code(text) is None


def test_what_is_kept_of_a_code_depends_on_key_user_and_code() -> None:
    kept = hash_recovery_code(KEY, "alice", LETTERS)
    assert len(kept) == 64
    assert kept == hash_recovery_code(KEY, "alice", LETTERS)
    others = {
        hash_recovery_code(b"j" * 32, "alice", LETTERS),
        hash_recovery_code(KEY, "bob", LETTERS),
        hash_recovery_code(KEY, "alice", LETTERS[::-1]),
        hash_recovery_code(KEY, "alice0", LETTERS[1:]),
    }
    assert len(others | {kept}) == 5
