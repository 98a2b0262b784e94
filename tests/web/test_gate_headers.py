"""Header lines in one reading, and values in one spelling: whatever stands in them."""

from typing import Final
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from sidecar.core.verdict import Deny, Reason
from sidecar.credentials.opening import Credential
from sidecar.web.credentials import (
    DOMAIN_COOKIE,
    HOST_COOKIE,
    OWN_COOKIES,
    CookieJar,
    all_cookies,
    find_credential,
    other_cookies,
)
from sidecar.web.headers import Headers, cookie_name, find_single, read_single, split_cookies
from sidecar.web.identity import encode_value
from sidecar.web.navigation import prefers_html
from tests.core.properties import ANY_TEXT, THOROUGH

TEXTS: Final = st.text(st.characters(codec="utf-8"), max_size=60)
PIECES: Final = st.sampled_from(
    [HOST_COOKIE, DOMAIN_COOKIE, "=", ";", " ", "\t", ",", '"', "a", "b", "\udcff", "\u00e9"]
)
COOKIE_LINES: Final = st.lists(
    ANY_TEXT | st.lists(PIECES, max_size=12).map("".join), min_size=1, max_size=4
)

STRIPPED: Final = str.maketrans("", "", ",; \t")  # what stands between cookies


def _headers(*lines: tuple[str, str]) -> Headers:
    return CIMultiDictProxy(CIMultiDict(lines))


@THOROUGH
@given(text=TEXTS)
@example(text=" ")
@example(text=" % ")
def test_an_encoded_value_is_one_line_of_ascii_and_decodes_exactly(text: str) -> None:
    value = encode_value(text)
    assert value.isascii()
    assert value.isprintable()
    assert value == value.strip()
    assert unquote(value) == text


@THOROUGH
@given(one=TEXTS, other=TEXTS)
def test_two_texts_never_have_one_spelling(one: str, other: str) -> None:
    assert (encode_value(one) == encode_value(other)) is (one == other)


@THOROUGH
@given(lines=COOKIE_LINES)
@example(lines=[f"a=1; {HOST_COOKIE[:3]}\udcff{HOST_COOKIE[3:]}=x"])
def test_our_cookie_never_goes_further_and_nothing_comes_to_it(lines: list[str]) -> None:
    left = other_cookies(_headers(*(("Cookie", line) for line in lines)))
    assert left is not None
    left.encode()  # an answer can say it as it is
    names = [pair.partition("=")[0].strip(" \t") for pair in left.split(";")]
    assert not {HOST_COOKIE, DOMAIN_COOKIE} & set(names)
    asked = [pair.strip(" \t") for line in lines for pair in line.split(";")]
    kept = left.split("; ") if left else []
    assert all(pair in asked for pair in kept)


@THOROUGH
@given(lines=COOKIE_LINES)
@example(lines=[f"a=1,{HOST_COOKIE}=x,b=2"])
@example(lines=[f"{HOST_COOKIE}=x,{DOMAIN_COOKIE}=y,a"])
def test_where_commas_join_lines_our_cookie_goes_no_further_either(lines: list[str]) -> None:
    headers = _headers(*(("Cookie", line) for line in lines))
    left = other_cookies(headers, OWN_COOKIES)
    assert left is not None
    pieces = [piece for pair in left.split(";") for piece in pair.split(",")]
    assert not {HOST_COOKIE, DOMAIN_COOKIE} & {cookie_name(piece) for piece in pieces}
    found = [each for each in split_cookies(headers, OWN_COOKIES) if each]
    assert ",".join(found).translate(STRIPPED) == ",".join(lines).translate(STRIPPED)


@THOROUGH
@given(lines=COOKIE_LINES)
def test_a_comma_joins_nothing_where_nobody_says_so(lines: list[str]) -> None:
    headers = _headers(*(("Cookie", line) for line in lines))
    asked = [pair.strip(" \t") for line in lines for pair in line.split(";")]
    assert list(split_cookies(headers)) == asked
    assert all_cookies(headers) is not None


@THOROUGH
@given(lines=COOKIE_LINES, authorization=st.lists(ANY_TEXT, max_size=2))
def test_any_lines_give_one_credential_a_refusal_or_nothing(
    lines: list[str], authorization: list[str]
) -> None:
    headers = _headers(
        *(("Cookie", line) for line in lines), *(("Authorization", each) for each in authorization)
    )
    found = find_credential(headers, HOST_COOKIE, cookie_counts=True)
    assert found is None or isinstance(found, Credential | Deny)
    ours = [each for each in split_cookies(headers) if cookie_name(each) == HOST_COOKIE]
    values = {each.partition("=")[2].strip(" \t") for each in ours} - {""}
    if not any("earer" in each.lower() for each in authorization):
        assert isinstance(found, Deny) is (len(values) > 1)
        assert isinstance(found, Credential) is (len(values) == 1)
    assert find_credential(headers, HOST_COOKIE, cookie_counts=False) is None or authorization


@THOROUGH
@given(lines=st.lists(ANY_TEXT | st.text("texhml/,;=q01. *", max_size=30), max_size=3))
def test_any_accept_is_a_preference_or_none(lines: list[str]) -> None:
    headers = _headers(*(("Accept", line) for line in lines))
    assert prefers_html(headers) in {True, False}
    assert not prefers_html(headers) or "html" in "".join(lines).lower()


def test_a_single_line_stands_once() -> None:
    assert find_single(_headers(), "A") is None
    assert find_single(_headers(("a", "1")), "A") == "1"
    assert find_single(_headers(("a", ""), ("A", "")), "A") == Deny(Reason.HEADER_DOUBLED)
    assert read_single(_headers(), "A") == Deny(Reason.HEADER_MISSING)
    assert read_single(_headers(("A", "")), "A") == ""
    assert read_single(_headers(("A", "1"), ("a", "1")), "A") == Deny(Reason.HEADER_DOUBLED)


@pytest.mark.parametrize(
    ("domains", "host", "found"),
    [
        ((), "app.example.com", None),
        (("example.com",), "app.example.com", "example.com"),
        (("example.com",), "example.com", "example.com"),
        (("example.com",), "badexample.com", None),
        (("example.com",), "example.com.evil.example", None),
        (("example.com", "a.example.com"), "x.a.example.com", "a.example.com"),
        (("a.example.com", "example.com"), "x.b.example.com", "example.com"),
    ],
)
def test_a_cookie_is_set_for_the_longest_domain_that_holds_the_host(
    domains: tuple[str, ...], host: str, found: str | None
) -> None:
    assert CookieJar(domains).find_domain(host) == found
    assert CookieJar(domains).name == (DOMAIN_COOKIE if domains else HOST_COOKIE)


@pytest.mark.parametrize(
    ("domains", "host", "reached"),
    [
        ((), "auth.example.com", True),
        ((), "app.example.com", False),
        (("example.com",), "app.example.com", True),
        (("example.com",), "example.com", True),
        (("example.com",), "app.example.org", False),
        (("example.com",), "notexample.com", False),
        (("example.org",), "app.example.org", False),
        (("auth.example.com", "example.com"), "app.example.com", False),
        (("auth.example.com",), "x.auth.example.com", True),
        # a wildcard is reached where every host below it is
        ((), "*.example.com", False),
        (("example.com",), "*.example.com", True),
        (("example.com",), "*.tools.example.com", True),
        (("auth.example.com",), "*.example.com", False),
        (("example.com",), "*.com", False),
    ],
)
def test_a_login_reaches_the_hosts_below_its_domain(
    domains: tuple[str, ...], host: str, *, reached: bool
) -> None:
    assert CookieJar(domains).reaches(host, "auth.example.com") is reached
