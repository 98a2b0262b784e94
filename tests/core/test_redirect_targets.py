"""Where browsers end up: every target that passes, read by a WHATWG URL parser (ada).

The parser is that of other people: it repairs addresses as browsers do, which ours never does. The
page that a target is resolved against is our own login page.
"""

from typing import Final
from urllib.parse import quote

import ada_url
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sidecar.core.redirect import is_safe_redirect
from tests.core.properties import THOROUGH

OWN: Final = "auth.example.com"
PAGE: Final = f"https://{OWN}/login?rd=x"
EXACT: Final = frozenset({"app.example.com", "10.0.0.7", "[2001:db8::7]"})
BELOW: Final = "tools.example.com"
HOSTS: Final = EXACT | {f"*.{BELOW}"}


def is_safe(rd: str) -> bool:
    """Say whether a login sends a browser there."""
    return is_safe_redirect(rd, public_scheme="https", public_host=OWN, hosts=HOSTS)


def reaches(rd: str) -> str | None:
    """Return the host at which a browser ends up, None for what is no address of the web."""
    try:
        url = ada_url.URL(rd, base=PAGE)
    except ValueError:
        return None
    assert url.protocol == "https:", url.href
    assert (url.username, url.password) == ("", "")
    return str(url.hostname)


def is_allowed(host: str | None) -> bool:
    """Say whether a host is ours or one of those that are allowed, as the parser spells it."""
    if host is None:
        return False
    host = host.removesuffix(".")
    return host in EXACT or host == OWN or host.endswith(f".{BELOW}")


GOOD: Final = (
    *("/", "/account", "/a/b/c", "/a?b=c", "/a?b=c&d=e", "/a#b", "/a?b#c", "/?", "/#", "/?/#/"),
    *("/%20", "/%2F%2Fevil.example", "/%5C%5Cevil.example", "/%00", "/%0d%0a", "/a//b", "/a/../b"),
    *("/.", "/..", "/./", "/~me", "/!$&'()*+,;=:@", "/:@evil.example", "/@evil.example"),
    *("/;evil.example", "/?next=https://evil.example/", "/#https://evil.example/"),
    *("https://app.example.com", "https://app.example.com/", "https://app.example.com/x?y#z"),
    *("https://app.example.com:443/", "https://app.example.com:8443/a", "https://APP.Example.COM/"),
    *("https://app.example.com/@evil.example", "https://app.example.com/https://evil.example"),
    *("https://app.example.com//evil.example", "https://app.example.com/?u=//evil.example"),
    *("https://app.example.com./x", f"https://{OWN}/", f"https://{OWN}:9443/logout"),
    *(f"https://x.{BELOW}/", f"https://a.b.c.{BELOW}/d", f"https://1.{BELOW}:1/"),
    *(f"https://x-y.{BELOW}/", f"https://xn--bcher-kva.{BELOW}/", "https://10.0.0.7/"),
    *("https://10.0.0.7:8443/x", "https://[2001:db8::7]/", "https://[2001:db8::7]:8443/x"),
    *("https://[2001:DB8::7]/", "https://app.example.com/%7Eme", "https://app.example.com/a%2Fb"),
)

EVIL: Final = "evil.example"
# What a browser does not see, or takes for something else: TAB, LF and CR are dropped anywhere,
# what is not above the space at both ends, `\` is `/` (WHATWG URL, 4.4).
DROPPED: Final = ("\t", "\n", "\r", "\r\n", "\t\t", "\n\t")
AROUND: Final = (" ", "\x00", "\x01", "\x08", "\x0b", "\x0c", "\x1b", "\x1f", *DROPPED)
OTHER_SLASHES: Final = ("\\", "\uff0f", "\u2044", "\u2215", "\u29f8", "\uff3c", "%2f", "%5c")
OTHER_DOTS: Final = ("\u3002", "\uff0e", "\uff61", "\u2024", "%2e", "%E3%80%82", "\ufe52")
HOSTILE: Final = (
    # another host, by scheme-relative and absolute addresses
    *(f"//{EVIL}", f"///{EVIL}", f"////{EVIL}", f"/////{EVIL}", f"//{EVIL}:443/", f"//{EVIL}/../"),
    *(f"//@{EVIL}", f"//a@{EVIL}", f"//app.example.com@{EVIL}", f"//app.example.com:443@{EVIL}"),
    *(f"//{EVIL}?app.example.com", f"//{EVIL}#app.example.com", f"//{EVIL}/app.example.com"),
    *(f"https://{EVIL}", f"https://{EVIL}/app.example.com", f"https://{EVIL}?https://{OWN}/"),
    *(f"https://{EVIL}#@{OWN}", f"https://{OWN}.{EVIL}/", f"https://app.example.com.{EVIL}/"),
    *(f"https://{EVIL}:443/", f"https://{EVIL}./", f"HTTPS://{EVIL}/", f"http://{EVIL}/"),
    *(f"https:{EVIL}", f"https:/{EVIL}", f"https:///{EVIL}", f"https:////{EVIL}", f"http:{EVIL}"),
    # users and passwords that look like hosts
    *(f"https://app.example.com@{EVIL}/", f"https://app.example.com:x@{EVIL}/"),
    *(f"https://app.example.com%2f@{EVIL}/", f"https://app.example.com%40@{EVIL}/"),
    *(f"https://{OWN}:pass@{EVIL}/", f"https://a:b@c@{EVIL}/", f"https://@{EVIL}/"),
    *(f"https://:@{EVIL}/", f"https://app.example.com?@{EVIL}/", f"https://app.example.com#@{EVIL}"),
    # slashes that are none, and those that are not taken for one
    *(f"/{slash}{EVIL}" for slash in OTHER_SLASHES[:1]),
    *(f"{slash}{slash}{EVIL}" for slash in OTHER_SLASHES),
    *(f"https:{slash}{slash}{EVIL}" for slash in OTHER_SLASHES),
    *(f"https://{EVIL}{slash}.app.example.com/" for slash in OTHER_SLASHES),
    *(f"https://{EVIL}{slash}@app.example.com/" for slash in OTHER_SLASHES),
    *(f"https://app.example.com{slash}@{EVIL}/" for slash in OTHER_SLASHES[1:]),
    *("\\/" + EVIL, "/\\/" + EVIL, "\\\\/" + EVIL, "//\\" + EVIL, "https:/\\" + EVIL),
    # what is dropped between two slashes, in a scheme and in a host
    *(f"/{dropped}/{EVIL}" for dropped in DROPPED),
    *(f"{around}//{EVIL}" for around in AROUND),
    *(f"{around}https://{EVIL}/" for around in AROUND),
    *(f"ht{dropped}tps://{EVIL}/" for dropped in DROPPED),
    *(f"https:{dropped}//{EVIL}" for dropped in DROPPED),
    *(f"https://ev{dropped}il.example/" for dropped in DROPPED),
    *(f"https://app.example.com{dropped}.{EVIL}/" for dropped in DROPPED),
    # dots and letters that become others (UTS 46)
    *(f"https://app.example.com{dot}{EVIL}/" for dot in OTHER_DOTS),
    *(f"https://{EVIL.replace('.', dot)}/" for dot in OTHER_DOTS),
    *("https://\u0435vil.example/", "https://\uff45vil.example/", "https://ev\u00adil.example/"),
    *("https://app.example.\u200bcom.evil.example/", "https://\u2488evil.example/"),
    # neighbours of what is allowed
    *("https://xapp.example.com/", "https://app.example.com.x/", "https://example.com/"),
    *("https://www.app.example.com/", f"https://{BELOW}/", f"https://x{BELOW}/"),
    *(f"https://{BELOW}.{EVIL}/", f"https://x.{BELOW}.{EVIL}/", "https://10.0.0.70/"),
    *("https://10.0.0.7.evil.example/", "https://[2001:db8::8]/", "https://[::ffff:10.0.0.7]/"),
    *("https://[2001:db8::7].evil.example/", "https://app.example.com-evil.example/"),
    *("https://app-example.com/", "https://app_example_com/", f"https://x.{EVIL}.{BELOW[1:]}/"),
    # other schemes, and the same over a line that everybody reads
    *("javascript:alert(1)", "JavaScript:alert(1)", "java\nscript:alert(1)", "\x01javascript:x"),
    *("javascript://app.example.com/%0aalert(1)", "data:text/html,<script>", "vbscript:x"),
    *("blob:https://app.example.com/x", "file:///etc/passwd", "ftp://app.example.com/"),
    *("wss://app.example.com/", "view-source:https://app.example.com", "about:blank", "mailto:a@b"),
    *("http://app.example.com/", f"http://{OWN}/", "tel:1", "intent://app.example.com/", "x:y"),
    # lines of an answer
    *("/\r\nLocation: //evil.example", "/x\r\n\r\n<script>", "/\x00//evil.example", "/\u2028x"),
    *("https://app.example.com/\r\nSet-Cookie: a=b", "/\u00e9", "/\udc80", "/ x", '/"x', "/<x>"),
    # nothing that says where
    *("", " ", ".", "..", "x", "?x", "#x", "account", "./x", "../x", "app.example.com", "a@b"),
    *("https:", "https:/", "https://", "https:///", "https://?", "https://#", "https://:443/"),
    # ports that are none
    *("https://app.example.com:0/", "https://app.example.com:65536/", "https://app.example.com:x/"),
    *("https://app.example.com:443:80/", "https://app.example.com:-1/", "https://app.example.com:/"),
)  # fmt: skip


def test_there_are_enough_of_both() -> None:
    assert len(set(GOOD)) >= 40
    assert len(set(HOSTILE)) >= 150


@pytest.mark.parametrize("rd", GOOD)
def test_a_good_target_is_let_pass_and_reached(rd: str) -> None:
    assert is_safe(rd)
    assert is_allowed(reaches(rd))


@pytest.mark.parametrize("rd", HOSTILE, ids=lambda rd: quote(rd, errors="replace", safe=""))
def test_a_hostile_target_is_dropped(rd: str) -> None:
    assert not is_safe(rd)


def test_many_of_them_would_have_reached_another_host() -> None:
    """The list is worth its name: the parser says so."""
    foreign = 0
    for rd in HOSTILE:
        try:
            url = ada_url.URL(rd, base=PAGE)
        except ValueError:
            continue
        foreign += not is_allowed(str(url.hostname)) or url.protocol != "https:"
    assert foreign >= 75


PIECES: Final = st.sampled_from(
    [
        *("/", "//", "\\", ":", "@", ".", "?", "#", "%", "%2f", "%2e", "[", "]", "-", "*", "//@"),
        *("https:", "https://", "http://", "javascript:", "\t", "\n", "\r", " ", "\x00", "\u3002"),
        *("app.example.com", OWN, BELOW, EVIL, "10.0.0.7", "[2001:db8::7]", "443", "x", "\u0435"),
    ]
)


@THOROUGH
@given(st.lists(PIECES, max_size=8).map("".join) | st.text(max_size=30))
@example(f"https://app.example.com:443@{EVIL}")
@example(f"/\t/{EVIL}")
def test_whatever_is_let_pass_ends_at_an_allowed_host(rd: str) -> None:
    if is_safe(rd):
        assert is_allowed(reaches(rd))


@THOROUGH
@given(
    st.sampled_from(GOOD),
    st.integers(0, 60),
    st.sampled_from(["", *AROUND, *OTHER_SLASHES, *OTHER_DOTS, "@", ":", "//", f"@{EVIL}/"]),
)
def test_a_good_target_that_was_changed_anywhere_reaches_nobody_else(
    rd: str, place: int, inserted: str
) -> None:
    changed = rd[:place] + inserted + rd[place:]
    if is_safe(changed):
        assert is_allowed(reaches(changed))
