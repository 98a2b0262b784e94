"""Usernames in one form (RFC 8265), roles, e-mail addresses and names."""

from collections.abc import Callable
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sidecar.core.claims import MOST_ROLES
from sidecar.core.user import (
    canonical_email,
    canonical_name,
    canonical_username,
    fold_text,
    is_role,
    is_user_id,
    roles_fit,
)
from tests.core.properties import ANY_TEXT, THOROUGH


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("alice", "alice"),
        ("Alice", "alice"),
        ("ALICE", "alice"),
        ("a", "a"),
        ("1", "1"),
        ("alice@example.com", "alice@example.com"),
        ("a.b-c_d+e", "a.b-c_d+e"),
        ("\uff21lice", "alice"),  # full width
        ("\u00c9ric", "\u00e9ric"),
        ("E\u0301ric", "\u00e9ric"),  # decomposed
        ("stra\u00dfe", "strasse"),
        ("\u0391\u03a3", "\u03b1\u03c3"),
        ("\u0410\u043d\u043d\u0430", "\u0430\u043d\u043d\u0430"),
        ("\u5c71\u7530\u30bf\u30ed\u30a6", "\u5c71\u7530\u30bf\u30ed\u30a6"),
        ("\u4f50\u3005\u6728", "\u4f50\u3005\u6728"),  # Sasaki, with the iteration mark
        ("\uff76\uff85", "\u30ab\u30ca"),  # half width
        ("\u05d0\u05d1", "\u05d0\u05d1"),
        ("\u05d0\u05d11", "\u05d0\u05d11"),
        ("x" * 64, "x" * 64),
    ],
)
def test_a_username_has_one_form(text: str, canonical: str) -> None:
    assert canonical_username(text) == canonical


EMPTY_OR_LONG: Final = ("", "x" * 65, "x" * 257, "\u00df" * 33, "x" * 1_000_000)
MARKS: Final = (
    " ", "a b", " a", "a ", "a:b", ":", "a,b", ",", "a\tb", "a\nb", "a\r\nb", "a\0", "\0",
    "a\x1b[0m",
    "a\x7f", "a\x85b", "a\u00a0b", "a\u3000b", "a\u2003b", "a\u2028b", "a\u2029b", "\u1680",
    "a\uff1ab", "a\uff0cb",  # full-width colon and comma become ours
)  # fmt: skip
INVISIBLE: Final = (
    "a\u200bb", "a\u200cb", "a\u200db", "\ufeffa", "a\u2060b", "a\u00adb", "a\u180eb", "a\u061cb",
    "a\u200eb", "a\u200fb", "a\u202ab", "a\u202eb", "a\u2066b", "a\u2069b", "a\U000e0041",
    # letters and marks that show nothing (Default_Ignorable_Code_Point, RFC 8264 section 9.13)
    "a\u034fb", "a\ufe00", "a\ufe0f", "admin\ufe0f", "a\U000e0100", "a\U000e01ef", "\u115f",
    "\u1160", "\u3164", "\uffa0", "\uac00\u115f", "\u17b4", "\u17b5", "\u1780\u17b4", "\u180b",
    "\u1820\u180b", "\u180f",
)  # fmt: skip
MIXED: Final = (
    "\u0430dmin", "adm\u0456n", "p\u0430ypal", "\u0391lice", "alic\u0435", "a\u05d0", "a\u0627",
    "\u0430\u03b1", "a\u5c71", "\u30ab\u0430", "\uac00a", "\u13a0a", "a\u0561", "\u4e00\u0430",
)  # fmt: skip
NOT_WRITING: Final = (
    "\u2603", "\U0001f600", "a\u2122", "a\u20ac", "a\u2044b", "\u2160", "a\u00b2", "\u2460",
    "\u00aa", "\u210c", "\U0001d41a", "a\u00b7b", "\u2215", "\ufdd0", "\uffff", "\U0001fffe",
    "\ue000", "\u0378", "\udcff", "\ud800", "a\udfff", "\u2018a\u2019", "\u00a9", "a\u2013b",
)  # fmt: skip
BIDI_RULE: Final = (  # RFC 5893 section 2
    "1\u05d0\u05d1", "_\u05d0", "\u05d0!", "\u05d0\u05d1-", "\u06601\u05d0", "\u0627\u06601",
)  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [*EMPTY_OR_LONG, *MARKS, *INVISIBLE, *MIXED, *NOT_WRITING],
    ids=lambda text: ascii(text)[:40],
)
def test_what_hides_or_imitates_is_no_username(text: str) -> None:
    assert canonical_username(text) is None


@pytest.mark.parametrize("text", BIDI_RULE, ids=ascii)
def test_a_username_that_reads_in_two_directions_is_none(text: str) -> None:
    assert canonical_username(text) is None


@THOROUGH
@given(text=ANY_TEXT | st.text(max_size=8))
@example(text="\u0130")
@example(text="\u1fb3")
@example(text="\u03b1\u0345\u0301")
@example(text="\u1e9e")
def test_the_canonical_form_of_a_canonical_form_is_itself(text: str) -> None:
    name = canonical_username(text)
    if name is not None:
        assert canonical_username(name) == name
        assert 1 <= len(name) <= 64
        assert not set(name) & set(" :,\t\r\n\0")
        name.encode()


@THOROUGH
@given(text=st.text(st.characters(codec="ascii"), min_size=1, max_size=20))
def test_spellings_of_a_username_in_ascii_differ_in_case_only(text: str) -> None:
    plain = all("!" <= character <= "~" and character not in ":," for character in text)
    for spelling in (text, text.upper(), text.lower(), text.swapcase()):
        assert canonical_username(spelling) == (text.lower() if plain else None)


@pytest.mark.parametrize(
    "role", ["a", "Z", "9", "staff", "a:b", "team/ops", "a.b_c-d", "A" * 64, "a" + "/" * 63]
)
def test_a_role_is_a_short_ascii_word(role: str) -> None:
    assert is_role(role)


@pytest.mark.parametrize(
    "role",
    ["", " ", "a b", " a", "a ", "a,b", "a\n", "a\0", ".a", "-a", "_a", ":a", "/a",
     "a" * 65, "\u00e9",
     "a\u00e9", "\uff41", "a%", "a;b", "a*", "*", "a@b", "a+b", "a\\b", '"a"', "a\r\nb", "\udcff",
     "\u0661", "a\u200b", "a=b"],
    ids=ascii,
)  # fmt: skip
def test_anything_else_is_no_role(role: str) -> None:
    assert not is_role(role)


@pytest.mark.parametrize(
    ("roles", "fit"),
    [
        ((), True),
        (("a" * 64,) * 64, True),
        (("a" * 64,) * 64 + ("a",), False),
        (("a" * 16,) * MOST_ROLES, True),
        (("a",) * (MOST_ROLES + 1), False),  # a token with more does not open
    ],
)
def test_roles_fit_where_a_token_that_bears_them_opens(
    roles: tuple[str, ...], *, fit: bool
) -> None:
    assert roles_fit(roles) is fit


@pytest.mark.parametrize(
    "text",
    ["a@b", "a@b.example", "a.b+c@d.example", "\u00e9@\u00e9.example", "o'neil@b.example",
     "x" * 64 + "@" + "y" * 189],
)  # fmt: skip
def test_an_email_address_has_two_sides(text: str) -> None:
    assert canonical_email(text) == text


@pytest.mark.parametrize(
    "text",
    ["", "@", "a", "a@", "@b", "a@b@c", "a b@c", "a@b c", " a@b", "a@b ", "a@b\n", "a\r\nb@c",
     "a\0@b",
     "a@b,c@d", "a@b;c", "<a@b>", "a@b>", '"a"@b', "a(b)@c", "a@[1.2.3.4]", "a\\b@c", "a:b@c",
     "mailto:a@b", "x" * 65 + "@b", "a@" + "y" * 254, "x" * 64 + "@" + "y" * 190, "a\u202e@b",
     "a@b\u200b", "a\u00a0b@c", "\udcff@b", "a@b\x85", "a@b\u00ad", "\u3164@b", "a\ufe0f@b",
     "a\u180e@b", "a@b\U000e0041", "\ue000@b", "a@\ufff9b"],
    ids=ascii,
)  # fmt: skip
def test_anything_else_is_no_email_address(text: str) -> None:
    assert canonical_email(text) is None


@pytest.mark.parametrize(
    "text",
    ["A", "Alice Liddell", "\u00c9ric", "\u5c71\u7530", "x" * 256, "7", "Dr. No \u2603",
     "\u0627\u0644\u0641", "A\u0336", "\u845b\U000e0100"],
)  # fmt: skip
def test_a_name_is_any_plain_text(text: str) -> None:
    assert canonical_name(text) == text


@pytest.mark.parametrize(
    "text",
    ["", " ", " A", "A ", "\tA", "A\n", "A\r\nB", "A\0", "x" * 257, "A\u202eB", "\u00a0A",
     "A\u3000", "A\u200b", "\ud800", "A\x1b[31m", "A\x9f", "\ufeffA", "\u0301", "\u0301A",
     "\u0301\u0302", "\u3164", "\u3164\u115f", "-", "...", "\u2800", "\u2603", "A\u00ad",
     "A\U000e0041", "\ue000A", "A\ufff9B", "A\u2066B", "\ufe0f", "A\u180eB"],
    ids=ascii,
)  # fmt: skip
def test_a_name_hides_nothing(text: str) -> None:
    assert canonical_name(text) is None


@pytest.mark.parametrize("canonical", [canonical_email, canonical_name])
def test_an_address_and_a_name_are_composed(canonical: Callable[[str], str | None]) -> None:
    assert canonical("E\u0301@b") == "\u00c9@b"
    assert canonical("\u212bngstr\u00f6m@b") == "\u00c5ngstr\u00f6m@b"


def test_what_is_too_long_once_it_is_composed_is_none() -> None:
    """U+0958 becomes two characters (Unicode, composition exclusions)."""
    assert canonical_name("\u0958" * 128) == "\u0915\u093c" * 128
    assert canonical_name("\u0958" * 129) is None


@THOROUGH
@given(text=ANY_TEXT | st.text(max_size=8))
def test_what_is_canonical_stays_so(text: str) -> None:
    for canonical in (canonical_email, canonical_name):
        found = canonical(text)
        if found is not None:
            assert canonical(found) == found
            found.encode()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ALICE", "alice"),
        ("\u00c9LISE", "e\u0301lise"),
        ("Stra\u00dfe", "STRASSE"),
        ("\uff21lice", "alice"),
        ("\u0130", "i\u0307"),
        ("\u03a3", "\u03c2"),
        ("\u041c\u0418\u0420", "\u043c\u0438\u0440"),
    ],
)
def test_spellings_of_one_text_fold_alike(one: str, other: str) -> None:
    assert fold_text(one) == fold_text(other)


@THOROUGH
@given(text=st.text(max_size=16))
def test_folded_text_is_folded(text: str) -> None:
    assert fold_text(fold_text(text)) == fold_text(text)


@pytest.mark.parametrize("text", ["a", "A" * 64, "s8IOsyYDQ0XJ_16DyTnTgw", "-", "a.b~c"])
def test_an_id_of_a_user_stands_in_a_path_as_it_is(text: str) -> None:
    assert is_user_id(text)


@pytest.mark.parametrize("text", ["", "A" * 65, "a b", "a/b", "a%b", "\u00e9", "a\n", "\0", "a:b"])
def test_anything_else_is_no_id_of_a_user(text: str) -> None:
    assert not is_user_id(text)
