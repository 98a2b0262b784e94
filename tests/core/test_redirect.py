"""Where a login sends the browser: only to this service and the allowed hosts."""

from typing import Final
from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.redirect import LONGEST_REDIRECT, is_safe_redirect
from tests.core.properties import ANY_TEXT, THOROUGH

HOSTS: Final = frozenset({"app.example.com", "*.tools.example.com", "10.0.0.1", "[::1]"})
OWN: Final = "auth.example.com"


def _is_safe(rd: str, *, scheme: str = "https") -> bool:
    return is_safe_redirect(rd, public_scheme=scheme, public_host=OWN, hosts=HOSTS)


@pytest.mark.parametrize(
    "rd",
    [
        "/",
        "/a",
        "/a/b?c=d&e=%2F#f",
        "/a//b",
        "/@evil.example",
        "/:80",
        "/%5cevil.example",
        "/?rd=https://evil.example",
        "https://app.example.com",
        "https://app.example.com/",
        "https://app.example.com/a?b#c",
        "https://APP.example.com/",
        "https://app.example.com:8443/",
        "https://app.example.com./",
        "https://auth.example.com/logout",
        "https://x.tools.example.com/",
        "https://x.y.tools.example.com:1/",
        "https://10.0.0.1/",
        "https://[::1]:8443/",
        "/" + "a" * (LONGEST_REDIRECT - 1),
    ],
)
def test_a_plain_address_of_ours_is_safe(rd: str) -> None:
    assert _is_safe(rd)


EMPTY_OR_RELATIVE: Final = (
    "", " ", "a", "a/b", "?a", "#a", ".", "..", "./a", "../a", "app.example.com",
    "app.example.com/a", ":80", "@", "logout", ";", "*",
)  # fmt: skip
SLASHES: Final = (
    "//evil.example", "//", "///", "///evil.example", "////evil.example", "//app.example.com",
    "/\\evil.example", "\\\\evil.example", "\\/evil.example", "/\\/evil.example", "\\evil.example",
    "//\\evil.example", "/\t/evil.example", "/\n/evil.example", "/\r/evil.example",
    "/ /evil.example",
    "\t//evil.example", " //evil.example", "\n//evil.example", "/\0/evil.example",
    "\x01//evil.example",
    "\u00a0//evil.example", "\ufeff//evil.example", "/\u2028/evil.example", "/\uff0fevil.example",
    "//%65vil.example", "/a\\b", "/a b", "/a\tb", "/a\r\nSet-Cookie:x", "/a\n", "/\udcff",
    "/\u00e9",
    '/"onload', "/<script>", "/a{b}", "/a|b", "/a^b", "/a`b", "/a[b]", "/%", "/%2", "/%zz", "/a%",
)  # fmt: skip
SCHEMES: Final = (
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", "javascript://app.example.com/",
    "data:text/html,x", "vbscript:x", "file:///etc/passwd", "ftp://app.example.com/",
    "ws://app.example.com/", "blob:https://app.example.com/x", "view-source:https://app.example.com",
    "http://app.example.com/", "http://auth.example.com/", "HTTPS://app.example.com/",
    "Https://app.example.com/", "https:", "https:/", "https://", "https:///",
    "https:app.example.com",
    "https:/app.example.com", "https:///app.example.com", "https:\\\\app.example.com",
    "https:/\\app.example.com", "ht\ntps://app.example.com", " https://app.example.com",
    "https ://app.example.com", "https://app.example.com ", "https://app.example.com\n",
    "://app.example.com", "httpss://app.example.com/", "intent://app.example.com/",
)  # fmt: skip
AUTHORITIES: Final = (
    "https://evil.example", "https://evil.example/", "https://evil.example/app.example.com",
    "https://evil.example?app.example.com", "https://evil.example#app.example.com",
    "https://app.example.com.evil.example", "https://app.example.com@evil.example",
    "https://app.example.com:443@evil.example", "https://evil.example@app.example.com",
    "https://a:b@app.example.com", "https://@app.example.com", "https://evil.example\\@app.example.com",
    "https://evil.example\\.app.example.com", "https://evil.example%00.app.example.com",
    "https://evil.example%2f.app.example.com", "https://evil.example\t.app.example.com",
    "https://app.example.com%2eevil.example", "https://app%2eexample.com", "https://%61pp.example.com",
    "https://app.example.com\\evil", "https://app.example.com?x", "https://app.example.com#x",
    "https://app.example.com:", "https://app.example.com:/", "https://app.example.com:0/",
    "https://app.example.com:65536/", "https://app.example.com:80:80/", "https://app.example.com:a/",
    "https://app.example.com..", "https://.app.example.com", "https://app..example.com",
    "https://xapp.example.com", "https://example.com", "https://tools.example.com/",
    "https://x.app.example.com", "https://*.tools.example.com/", "https://xtools.example.com",
    "https://x.tools.example.com.evil.example", "https://app_example.com", "https://app.example.co",
    "https://app.example.\u212aom", "https://\uff41pp.example.com", "https://app\u3002example.com",
    "https://\u0430pp.example.com", "https://app.example.com\u2044.evil.example",
    "https://0x0a.0.0.1/", "https://10.1/", "https://167772161/", "https://012.0.0.1/",
    "https://[::1", "https://::1/", "https://[0:0:0:0:0:0:0:2]/", "https://[::1%25eth0]/",
    "https://[::ffff:10.0.0.1]/", "https://[app.example.com]/", "https://10.0.0.1.evil.example/",
    "https://app.example.com, https://evil.example", "https://app.example.com/ evil",
    "https://app.example.com/\\evil", "https://app.example.com/\r\nX: y", "https://app.example.com/%",
)  # fmt: skip
LONG: Final = ("/" + "a" * LONGEST_REDIRECT, "https://app.example.com/" + "a" * LONGEST_REDIRECT)


@pytest.mark.parametrize(
    "rd",
    EMPTY_OR_RELATIVE + SLASHES + SCHEMES + AUTHORITIES + LONG,
    ids=lambda rd: ascii(rd)[:50],
)
def test_an_address_that_a_browser_could_take_elsewhere_is_not_safe(rd: str) -> None:
    assert not _is_safe(rd)


def test_a_service_without_https_may_send_by_http_and_by_https() -> None:
    assert _is_safe("http://app.example.com/", scheme="http")
    assert _is_safe("https://app.example.com/", scheme="http")
    assert not _is_safe("http://evil.example/", scheme="http")


def test_without_allowed_hosts_only_the_service_itself_is_safe() -> None:
    for rd, safe in {
        "https://auth.example.com/": True,
        "/": True,
        "https://app.example.com/": False,
        "https://x.auth.example.com/": False,
    }.items():
        assert is_safe_redirect(rd, public_scheme="https", public_host=OWN, hosts=()) is safe


PIECES = st.sampled_from(
    ["https://", "http://", "//", "/", "\\", "app.example.com", "evil.example",
     "x.tools.example.com",
     "@", ":", "443", ".", "..", "?", "#", "%2f", "%5c", "\t", "\n", " ", "[::1]", "10.0.0.1",
     "a", "%", "javascript:", "\u212a", "\uff0f"]
)  # fmt: skip


@THOROUGH
@given(rd=ANY_TEXT | st.lists(PIECES, max_size=6).map("".join))
def test_whatever_is_safe_ends_on_an_allowed_host_for_an_independent_reader(rd: str) -> None:
    for scheme in ("https", "http"):
        if not _is_safe(rd, scheme=scheme):
            continue
        assert rd.isascii()
        assert not set(rd) & set('\\ "<>^`{|}\x7f') | {c for c in rd if c < " "}
        target = urlsplit(urljoin(f"{scheme}://{OWN}/auth/login", rd))
        host = (target.hostname or "").removesuffix(".")
        assert target.scheme in {scheme, "https"}
        assert (target.username, target.password) == (None, None)
        assert host in {OWN, "app.example.com", "10.0.0.1", "::1"} or host.endswith(
            ".tools.example.com"
        )
