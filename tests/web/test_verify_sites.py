"""A cookie does not act for another site: unsafe methods and WebSocket handshakes."""

from typing import Final

import pytest

from tests.web.gated import DIALECTS, HOST, Gated, Line, Lines

pytestmark = pytest.mark.asyncio(loop_scope="module")

OWN: Final = ("Origin", f"http://{HOST}")
EVIL: Final = ("Origin", "https://evil.example")
NULL: Final = ("Origin", "null")
SIBLING: Final = ("Origin", "http://a.tools.example.com")
STRANGER: Final = ("Origin", "http://other.example.com")


def _site(value: str) -> Line:
    return ("Sec-Fetch-Site", value)


SAME, SITE, CROSS, NONE = map(_site, ("same-origin", "same-site", "cross-site", "none"))
FROM_ELSEWHERE: Final[tuple[Lines, ...]] = (
    [CROSS],
    [CROSS, EVIL],
    [CROSS, OWN],
    [CROSS, NULL],
    [EVIL],
    [NULL],
    [("Origin", "")],
    [("Origin", f"https://{HOST}")],
    [("Origin", f"http://{HOST}:8080")],
    [("Origin", f"http://{HOST}.evil.example")],
    [("Origin", f"http://{HOST}/")],
    [("Origin", HOST)],
    [("Origin", f"http://{HOST}, http://{HOST}")],
    [OWN, OWN],
    [OWN, EVIL],
    [SAME, SAME],
    [SAME, CROSS],
    [_site("")],
    [_site("Same-Origin")],
    [_site("same-origin, same-origin")],
    [_site("unknown")],
    # a site is not an origin: only what the policy guards is one of us
    [SITE],
    [SITE, STRANGER],
    [SITE, EVIL],
    [SITE, NULL],
    [SITE, ("Origin", "")],
    [SITE, ("Origin", f"http://evil@{HOST}")],
    [SITE, ("Origin", f"http://{HOST}/x")],
    [SITE, SIBLING, SIBLING],
)
FROM_HERE: Final[tuple[Lines, ...]] = (
    [],
    [SAME],
    [SAME, OWN],
    [NONE],
    [OWN],
    [("Origin", f"HTTP://{HOST.upper()}")],
    [SITE, OWN],
    [SITE, ("Origin", f"https://{HOST}:8443")],
    [SITE, SIBLING],
)
HANDSHAKES: Final[tuple[Lines, ...]] = (
    [("Upgrade", "websocket")],
    [("Upgrade", "WebSocket"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")],
    [("Upgrade", "h2c, websocket")],
    [("Upgrade", "h2c"), ("Upgrade", "websocket")],
    # as Traefik asks: it keeps `Upgrade` back
    [("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), ("Sec-WebSocket-Version", "13")],
)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("lines", FROM_ELSEWHERE, ids=ascii)
async def test_from_elsewhere_a_cookie_changes_nothing(
    gated: Gated, dialect: str, lines: Lines
) -> None:
    ours = gated.credentials["alice's cookie"]
    for method in ("POST", "PUT", "DELETE", "PATCH", "PROPFIND"):
        answer = await gated.ask(dialect, "/", [*ours, *lines], method=method)
        assert (answer.status, answer.reason) == (403, "cross_site")
        answer.assert_tells_nobody()
    for method in ("GET", "HEAD", "OPTIONS"):
        assert (await gated.ask(dialect, "/", [*ours, *lines], method=method)).status == 200


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("lines", FROM_HERE, ids=ascii)
async def test_from_a_page_of_ours_or_from_no_page_it_does(
    gated: Gated, dialect: str, lines: Lines
) -> None:
    ours = gated.credentials["alice's cookie"]
    for method in ("POST", "DELETE", "GET"):
        answer = await gated.ask(dialect, "/", [*ours, *lines], method=method)
        assert answer.status == 200, method


@pytest.mark.parametrize("handshake", HANDSHAKES, ids=ascii)
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_websocket_handshake_from_elsewhere_is_refused(
    gated: Gated, dialect: str, handshake: Lines
) -> None:
    ours = [*gated.credentials["alice's cookie"], *handshake]
    for lines in FROM_ELSEWHERE:
        for target in ("/chat", "/public/"):
            answer = await gated.ask(dialect, target, [*ours, *lines])
            assert (answer.status, answer.reason) == (403, "cross_site"), lines
    for lines in FROM_HERE:
        assert (await gated.ask(dialect, "/chat", [*ours, *lines])).status == 200, lines


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_question_with_the_scheme_of_a_websocket_is_a_handshake(
    gated: Gated, dialect: str
) -> None:
    ours = gated.credentials["alice's cookie"]
    for scheme, own in (("ws", f"http://{HOST}"), ("wss", f"https://{HOST}")):
        for lines, status in (([EVIL], 403), ([CROSS], 403), ([("Origin", own)], 200), ([], 200)):
            answer = await gated.ask(dialect, "/chat", [*ours, *lines], scheme=scheme)
            assert answer.status == status


@pytest.mark.parametrize(
    ("scheme", "host", "origin"),
    [
        ("https", f"{HOST}:443", f"https://{HOST}"),
        ("http", f"{HOST}:80", f"http://{HOST}"),
        ("http", f"{HOST}:8080", f"http://{HOST}:8080"),
        ("https", f"{HOST}.", f"https://{HOST}"),
    ],
)
async def test_our_own_origin_is_spelled_as_a_browser_spells_it(
    gated: Gated, scheme: str, host: str, origin: str
) -> None:
    ours = gated.credentials["alice's cookie"]
    for said, status in ((origin, 200), (f"{origin}:1", 403), (origin.replace("//", "//x."), 403)):
        lines = [*ours, ("Origin", said)]
        answer = await gated.ask("traefik", "/", lines, method="POST", scheme=scheme, host=host)
        assert answer.status == status, said


async def test_a_bearer_token_is_never_sent_along_by_itself(gated: Gated) -> None:
    for beside in ([], gated.credentials["alice's cookie"]):
        for lines in FROM_ELSEWHERE:
            question = [*gated.credentials["alice"], *beside, *lines, *HANDSHAKES[0]]
            assert (await gated.ask("nginx", "/", question, method="POST")).status == 200


async def test_a_cookie_that_is_worth_nothing_is_not_judged_by_its_site(gated: Gated) -> None:
    for who, reason in (("expired cookie", "expired"), ("nobody", "no_credential")):
        lines = [*gated.credentials[who], CROSS]
        assert (await gated.ask("traefik", "/", lines, method="POST")).reason == reason
        assert (await gated.ask("traefik", "/public/", lines, method="POST")).status == 200
