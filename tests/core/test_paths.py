"""One path, one reading: what two servers could read differently is refused."""

from typing import Final
from urllib.parse import quote, unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sidecar.core.facts import LONGEST_TARGET, parse_path
from sidecar.core.verdict import Deny, Reason
from tests.core.properties import ANY_TEXT, THOROUGH

AMBIGUOUS: Final = Deny(Reason.PATH_AMBIGUOUS)

NOT_A_PATH: Final = (
    "", " ", "a", "a/b", "*", "?", "#", "?/a", "http://app.example.com/a", "//", "\\", "./a",
    "../a", "%2fa", ".", "..", " /a", "\t/a", "\ufeff/a", "app.example.com:443", "\\/a",
)  # fmt: skip
SEGMENTS: Final = (
    "/.", "/..", "/./", "/../", "/a/.", "/a/..", "/a/./b", "/a/../b", "/../a", "/./a", "/a/../../b",
    "/public/../admin", "/public/./../admin", "//a", "/a//b", "/a//", "//", "///", "/a///b",
    "/public//../admin",
)  # fmt: skip
ENCODED: Final = (
    "/%2e", "/%2E", "/%2e%2e", "/%2E%2E/", "/.%2e/", "/%2e./", "/a/%2e%2e/b", "/a/%2e/b", "/a%2eb",
    "/a%2fb", "/a%2Fb", "/%2f", "/%2F%2F", "/a/..%2fb", "/a/%2e%2e%2fb", "/a%5cb", "/a%5Cb",
    "/..%5cadmin", "/a%3bb", "/a%3Bb", "/a/..%3b/b", "/%252e%252e/", "/a%252fb", "/a%252Fb",
    "/a%255cb", "/%2525", "/a%253bb", "/%25252e", "/a%2500", "/a%25aab", "/%25%32%65/a",
    "/a/%25%32%65%25%32%65/b", "/a%252%65b", "/a%25%32eb", "/a%25%32%66b", "/a%25%32Fb",
    "/a%25%35cb", "/a%25%36%31b",
)  # fmt: skip
BROKEN: Final = (
    "/%", "/a%", "/a%2", "/%zz", "/%2g", "/%g2", "/a%%", "/%%32%65", "/%u002e", "/%u2215", "/%2 e",
    "/%-1", "/%\uff12e", "/a%0", "/%x2e",
)  # fmt: skip
CONTROLS: Final = (
    "/a\0", "/a%00", "/a%00b", "/a%00.png", "/a\nb", "/a%0ab", "/a%0Ab", "/a%0d%0aSet-Cookie:x",
    "/a\tb", "/a%09b", "/a\rb", "/a\x0bb", "/a%0cb", "/a%1f", "/a\x7f", "/a%7f", "/a%7F",
    "/a\x85b", "/a%c2%80", "/a%c2%85", "/a%C2%9f", "/a?\n", "/a?b=\x00", "/a?\x7f", "/a?b\x85",
    "/a?b c", "/a?\tb",
)  # fmt: skip
MARKS: Final = (
    "/a\\b", "/\\", "/\\\\a", "/a/..\\b", "/..\\admin", "/a;b", "/a;", "/;/a", "/a/..;/b",
    "/a;jsessionid=1/b", "/.;/a", "/a#b", "/a#", "/#/../admin", "/a b", "/ ", '/a"b', "/a<b",
    "/a>b", "/a^b", "/a`b", "/a{b}", "/a|b", "/a%20 ",
)  # fmt: skip
BAD_UTF8: Final = (
    "/%ff", "/%FE", "/%80", "/a%c3", "/a%c3/b", "/%c0%ae", "/%c0%ae%c0%ae/a", "/%c0%af", "/%c1%9c",
    "/%e0%80%af", "/%f0%80%80%af", "/%e0%80%ae", "/%ed%a0%80", "/%ed%bf%bf", "/%f4%90%80%80",
    "/%f8%88%80%80%af", "/%c3%28", "/\udcff", "/\udcc0\udcae", "/a\udcc3", "/\ud800", "/\udfff",
    "/%c3\udc28", "/\ud83d\ude00",
)  # fmt: skip
LONG: Final = ("/" + "a" * LONGEST_TARGET, "/?" + "a" * LONGEST_TARGET, "/" + "%61" * 3000)


@pytest.mark.parametrize(
    "target",
    NOT_A_PATH + SEGMENTS + ENCODED + BROKEN + CONTROLS + MARKS + BAD_UTF8 + LONG,
    ids=lambda target: ascii(target)[:40],
)
def test_an_ambiguous_target_is_refused(target: str) -> None:
    assert parse_path(target) == AMBIGUOUS


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/", "/"),
        ("/?", "/"),
        ("/?a=b/../c", "/"),
        ("/?a=//evil.example", "/"),
        ("/a?b?c#d", "/a"),
        ("/a?b=%00%2e", "/a"),
        ("/a", "/a"),
        ("/a/", "/a/"),
        ("/%61", "/a"),
        ("/%41%7a%30%2d%5f%7e", "/Az0-_~"),
        ("/a.b", "/a.b"),
        ("/.well-known/jwks.json", "/.well-known/jwks.json"),
        ("/...", "/..."),
        ("/..a", "/..a"),
        ("/a..", "/a.."),
        ("/.a./b", "/.a./b"),
        ("/a%20b", "/a b"),
        ("/a%25", "/a%"),
        ("/100%25/a", "/100%/a"),
        ("/a%25zz", "/a%zz"),
        ("/%C3%A9", "/\u00e9"),
        ("/%c3%a9", "/\u00e9"),
        ("/\u00e9", "/\u00e9"),
        ("/\udcc3\udca9", "/\u00e9"),
        ("/\U0001f600", "/\U0001f600"),
        ("/!$&'()*+,=:@", "/!$&'()*+,=:@"),
        ("/a%2ab%40", "/a*b@"),
        ("/" + "a" * (LONGEST_TARGET - 1), "/" + "a" * (LONGEST_TARGET - 1)),
    ],
    ids=lambda target: ascii(target)[:40],
)
def test_a_clear_target_has_one_decoded_path(target: str, path: str) -> None:
    assert parse_path(target) == path


@THOROUGH
@given(target=ANY_TEXT)
def test_any_text_as_a_target_gives_a_path_or_a_refusal(target: str) -> None:
    for text in (target, "/" + target):
        path = parse_path(text)
        assert path == AMBIGUOUS or (isinstance(path, str) and path.startswith("/"))


PIECES = st.sampled_from(
    ["/", "a", "B", "%", "%2", "%25", "%32", "%65", "%2e", "%2E", ".", "..", "%2f", "%5c", ";",
     "\\", "%61", "%c3", "%a9", "\u00e9", "%00", "2e", "2f", "%66", "%46", "?", "*", "~", "%7e"]
)  # fmt: skip
TARGETS = st.lists(PIECES, max_size=10).map(lambda pieces: "/" + "".join(pieces))


@THOROUGH
@given(target=TARGETS)
@example(target="/a/%25%32%65%25%32%65/b")
def test_what_is_let_through_means_the_same_to_a_server_that_decodes_once_more(target: str) -> None:
    path = parse_path(target)
    if isinstance(path, str):
        assert unquote(path) == path
        assert not {".", ".."} & set(path.split("/"))
        assert "//" not in path
        assert not set(path) & set("\\;\0")


@THOROUGH
@given(target=TARGETS)
def test_a_canonical_path_spelled_plainly_is_itself(target: str) -> None:
    path = parse_path(target)
    if isinstance(path, str):
        again = parse_path(quote(path, safe="/!$&'()*+,=:@~"))
        assert again == path


@THOROUGH
@given(
    path=st.text(st.characters(codec="utf-8"), max_size=20),
    escapes=st.lists(st.booleans(), min_size=20, max_size=20),
    capitals=st.booleans(),
)
def test_two_spellings_of_a_path_are_one_path_or_refused(
    path: str, escapes: list[bool], *, capitals: bool
) -> None:
    form = "%{:02X}" if capitals else "%{:02x}"
    spelled = "/" + "".join(
        "".join(form.format(octet) for octet in character.encode()) if escape else character
        for character, escape in zip(path, escapes, strict=False)
    )
    one = parse_path(spelled)
    assert one == AMBIGUOUS or "?" in path or one == "/" + path
