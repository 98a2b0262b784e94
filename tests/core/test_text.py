"""Plain text, and the one spelling of base64url."""

import base64
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.encoding import from_base64url, to_base64url
from sidecar.core.text import is_plain_text, printable
from tests.core.properties import ANY_TEXT, THOROUGH


@pytest.mark.parametrize(
    "code",
    [
        *range(0x20),
        *range(0x7F, 0xA0),
        *(0x061C, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F),
        *range(0x2028, 0x202F),
        *range(0x2060, 0x2070),
        *(0xFEFF, 0xFDD0, 0xFDEF, 0xFFFE, 0xFFFF),
        *(0x1FFFE, 0x1FFFF, 0x10FFFE, 0x10FFFF),
        *(0xD800, 0xDBFF, 0xDC00, 0xDFFF),
    ],
)
def test_a_character_that_hides_or_reorders_is_not_plain(code: int) -> None:
    for text in (chr(code), f"a{chr(code)}", f"{chr(code)}a", f"a{chr(code)}b"):
        assert not is_plain_text(text)


@pytest.mark.parametrize(
    "text", ["", " ", "a b", "\u00e9", "\u65e5\u672c", "\U0001f600", "a%0d%0a", "\u05d0\u05d1"]
)
def test_ordinary_writing_is_plain(text: str) -> None:
    assert is_plain_text(text)


@THOROUGH
@given(text=ANY_TEXT)
def test_plain_text_has_no_controls_and_can_be_encoded(text: str) -> None:
    if is_plain_text(text):
        text.encode()
        assert not {unicodedata.category(c) for c in text} & {"Cc", "Cs", "Zl", "Zp"}


@THOROUGH
@given(octets=st.binary(max_size=100))
def test_octets_come_back_from_base64url(octets: bytes) -> None:
    text = to_base64url(octets)
    assert from_base64url(text) == octets
    assert text == base64.urlsafe_b64encode(octets).decode().rstrip("=")


@THOROUGH
@given(text=ANY_TEXT | st.text("ABab01-_=+/", max_size=12))
def test_octets_have_one_spelling(text: str) -> None:
    octets = from_base64url(text)
    assert octets is None or to_base64url(octets) == text


@pytest.mark.parametrize(
    "text",
    [
        "A",  # no octets have this length
        "AAAAA",
        "AB",  # bits behind the last octet
        "AAB",
        "AA==",
        "AAA=",
        "=",
        "AA A",
        "AAAA\n",
        " AAAA",
        "AA+A",
        "AA/A",
        "AA.A",
        "AA\u0661A",
        "\uff21AAA",
        "AAA\u00aa",
        "AA\0A",
        "\udcffAAA",
    ],
)
def test_another_spelling_is_refused(text: str) -> None:
    assert from_base64url(text) is None


@pytest.mark.parametrize(("text", "octets"), [("", b""), ("AA", b"\0"), ("-_-_", b"\xfb\xff\xbf")])
def test_the_canonical_spelling_is_read(text: str, octets: bytes) -> None:
    assert from_base64url(text) == octets


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("/a b/é/\U0001f600\\", "/a b/é/\U0001f600\\"),
        ("\x1b[31m\x9b\x7f", "\\x1b[31m\\x9b\\x7f"),
        ("a\r\nb\tc", "a\\r\\nb\\tc"),
        ("\u202e\u2028\ufeff", "\\u202e\\u2028\\ufeff"),
        ("\udcff\U000e0001", "\\udcff\\U000e0001"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown
