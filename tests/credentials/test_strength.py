from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zxcvbn import zxcvbn

from sidecar.accounts import generate_password
from sidecar.credentials.guesses import is_hard_to_guess
from sidecar.credentials.passwords import PasswordHasher
from sidecar.credentials.strength import (
    PasswordFault,
    PasswordRules,
    judge_password,
    list_names,
)
from tests.programs.service import PASSWORD

RULES = PasswordRules(12, "https://login.acme.example:8443/auth")
DEAREST = "4@s({[</69!|1/70$5+62aei"
ALICE = ("alice", "Alice Lidell-O'Hara", "a.lidell@wonderland.example")


@pytest.mark.parametrize(
    ("password", "fault"),
    [
        ("", PasswordFault.TOO_SHORT),
        ("k7Qw9-zRt!x", PasswordFault.TOO_SHORT),
        ("k7Qw9-zRt!x5" * 21 + "abcde", PasswordFault.TOO_LONG),
        ("k7Qw9-zRt!x\t", PasswordFault.CONTROL),
        ("k7Qw9-zRt!x\x00", PasswordFault.CONTROL),
        ("k7Qw9-zRt!x\x7f", PasswordFault.CONTROL),
        ("k7Qw9-zRt!x\ud800", PasswordFault.CONTROL),
        ("password1234", PasswordFault.COMMON),
        ("P@ssw0rd1234", PasswordFault.COMMON),
        ("passwordpassword", PasswordFault.COMMON),
        ("iloveyou2024!", PasswordFault.COMMON),
        ("qwertyuiop123", PasswordFault.COMMON),
        ("123456789012", PasswordFault.COMMON),
        ("abcdefghijkl", PasswordFault.COMMON),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", PasswordFault.COMMON),
        ("a" * 256, PasswordFault.COMMON),
        ("Liverpool2024!", PasswordFault.COMMON),
        ("trustno1trustno1", PasswordFault.COMMON),
        ("\u5c71" * 12, PasswordFault.COMMON),
        ("alicealicealice", PasswordFault.OWN_NAME),
        ("Alice1234567", PasswordFault.OWN_NAME),
        ("alice.lidell.2024", PasswordFault.OWN_NAME),
        ("LidellLidell!!!", PasswordFault.OWN_NAME),
        ("a.lidell@wonderland.example", PasswordFault.OWN_NAME),
        ("2024-Wonderland", PasswordFault.OWN_NAME),
        ("login.acme.example", PasswordFault.OWN_NAME),
        ("Sidecar-2024", PasswordFault.OWN_NAME),
    ],
)
def test_a_password_that_somebody_would_guess_is_refused(
    password: str, fault: PasswordFault
) -> None:
    assert RULES.judge(password, *ALICE) is fault


@pytest.mark.parametrize(
    "password",
    [
        PASSWORD,
        "correct horse battery staple",
        "twelve chars",
        "k7Qw9-zRt!x5",
        "k7Qw9-zRt!x5" * 21 + "abcd",  # 256 characters
        "alice likes the tea cold",
        " spaces count as they are ",
        "\u00e9l\u00e8ve \u00e0 No\u00ebl, d\u00e9\u00e7u",
        "\u5c71\u5ddd\u8349\u6728\u96e8\u98a8\u82b1\u9ce5\u6708\u5149\u6d77\u7a7a",
        "\U0001f40c" + "k7Qw9-zRt!x",
        "a" * 30 + "k7Qw9-zRt!x5mN",  # weak where it begins
    ],
)
def test_a_long_password_of_any_characters_is_taken(password: str) -> None:
    assert RULES.judge(password, *ALICE) is None


@pytest.mark.parametrize("length", [8, 12, 30])
def test_how_long_it_must_be_is_a_setting(length: int) -> None:
    password = "k7Qw9-zRt!x5mN3_vB8(yL2)fH6+dJ"
    rules = PasswordRules(length, "http://localhost:8420")
    assert rules.judge(password[:length]) is None
    assert rules.judge(password[: length - 1]) is PasswordFault.TOO_SHORT
    assert rules.explain(PasswordFault.TOO_SHORT) == f"must have {length} to 256 characters"


def test_every_fault_is_explained_in_its_own_words() -> None:
    told = {RULES.explain(fault) for fault in PasswordFault}
    assert len(told) == len(PasswordFault) - 1  # too short and too long are one bound
    assert all(text.startswith(("must ", "is ")) for text in told)


def test_names_shorter_than_four_characters_do_not_count() -> None:
    names = list_names("al", "Al Po", "al@po.io", None, public_url="http://x.y")
    assert names == ("al@po.io", "sidecar", "al po")


def test_names_count_whole_and_in_parts_whatever_their_case() -> None:
    names = list_names("Stra\u00dfe", "Jean-Luc", None, public_url="http://localhost:8420/a")
    assert names == ("localhost", "jean-luc", "sidecar", "strasse", "jean")
    fault = judge_password("STRASSE-99-strasse", least=12, names=names)
    assert fault is PasswordFault.OWN_NAME


def test_what_the_service_makes_itself_is_always_good() -> None:
    assert all(RULES.judge(generate_password(), *ALICE) is None for _ in range(20))


def test_the_dearest_text_that_a_search_found_takes_a_moment_beside_the_whole_in_one_go() -> None:
    is_hard_to_guess("its words are read", ())
    began = process_time()
    is_hard_to_guess(DEAREST, ())
    in_pieces = process_time() - began
    zxcvbn(DEAREST)
    assert in_pieces < (process_time() - began - in_pieces) / 4  # 0.14 of it
    assert in_pieces < 1


@settings(max_examples=30, deadline=None)
@given(st.text("4@8({[<369!1|70$5+7%2", min_size=24, max_size=256))
def test_no_password_takes_long_to_be_judged(password: str) -> None:
    began = process_time()
    RULES.judge(password, *ALICE)
    assert process_time() - began < 2


@given(st.text(max_size=300))
def test_any_text_is_judged(password: str) -> None:
    fault = RULES.judge(password, *ALICE)
    assert (fault is PasswordFault.TOO_SHORT) is (len(password) < 12)


@pytest.mark.asyncio
async def test_a_process_that_serves_judges_off_its_loop() -> None:
    hasher = PasswordHasher()
    try:
        fault = await hasher.judge(RULES, "password1234", *ALICE, chooser="a")
        assert fault is PasswordFault.COMMON
        assert await hasher.judge(RULES, PASSWORD, *ALICE, chooser="a") is None
    finally:
        hasher.close()
