"""Who is sent to the login page: a person in front of a browser, and nobody else."""

from typing import Final
from urllib.parse import quote

import pytest

from sidecar.core.redirect import LONGEST_REDIRECT
from sidecar.web.navigation import LONGEST_ACCEPT
from tests.web.conftest import PUBLIC_URL
from tests.web.gated import DIALECTS, HOST, PARAMETRIC, Answer, Gated, Lines, asked, send

pytestmark = pytest.mark.asyncio(loop_scope="module")

HTML: Final = ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
MODE: Final = ("Sec-Fetch-Mode", "navigate")
PERSON: Final[tuple[Lines, ...]] = (
    [MODE],
    [MODE, ("Accept", "application/json")],
    [MODE, ("Sec-Fetch-Dest", "document"), HTML],
    [HTML],
    [("Accept", "text/html")],
    [("Accept", "TEXT/HTML")],
    [("Accept", " text/html ;charset=utf-8 ; q=0.5")],
    [("Accept", "application/xhtml+xml")],
    [("Accept", "text/html, application/json;q=0.9")],
    [("Accept", "application/json;q=0.9, text/html")],
    [("Accept", "application/json;Q=0.1, text/html;Q=0.2")],
    [("Accept", "*/*, text/html;q=0.1")],
    [("Accept", "text/*, text/html;q=0.1")],
    [("Accept", "text/html,image/webp,*/*;q=0.8")],
    [("Accept", "application/json;q=0"), ("Accept", "text/html;q=0.001")],
    [("Accept", "text/html;q=2")],
    [("Accept", "text/html" + "," * (LONGEST_ACCEPT - 9))],
    [HTML, ("Content-Type", "application/x-www-form-urlencoded")],
    [HTML, ("Upgrade-Insecure-Requests", "1")],
)
PROGRAM: Final[tuple[Lines, ...]] = (
    [],
    [("Accept", "")],
    [("Accept", "*/*")],
    [("Accept", "text/*")],
    [("Accept", "application/json")],
    [("Accept", "application/json, text/plain, */*")],
    [("Accept", "application/json, text/html;q=0.9")],
    [("Accept", "text/html;q=0.9, application/json")],
    [("Accept", "text/html;q=0.5"), ("Accept", "application/json")],
    [("Accept", "text/html;q=0")],
    [("Accept", "text/html;q=0.0, */*")],
    [("Accept", "text/html;q=-1")],
    [("Accept", "text/html;q=nan")],
    [("Accept", "text/html;q=x")],
    [("Accept", "text/html;q=")],
    [("Accept", b"text/html;q=\xff")],
    [("Accept", "text/htmlx")],
    [("Accept", "xtext/html")],
    [("Accept", "image/avif,image/webp,*/*;q=0.8")],
    [("Accept", "text/html" + "," * (LONGEST_ACCEPT - 8))],
    [("Accept", "text/html" + ";" * 30_000)] * 20,
    # said twice: one of them by somebody else
    [MODE, ("Sec-Fetch-Mode", "cors"), HTML],
    [("Sec-Fetch-Mode", "cors"), MODE, HTML],
    # a browser, but not on its way to a page
    [("Sec-Fetch-Mode", "cors"), HTML],
    [("Sec-Fetch-Mode", "no-cors"), HTML],
    [("Sec-Fetch-Mode", "same-origin"), HTML],
    [("Sec-Fetch-Mode", "websocket"), HTML],
    [("Sec-Fetch-Mode", "nested-navigate"), HTML],
    [("Sec-Fetch-Mode", ""), HTML],
    # never, whatever else it says
    [MODE, HTML, ("X-Requested-With", "XMLHttpRequest")],
    [MODE, HTML, ("X-Requested-With", "")],
    [MODE, HTML, ("Upgrade", "websocket")],
    [MODE, HTML, ("Upgrade", "h2c")],
    [MODE, HTML, ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")],
    [MODE, HTML, ("Content-Type", "application/grpc")],
    [MODE, HTML, ("Content-Type", "application/grpc+proto")],
    [MODE, HTML, ("Content-Type", "Application/gRPC-Web+proto")],
)


async def _ask(gated: Gated, dialect: str, lines: Lines, method: str, query: str = "") -> Answer:
    question = [*asked(dialect, method=method), *lines]
    return await send(gated.web.port, question, f"/verify/{dialect}{query}")


def _assert_sent_on(answer: Answer, dialect: str, method: str) -> None:
    found = 302 if method in {"GET", "HEAD"} else 303
    assert answer.status == (401 if dialect == "nginx" else found)
    assert "Location" in answer.headers
    assert ("WWW-Authenticate" in answer.headers) is (dialect == "nginx")


def _assert_told(answer: Answer) -> None:
    assert answer.status == 401
    assert "Location" not in answer.headers
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("lines", PERSON, ids=lambda lines: ascii(lines)[:80])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_person_is_sent_to_the_login_page(gated: Gated, dialect: str, lines: Lines) -> None:
    for method in ("GET", "HEAD", "POST", "DELETE", "OPTIONS"):
        _assert_sent_on(await _ask(gated, dialect, lines, method), dialect, method)


@pytest.mark.parametrize("lines", PROGRAM, ids=lambda lines: ascii(lines)[:80])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_program_is_told_what_to_bring(gated: Gated, dialect: str, lines: Lines) -> None:
    for method in ("GET", "POST"):
        _assert_told(await _ask(gated, dialect, lines, method))


@pytest.mark.parametrize("lines", [*PERSON, *PROGRAM], ids=lambda lines: ascii(lines)[:80])
@pytest.mark.parametrize("dialect", PARAMETRIC)
async def test_the_mode_decides_by_hand(gated: Gated, dialect: str, lines: Lines) -> None:
    for method in ("GET", "POST", "OPTIONS"):
        _assert_sent_on(await _ask(gated, dialect, lines, method, "?mode=browser"), dialect, method)
        _assert_told(await _ask(gated, dialect, lines, method, "?mode=api"))


async def test_the_query_behind_envoys_prefix_is_the_clients(gated: Gated) -> None:
    for mode in ("api", "browser", "x"):
        _assert_told(await gated.ask("envoy", f"/a?mode={mode}"))
        person = await gated.ask("envoy", f"/a?mode={mode}", [MODE])
        way_back = quote(f"http://{HOST}/a?mode={mode}", safe="")
        assert person.headers["Location"] == f"{PUBLIC_URL}/login?rd={way_back}"


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_preflight_is_no_navigation(gated: Gated, dialect: str) -> None:
    lines = [MODE, HTML, ("Access-Control-Request-Method", "POST")]
    _assert_told(await _ask(gated, dialect, lines, "OPTIONS"))
    _assert_sent_on(await _ask(gated, dialect, lines, "GET"), dialect, "GET")


@pytest.mark.parametrize("query", ["?mode=api", "?m%6fde=%61pi"])
async def test_the_mode_may_be_spelled_as_a_query_may(gated: Gated, query: str) -> None:
    _assert_told(await _ask(gated, "traefik", [MODE], "GET", query))


@pytest.mark.parametrize(
    ("scheme", "host", "target", "url"),
    [
        ("http", HOST, "/", f"http://{HOST}/"),
        ("https", "APP.example.com.", "/", f"https://{HOST}/"),
        ("https", f"{HOST}:8443", "/a", f"https://{HOST}:8443/a"),
        ("http", HOST, "/a?b=c&d#e", f"http://{HOST}/a?b=c&d#e"),
        ("http", HOST, "/%C3%A9+", f"http://{HOST}/%C3%A9+"),
        # what no browser leaves unescaped comes back escaped
        ("http", HOST, b"/\xc3\xa9", f"http://{HOST}/%C3%A9"),
        ("http", HOST, b"/?\xff", f"http://{HOST}/?%FF"),
        ("http", HOST, b"/?a=\xc3&b=\xf0\x9f", f"http://{HOST}/?a=%C3&b=%F0%9F"),
    ],
)
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_the_way_back_is_the_address_that_was_asked_for(
    gated: Gated, dialect: str, scheme: str, host: str, target: str | bytes, url: str
) -> None:
    if dialect == "envoy" and isinstance(target, bytes):
        assert (await gated.ask(dialect, target, [MODE])).status == 400  # no request line has those
        return
    answer = await gated.ask(dialect, target, [MODE], scheme=scheme, host=host)
    assert answer.headers["Location"] == f"{PUBLIC_URL}/login?rd={quote(url, safe='')}"


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_way_back_that_the_login_would_drop_is_not_sent_along(
    gated: Gated, dialect: str
) -> None:
    for spare, carried in ((0, True), (1, False), (5000, False)):
        path = "/" + "x" * (LONGEST_REDIRECT - len(f"http://{HOST}/") + spare)
        answer = await send(
            gated.web.port, [*asked(dialect, path), MODE, HTML], f"/verify/{dialect}"
        )
        assert ("?rd=" in answer.headers["Location"]) is carried, spare
