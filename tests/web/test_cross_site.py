"""What another site may make a browser do here: nothing."""

import json
from urllib.parse import urlencode

import pytest

from tests.web.asked import FORM, GOOD, JSON, ask, rows, taken_cookies
from tests.web.conftest import PUBLIC_URL, Web

ELSEWHERE: tuple[dict[str, str], ...] = (
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "same-site", "Origin": PUBLIC_URL},
    {"Sec-Fetch-Site": "anything"},
    {"Sec-Fetch-Site": ""},
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "https://auth.example.com"},
    {"Origin": f"{PUBLIC_URL}:8080"},
    {"Origin": f"{PUBLIC_URL}.evil.example"},
    {"Origin": f"{PUBLIC_URL}, http://evil.example"},
)
HERE: tuple[dict[str, str], ...] = (
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
    {"Origin": PUBLIC_URL},
    {"Origin": "HTTP://AUTH.EXAMPLE.COM"},
)
LOGINS = (
    (FORM, urlencode(GOOD).encode()),
    (JSON, json.dumps({**GOOD, "cookie": True}).encode()),
)
LOGOUTS: tuple[tuple[dict[str, str], bytes | None], ...] = (
    (FORM, b"everywhere=true"),
    (JSON, b'{"everywhere": true}'),
    ({}, None),
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(("kind", "body"), LOGINS)
@pytest.mark.parametrize("headers", ELSEWHERE)
async def test_no_other_page_logs_a_browser_in(
    settled: Web, headers: dict[str, str], kind: dict[str, str], body: bytes
) -> None:
    before = await rows(settled)
    answer = await ask(settled, "POST", "/login", {**kind, **headers}, body)
    answer.assert_problem(403, "cross_site")
    assert "Set-Cookie" not in answer.headers
    assert await rows(settled) == before


@pytest.mark.parametrize(("kind", "body"), LOGINS)
@pytest.mark.parametrize("headers", HERE)
async def test_our_own_page_or_none_does(
    settled: Web, headers: dict[str, str], kind: dict[str, str], body: bytes
) -> None:
    answer = await ask(settled, "POST", "/login", {**kind, **headers}, body)
    assert answer.status == (303 if kind == FORM else 200)
    assert "Set-Cookie" in answer.headers


@pytest.mark.parametrize("headers", ELSEWHERE)
async def test_tokens_are_no_cookies_and_may_be_asked_for_from_anywhere(
    settled: Web, headers: dict[str, str]
) -> None:
    answer = await ask(settled, "POST", "/login", headers, GOOD)
    assert answer.status == 200
    assert "Set-Cookie" not in answer.headers
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(("kind", "body"), LOGOUTS)
@pytest.mark.parametrize("headers", ELSEWHERE)
async def test_no_other_page_logs_a_browser_out(
    settled: Web, headers: dict[str, str], kind: dict[str, str], body: bytes | None
) -> None:
    cookie = await settled.log_in_cookie()
    answer = await ask(settled, "POST", "/logout", {**kind, **headers, "Cookie": cookie}, body)
    answer.assert_problem(403, "cross_site")
    assert taken_cookies(answer) == set()
    assert (await ask(settled, "GET", "/me", {"Cookie": cookie})).status == 200


@pytest.mark.parametrize(("kind", "body"), LOGOUTS)
@pytest.mark.parametrize("headers", HERE)
async def test_our_own_page_logs_a_browser_out(
    settled: Web, headers: dict[str, str], kind: dict[str, str], body: bytes | None
) -> None:
    cookie = await settled.log_in_cookie()
    answer = await ask(settled, "POST", "/logout", {**kind, **headers, "Cookie": cookie}, body)
    assert answer.status == (303 if kind == FORM else 204)
    assert (await ask(settled, "GET", "/me", {"Cookie": cookie})).status == 401
