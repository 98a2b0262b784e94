"""A question that is missing something, says it twice or says what is none: refused for everybody.

Every row is asked as root about a path that anyone may reach: nothing but the fault refuses it.
"""

from typing import Final

import pytest

from sidecar.core.addresses import MOST_HOPS
from sidecar.core.facts import LONGEST_TARGET
from sidecar.web.headers import LONGEST_COOKIES, MOST_COOKIES
from tests.web.gated import (
    DIALECTS,
    HOST,
    MALFORMED,
    Answer,
    Gated,
    Line,
    Lines,
    asked,
    send,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

OPEN: Final = "/public/"
OWN_HEADERS: Final = [
    (dialect, name)
    for dialect in DIALECTS
    for name, _ in asked(dialect, OPEN)
    if not name.startswith(":")
]


async def _ask(gated: Gated, dialect: str, lines: Lines) -> Answer:
    lines = [*lines, *gated.credentials["root"]]
    return await send(gated.web.port, lines, f"/verify/{dialect}")


def _assert_refused(answer: Answer, dialect: str, reason: str, *, by_parser: bool = False) -> None:
    """Fail unless this is that refusal; what is no request line is refused before it is read."""
    reasons = {reason, "malformed"} if by_parser else {reason}
    assert (answer.status, answer.reason in reasons) == (MALFORMED[dialect], True)
    assert "WWW-Authenticate" not in answer.headers
    assert "Location" not in answer.headers
    answer.assert_tells_nobody()


def _with(dialect: str, name: str, value: str | bytes) -> list[Line]:
    """Return a question in which one header says `value`."""
    return [(each, value if each == name else said) for each, said in asked(dialect, OPEN)]


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_the_question_without_a_fault_is_allowed(gated: Gated, dialect: str) -> None:
    assert (await _ask(gated, dialect, asked(dialect, OPEN))).status == 200


@pytest.mark.parametrize(("dialect", "name"), OWN_HEADERS)
async def test_a_header_that_is_missing_has_no_default(
    gated: Gated, dialect: str, name: str
) -> None:
    lines = [line for line in asked(dialect, OPEN) if line[0] != name]
    answer = await _ask(gated, dialect, lines)
    _assert_refused(answer, dialect, "header_missing", by_parser=name == "Host")


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize(("dialect", "name"), OWN_HEADERS)
async def test_a_header_that_stands_twice_is_refused_even_when_both_agree(
    gated: Gated, dialect: str, name: str, *, same: bool, first: bool
) -> None:
    question = asked(dialect, OPEN)
    other = (name.upper(), dict(question)[name] if same else "")
    lines = [other, *question] if first else [*question, other]
    answer = await _ask(gated, dialect, lines)
    _assert_refused(answer, dialect, "header_doubled", by_parser=name == "Host")


METHODS: Final = (
    "", "GET,GET", "GET, POST", "GET POST", "GET:", "GET/1.1", "X" * 33, "(", b"G\xffT",
    b"G\xc3\x89T", "G\tT", "@", '"GET"', "\u2028",
)  # fmt: skip
SCHEMES: Final = (
    "", "HTTP", "ftp", "http,https", "https, http", "javascript", b"http\xff", "http:", "h2",
    "http s", "x" * 8000,
)  # fmt: skip
HOSTS: Final = (
    "", "app.example.com,app.example.com", "a@app.example.com", "app.example.com:",
    "app.example.com:0", "app.example.com:65536", "app.example.com:80:80", "app.example.com:+80",
    "http://app.example.com", "app.example.com/", "app..example.com", "-a.example", ".", "..",
    "app.example.com..", "app.example.com\t.", b"app.example.com\xff", "\u0430pp.example.com",
    b"\xe2\x84\xaa.example.com", "127.1", "0x7f.1", "2130706433", "::1", "[::1", "[::1%25lo]",
    "[::1].example.com", "a" * 64 + ".example", "a." * 4000, "*.example.com", "app.example.com#",
    "app.example.com?", "app.example.com\\", "app%2eexample.com", "app.example.com;a",
)  # fmt: skip
TARGETS: Final = (
    "", "*", "public/", "http://app.example.com/public/", "//app.example.com/",
    "app.example.com:443", "?", "?/public/", "#/public/", "/public/#", "/public/\\..", "/public//",
    "/public/./", "/public/../admin/", "/public/%2e%2e/admin/", "/public/%2fadmin",
    "/public/%5cadmin", "/public;/admin", "/public/%3b", "/public/%", "/public/%zz",
    "/public/%252e", "/public/%00", "/public/%0a", "/public/%ff", "/public/a b", "/public/?a b",
    "/public/\ta", b"/public/\xff", b"/public/\xc0\xae", b"/public/\xed\xa0\x80",
    "/public/" + "a" * LONGEST_TARGET,
)  # fmt: skip
URLS: Final = (
    ("", "scheme_malformed"), ("/public/", "scheme_malformed"),
    ("app.example.com/public/", "scheme_malformed"),
    ("//app.example.com/public/", "scheme_malformed"),
    ("http:/app.example.com/public/", "scheme_malformed"),
    ("HTTP://app.example.com/public/", "scheme_malformed"),
    ("ftp://app.example.com/public/", "scheme_malformed"),
    (b"http\xff://app.example.com/public/", "scheme_malformed"),
    ("http:///public/", "host_malformed"), ("http://", "host_malformed"),
    ("http://a:b@app.example.com/public/", "host_malformed"),
    ("http://app.example.com:0/public/", "host_malformed"),
    ("http://app.example.com:/public/", "host_malformed"),
    ("http://app.example.com?/public/", "host_malformed"),
    ("http://app.example.com#/public/", "host_malformed"),
    ("http://app.example.com\\/public/", "host_malformed"),
    ("http://app.example.comhttp://app.example.com/public/", "host_malformed"),
    (b"http://app.example.com\xff/public/", "host_malformed"),
    ("http://app.example.com", "path_ambiguous"),
    ("http://app.example.com//public/", "path_ambiguous"),
    ("http://app.example.com/public/../admin/", "path_ambiguous"),
    ("http://app.example.com/public/%2e%2e/admin/", "path_ambiguous"),
    ("http://app.example.com/public/#", "path_ambiguous"),
    (b"http://app.example.com/public/\xff", "path_ambiguous"),
    ("http://app.example.com/public/" + "a" * LONGEST_TARGET, "path_ambiguous"),
)  # fmt: skip
VALUES: Final = {
    "X-Original-Method": ("method_malformed", METHODS),
    "X-Forwarded-Method": ("method_malformed", METHODS),
    ":method": ("method_malformed", METHODS),
    "X-Forwarded-Proto": ("scheme_malformed", SCHEMES),
    "X-Forwarded-Host": ("host_malformed", HOSTS),
    "Host": ("host_malformed", HOSTS),
    "X-Forwarded-Uri": ("path_ambiguous", TARGETS),
    ":path": ("path_ambiguous", TARGETS),
}
NO_QUESTIONS: Final = [
    *(("nginx", "X-Original-URL", value, reason) for value, reason in URLS),
    *(
        (dialect, name, value, VALUES[name][0])
        for dialect in DIALECTS
        for name, _ in asked(dialect)
        if name in VALUES
        for value in VALUES[name][1]
    ),
]


@pytest.mark.parametrize(
    ("dialect", "name", "value", "reason"), NO_QUESTIONS, ids=lambda value: ascii(value)[:50]
)
async def test_a_header_that_says_what_is_none_is_refused(
    gated: Gated, dialect: str, name: str, value: str | bytes, reason: str
) -> None:
    answer = await _ask(gated, dialect, _with(dialect, name, value))
    _assert_refused(answer, dialect, reason, by_parser=name in {":method", ":path", "Host"})


@pytest.mark.parametrize("octet", [b"\0", b"\x01", b"\x1b", b"\x7f", b"\r", b"\n ", b"\r\n "])
@pytest.mark.parametrize(("dialect", "name"), OWN_HEADERS)
async def test_control_octets_and_folded_lines_are_no_request_at_all(
    gated: Gated, dialect: str, name: str, octet: bytes
) -> None:
    said = str(dict(_with(dialect, name, "X"))[name]).encode()
    answer = await _ask(gated, dialect, _with(dialect, name, said[:3] + octet + said[3:]))
    assert answer.status == 400
    assert not set(answer.headers) & {"Remote-User", "X-Auth-Assertion", "Cookie"}


@pytest.mark.parametrize(
    "lines",
    [["garbage"], [""], ["1.2.3.4, "], ["1.2.3.4, garbage"], ["1.2.3.4:80"], ["[::1]"],
     ["fe80::1%eth0"], ["1.2.3.4", "garbage"], ["1.2.3"], ["01.2.3.4"], [b"\xff"], ["unknown"],
     ["127.0.0.1," * MOST_HOPS + "127.0.0.1"], ["127.0.0.1"] * (MOST_HOPS + 1),
     ["," * 30_000] * 20],
    ids=lambda lines: ascii(lines)[:30],
)  # fmt: skip
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_chain_of_addresses_that_cannot_be_read_is_refused(
    gated: Gated, dialect: str, lines: list[str | bytes]
) -> None:
    chain = [("X-Forwarded-For", line) for line in lines]
    answer = await _ask(gated, dialect, [*asked(dialect, OPEN), *chain])
    _assert_refused(answer, dialect, "address_malformed")


@pytest.mark.parametrize(
    "lines",
    [["1.2.3.4"], ["garbage, 1.2.3.4"], ["127.0.0.1"], ["::ffff:1.2.3.4"], ["x", "2001:db8::1"],
     ["127.0.0.1," * (MOST_HOPS - 1) + "127.0.0.1"]],
    ids=lambda lines: ascii(lines)[:30],
)  # fmt: skip
async def test_what_stands_left_of_the_clients_address_is_the_clients(
    gated: Gated, lines: list[str]
) -> None:
    chain = [("X-Forwarded-For", line) for line in lines]
    assert (await _ask(gated, "traefik", [*asked("traefik", OPEN), *chain])).status == 200


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_more_cookies_than_a_browser_keeps_are_not_read(gated: Gated, dialect: str) -> None:
    for lines in (
        [("Cookie", ";".join(["a=1"] * (MOST_COOKIES + 1)))],
        [("Cookie", "a=1")] * 100 + [("Cookie", "; " * (MOST_COOKIES - 100))],
        [("Cookie", ";" * 30_000)] * 20,
        [("Cookie", f"a={'x' * (LONGEST_COOKIES // 2)}")] * 2,
    ):
        answer = await _ask(gated, dialect, [*asked(dialect, OPEN), *lines])
        _assert_refused(answer, dialect, "header_too_long")
    for most in (";".join(["a=1"] * MOST_COOKIES), f"a={'x' * (LONGEST_COOKIES - 100)}"):
        answer = await _ask(gated, dialect, [*asked(dialect, OPEN), ("Cookie", most)])
        assert answer.status == 200


FOREIGN: Final = (
    ("Forwarded", "for=1.2.3.4;host=app.example.com;proto=https"),
    ("X-Original-URI", OPEN),
    ("X-Rewrite-URL", OPEN),
    ("X-Forwarded-Prefix", "/public"),
    ("X-Forwarded-Port", "1"),
    ("X-Forwarded-Scheme", "https"),
    ("X-HTTP-Method-Override", "GET"),
    ("X_Forwarded_Uri", OPEN),
    ("X.Original.URL", f"http://{HOST}/public/"),
)


@pytest.mark.parametrize("value", [None, "", b"\xff", "//"])
@pytest.mark.parametrize("family", ["nginx", "traefik"])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_another_family_beside_the_dialects_own_changes_nothing(
    gated: Gated, dialect: str, family: str, value: str | bytes | None
) -> None:
    own = {name for name, _ in asked(dialect)}
    others = [(name, said) for name, said in asked(family, OPEN) if name not in own]
    foreign = [(name, said if value is None else value) for name, said in others]
    for beside in (foreign, foreign * 2, [*foreign, *FOREIGN]):
        for who, status in (("nobody", 401), ("alice", 403), ("root", 200)):
            question = [*beside, *asked(dialect, "/admin/"), *gated.credentials[who]]
            answer = await send(gated.web.port, question, f"/verify/{dialect}")
            assert answer.status == status
    missing = asked(dialect, "/admin/")[:-1]
    answer = await _ask(gated, dialect, [*foreign, *FOREIGN, *missing])
    _assert_refused(answer, dialect, "header_missing")
