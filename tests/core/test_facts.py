"""Methods, schemes and hosts in one reading, or refused."""

import tracemalloc
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.access import Access
from sidecar.core.addresses import TrustedProxies
from sidecar.core.facts import (
    Host,
    parse_host,
    parse_method,
    parse_path,
    parse_scheme,
)
from sidecar.core.policy import Policy, Rule
from sidecar.core.verdict import Deny, Reason
from tests.core.asking import make_facts
from tests.core.properties import ANY_TEXT, THOROUGH

POLICY: Final = Policy({"app.example.com": [Rule("/**", Access())]})
NO_HOST: Final = Deny(Reason.HOST_MALFORMED)


@pytest.mark.parametrize("method", ["GET", "HEAD", "M-SEARCH", "X" * 32, "A!#$%&'*+.^_`|~"])
def test_a_method_is_a_short_token(method: str) -> None:
    assert parse_method(method) == method


@pytest.mark.parametrize(
    "method",
    ["", " ", "GET ", " GET", "GET\n", "GET\r\n", "G ET", "GET\0", "GET/", "GET,POST", "G\u00c9T",
     "\uff27\uff25\uff34", "GET;", "X" * 33, "GET\t", "G(T", '"GET"', "\udcff", "GET:", "@",
     "get", "Post", "GEt", "a!", "CONNECT", "TRACE"],
)  # fmt: skip
def test_what_is_no_token_is_no_method(method: str) -> None:
    assert parse_method(method) == Deny(Reason.METHOD_MALFORMED)


@pytest.mark.parametrize("scheme", ["http", "https", "ws", "wss"])
def test_four_schemes_are_known(scheme: str) -> None:
    assert parse_scheme(scheme) == scheme


@pytest.mark.parametrize(
    "scheme",
    ["", "HTTP", "Https", "ftp", "javascript", "https ", " https", "https:", "https\n",
     "https,http", "http\0", "\udcff", "h2", "file", "data", "on", "\uff48ttp"],
)  # fmt: skip
def test_no_other_scheme_is(scheme: str) -> None:
    assert parse_scheme(scheme) == Deny(Reason.SCHEME_MALFORMED)


@pytest.mark.parametrize(
    ("text", "name", "port"),
    [
        ("app.example.com", HOST := "app.example.com", None),
        ("APP.Example.COM", HOST, None),
        ("app.example.com.", HOST, None),
        ("app.example.com:443", HOST, 443),
        ("app.example.com.:443", HOST, 443),
        ("app.example.com:1", HOST, 1),
        ("app.example.com:65535", HOST, 65_535),
        ("localhost", "localhost", None),
        ("a_b.example.com", "a_b.example.com", None),
        ("xn--bcher-kva.example", "xn--bcher-kva.example", None),
        ("1.2.3.4", "1.2.3.4", None),
        ("1.2.3.4:80", "1.2.3.4", 80),
        ("4.example.com", "4.example.com", None),
        ("[::1]", "[::1]", None),
        ("[::1]:8080", "[::1]", 8080),
        ("[2001:DB8:0:0:0:0:0:1]", "[2001:db8::1]", None),
        ("[0000::0001]", "[::1]", None),
        ("a" * 63 + ".example", "a" * 63 + ".example", None),
        (".".join(["a" * 49] * 5) + ".com", ".".join(["a" * 49] * 5) + ".com", None),
    ],
)
def test_a_host_has_one_canonical_name(text: str, name: str, port: int | None) -> None:
    host = parse_host(text)
    assert host == Host(name, port)
    assert str(host) == (name if port is None else f"{name}:{port}")


HOSTS_REFUSED: Final = (
    # names that are none
    "", " ", ".", "..", "a..b", ".a", "a..", "-a", "a-", "a.-b.c", "a-.b", "*", "*.example.com",
    "a" * 64, "a" * 64 + ".example", ".".join(["a" * 49] * 5) + ".comm", "a" * 300, "a b", "a\tb",
    "a\n", "a\r\nb", "a\0", "a\x7f", "a/b", "a\\b", "a?b", "a#b", "a%b", "a%2eb", "a,b", "a;b",
    "a@b", "user:password@a", "user@a:80", "http://a", "//a", "a'", '"a"', "a(b)", "a&b", "a=b",
    # letters that only look like ours
    "\u00e9.example", "b\u00fccher.example", "\u212a.example.com", "app.example.\u212a",
    "\uff41.example", "app\u3002example", "app\uff0eexample", "\u0430pp.example", "\udcff",
    "a\u200b",
    # ports that are none
    "a:", "a:0", "a:00000", "a:65536", "a:99999", "a:123456", "a:-1", "a:+80", "a: 80", "a:80 ",
    "a:http", "a:80:80", ":80", ":", "a:\u0668\u0660", "a:8_0", "1.2.3.4:", "[::1]:", "[::1]:0",
    # addresses in another spelling than their one
    "127.1", "127.0.1", "2130706433", "0x7f.0.0.1", "0x7f000001", "0177.0.0.1", "127.0.0.01",
    "1.2.3.256", "1.2.3.4.5", "1.2.3", "0x", "a.0x", "a.1", "example.123", "example.0xabc",
    "1.2.3.0x4", "256.256.256.256", "1.2.3.4..", "00.0.0.0",
    "::1", "[]", "[", "]", "[::1", "::1]", "[::1]x", "x[::1]", "[[::1]]", "[::1]]", "[:::1]", "[1]",
    "[1.2.3.4]", "[::1%25eth0]", "[::1%eth0]", "[fe80::1%]", "[v1.a]", "[::g]", "[::1].", "[::1 ]",
    "[12345::]", "[1:2:3:4:5:6:7:8:9]", "[::1.2.3.256]", "[::1/128]",
)  # fmt: skip


@pytest.mark.parametrize("text", HOSTS_REFUSED, ids=lambda text: ascii(text)[:40])
def test_what_is_no_host_is_refused(text: str) -> None:
    assert parse_host(text) == NO_HOST


@THOROUGH
@given(text=ANY_TEXT | st.text("a1.:[]-x0%@*\u212a", max_size=12))
def test_any_text_as_host_method_scheme_gives_a_value_or_a_refusal(text: str) -> None:
    host = parse_host(text)
    assert host == NO_HOST or (isinstance(host, Host) and parse_host(str(host)) == host)
    assert host == NO_HOST or text.isascii()
    assert parse_method(text) in {text, Deny(Reason.METHOD_MALFORMED)}
    assert parse_scheme(text) in {text, Deny(Reason.SCHEME_MALFORMED)}


def _url(scheme: str, host: Host, target: str) -> str:
    """Return the way back to this target."""
    return make_facts(scheme=scheme, host=host)._replace(target=target).url


@pytest.mark.parametrize(
    ("scheme", "host", "url"),
    [
        ("https", Host("a.example", None), "https://a.example/x?y"),
        ("wss", Host("a.example", 8443), "https://a.example:8443/x?y"),
        ("ws", Host("[::1]", 80), "http://[::1]:80/x?y"),
        ("http", Host("a.example", 80), "http://a.example:80/x?y"),
    ],
)
def test_the_way_back_is_spelled_as_a_browser_spells_it(scheme: str, host: Host, url: str) -> None:
    assert _url(scheme, host, "/x?y") == url


@pytest.mark.parametrize(
    ("target", "spelled"),
    [
        ("/?\udcff", "/?%FF"),
        ("/?a=\udcc3b", "/?a=%C3b"),
        ("/\u00e9?\u00e9", "/%C3%A9?%C3%A9"),
        ("/%FF?%ff&100%", "/%FF?%ff&100%"),
        ("/?<\"'{}|\\^`>#", "/?<\"'{}|\\^`>#"),
    ],
    ids=ascii,
)
def test_the_way_back_is_ascii_and_keeps_what_was_escaped(target: str, spelled: str) -> None:
    assert _url("https", Host("a.example", None), target) == f"https://a.example{spelled}"


def test_a_flood_of_long_texts_fills_no_memory() -> None:
    proxies = TrustedProxies([])
    tracemalloc.start()
    try:
        for number in range(3000):
            long = f"{number:x}".ljust(8000, "a")
            parse_host(long)
            parse_path(f"/{long}")
            proxies.trust(long)
            POLICY.find("app.example.com", f"/{long}")
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 2_000_000  # octets; 3000 texts of each kind would be 96 MB
