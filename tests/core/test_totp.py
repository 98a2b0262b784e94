"""One-time codes by time: which one counts, when, and how often."""

from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.totp import (
    DRIFT,
    LONGEST_OTP,
    STEP,
    make_code,
    match_code,
    read_code,
    spell_secret,
    spell_uri,
)

SECRET = b"12345678901234567890"  # of the vectors
NOW = 1_800_000_015  # the middle of a step
PRESENT = NOW // STEP


@pytest.mark.parametrize(
    ("counter", "code"),
    list(
        enumerate(
            [
                *("755224", "287082", "359152", "969429", "338314"),
                *("254676", "287922", "162583", "399871", "520489"),
            ]
        )
    ),
)
def test_codes_are_those_of_rfc_4226_appendix_d(counter: int, code: str) -> None:
    assert make_code(SECRET, counter) == code


@pytest.mark.parametrize(
    ("now", "code"),
    [
        (59, "94287082"),
        (1_111_111_109, "07081804"),
        (1_111_111_111, "14050471"),
        (1_234_567_890, "89005924"),
        (2_000_000_000, "69279037"),
        (20_000_000_000, "65353130"),
    ],
)
def test_codes_are_those_of_rfc_6238_appendix_b(now: int, code: str) -> None:
    """The vectors have eight digits; six are the last of them."""
    assert match_code(SECRET, code[-6:], now, 0) == now // STEP


@pytest.mark.parametrize(
    ("later", "matched"),
    [
        (-STEP - 1, False),  # the step before the last that counts
        (-STEP, True),  # the first second in which the code of the next step counts
        (-1, True),
        (0, True),
        (STEP - 1, True),
        (STEP, True),
        (2 * STEP - 1, True),  # the last second in which the code of the step before counts
        (2 * STEP, False),
    ],
)
def test_a_code_counts_from_one_step_before_to_one_step_behind(later: int, matched: bool) -> None:
    start = PRESENT * STEP
    found = match_code(SECRET, make_code(SECRET, PRESENT), start + later, 0)
    assert found == (PRESENT if matched else None)


@pytest.mark.parametrize("step", range(PRESENT - 3, PRESENT + 4))
@pytest.mark.parametrize("last_step", range(PRESENT - 3, PRESENT + 4))
def test_no_step_counts_at_or_before_the_last_one(step: int, last_step: int) -> None:
    near = abs(step - PRESENT) <= DRIFT
    expected = step if near and step > last_step else None
    assert match_code(SECRET, make_code(SECRET, step), NOW, last_step) == expected


def test_a_clock_that_was_set_back_brings_no_code_back() -> None:
    for seconds in (STEP, 3600, NOW):
        earlier = NOW - seconds
        for step in range(max(earlier // STEP - DRIFT, 0), earlier // STEP + DRIFT + 1):
            assert match_code(SECRET, make_code(SECRET, step), earlier, PRESENT) is None


def test_of_two_steps_with_one_code_it_is_the_later_one() -> None:
    """So that it is worth nothing in the other one afterwards."""
    secret = (2_448_195).to_bytes(20, "big")  # found by trying
    code = make_code(secret, PRESENT - 1)
    assert code == make_code(secret, PRESENT + 1)
    assert match_code(secret, code, NOW, 0) == PRESENT + 1
    assert match_code(secret, code, NOW, PRESENT + 1) is None


@given(st.binary(min_size=20, max_size=20), st.integers(0, 2**40), st.integers(-1, 2**36))
def test_what_matches_is_near_new_and_the_code_of_its_step(
    secret: bytes, now: int, last_step: int
) -> None:
    code = make_code(secret, now // STEP)
    step = match_code(secret, code, now, last_step)
    if step is None:
        assert now // STEP <= last_step
    else:
        assert step > last_step
        assert abs(step - now // STEP) <= DRIFT
        assert make_code(secret, step) == code


@pytest.mark.parametrize(
    "text", ["123456", "123 456", " 1 2 3 4 5 6 ", "000000", " " * 58 + "123456"]
)
def test_six_digits_are_a_code_with_spaces_as_people_type_them(text: str) -> None:
    assert read_code(text) == text.replace(" ", "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "12345",
        "1234567",
        "12345a",
        "-12345",
        "+12345",
        "12345.",
        "1e1000",
        "0x1234",
        "123-456",
        "123\t456",
        "123456\n",
        "123\u00a0456",  # a space, but not that one
        "\u0661\u0662\u0663\u0664\u0665\u0666",  # Arabic-Indic digits
        "\uff11\uff12\uff13\uff14\uff15\uff16",  # full width
        "12345\u00b2",
        "123456\x00",
        " " * (LONGEST_OTP - 5) + "123456",
    ],
)
def test_nothing_else_is_a_code(text: str) -> None:
    assert read_code(text) is None


def test_a_secret_is_spelled_in_base32_without_padding() -> None:
    assert spell_secret(SECRET) == "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    assert spell_secret(b"\x00" * 19) == "A" * 31


@pytest.mark.parametrize(
    ("issuer", "account"),
    [
        ("auth.example.com", "alice"),
        ("Example & Sons: Ltd.", "a?b#c%d/e&secret=x"),
        ("\u00d6ffentlich", "\u5c71\u7530"),
        ("[::1]", "bob@example.com"),
    ],
)
def test_an_app_reads_the_names_as_they_are(issuer: str, account: str) -> None:
    uri = spell_uri(SECRET, issuer, account)
    assert uri.isascii()
    parts = urlsplit(uri)
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    shown, _, who = parts.path.removeprefix("/").partition(":")
    assert (unquote(shown), unquote(who)) == (issuer, account)
    assert parse_qs(parts.query, strict_parsing=True) == {
        "secret": [spell_secret(SECRET)],
        "issuer": [issuer],
        "algorithm": ["SHA1"],
        "digits": ["6"],
        "period": ["30"],
    }
