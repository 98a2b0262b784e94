"""base64url has one spelling for any octets, and whatever else is no spelling of any."""

from base64 import urlsafe_b64encode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sidecar.core.encoding import from_base64url, to_base64url
from tests.core.properties import ANY_TEXT, THOROUGH

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@THOROUGH
@given(octets=st.binary(max_size=100))
def test_octets_come_back_from_their_spelling(octets: bytes) -> None:
    spelled = to_base64url(octets)
    assert spelled == urlsafe_b64encode(octets).decode().rstrip("=")
    assert from_base64url(spelled) == octets


@THOROUGH
@given(text=st.text(ALPHABET, max_size=12) | st.text([*ALPHABET, "=", "+", "/"]) | ANY_TEXT)
@example("")
@example("=")
@example("====")
@example("AA\ud800A")
@example("AAA\u0661")
def test_what_is_read_is_spelled_so_and_in_no_other_way(text: str) -> None:
    octets = from_base64url(text)
    assert octets is None or to_base64url(octets) == text


@pytest.mark.parametrize("length", [2, 3])
def test_of_the_last_characters_those_are_read_that_set_no_bit_too_many(length: int) -> None:
    texts = {"A" * (length - 1) + last for last in ALPHABET}
    read = {text for text in texts if from_base64url(text) is not None}
    assert (
        read
        == {to_base64url(b"\0" * (length - 2) + bytes([octet])) for octet in range(256)} & texts
    )
    assert len(read) == (4 if length == 2 else 16)


@pytest.mark.parametrize("place", [0, 1, 4, 6])
def test_no_character_counts_that_is_not_in_the_alphabet(place: int) -> None:
    texts = {chr(code): "A" * place + chr(code) + "A" * (7 - place) for code in range(256)}
    assert {char for char, text in texts.items() if from_base64url(text) is not None} == {*ALPHABET}


@pytest.mark.parametrize("text", ["A", "AAAAA", "AA=", "AA==", "AAA=", "AAAA=", "AAAA====", "=AAA"])
def test_a_lone_character_and_padding_are_no_spelling(text: str) -> None:
    assert from_base64url(text) is None
