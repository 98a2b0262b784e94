"""Cookies beside each other: a login ends what came with it, and two never lock anybody out."""

from urllib.parse import urlencode

import pytest

from tests.web.asked import GOOD, OWN_FORM, PAGE, ask, given_cookies, taken_cookies
from tests.web.conftest import PUBLIC_URL, Web
from tests.web.test_login_form import Page

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOST, DOMAIN = "__Host-sidecar", "__Secure-sidecar"
OF_AUTH = {  # where a cookie that auth.example.com is sent may have been set
    (HOST, None),
    (DOMAIN, None),
    (DOMAIN, "example.com"),
    (DOMAIN, "auth.example.com"),
}
APP = "app.example.com"
AT = {"Host": "auth.example.com"}


def pair_of(line: str) -> str:
    """Return a cookie as the browser sends it."""
    return line.partition(";")[0]


async def is_known(web: Web, cookie: str) -> bool:
    """Say whether a session cookie is good."""
    return (await ask(web, "GET", "/me", {"Cookie": cookie})).status == 200


@pytest.mark.parametrize("form", [True, False], ids=["form", "json"])
async def test_a_login_ends_the_session_of_the_cookie_that_came_with_it(
    settled: Web, *, form: bool
) -> None:
    """Session fixation: who planted that cookie does not share what comes after."""
    mallory = "mallory" if form else "marvin"
    await settled.add_user(mallory)
    planted, elsewhere = await settled.log_in_cookie(mallory), await settled.log_in_cookie()
    headers = {"Cookie": planted}
    if form:
        answer = await ask(settled, "POST", "/login", {**OWN_FORM, **headers}, urlencode(GOOD))
    else:
        answer = await ask(settled, "POST", "/login", headers, {**GOOD, "cookie": True})
    (line,) = given_cookies(answer)
    assert pair_of(line) != planted
    assert not await is_known(settled, planted)
    assert await is_known(settled, pair_of(line))
    assert await is_known(settled, elsewhere)


async def test_each_of_two_that_came_is_ended(settled: Web) -> None:
    one, two = await settled.log_in_cookie(), await settled.log_in_cookie()
    headers = {**OWN_FORM, "Cookie": f"{one}; {two}"}
    assert (await ask(settled, "POST", "/login", headers, urlencode(GOOD))).status == 303
    assert not await is_known(settled, one)
    assert not await is_known(settled, two)


async def test_a_login_that_fails_ends_nothing(settled: Web) -> None:
    cookie = await settled.log_in_cookie()
    body = urlencode({**GOOD, "password": "wrong"})
    answer = await ask(settled, "POST", "/login", {**OWN_FORM, "Cookie": cookie}, body)
    assert (answer.status, taken_cookies(answer)) == (401, set())
    assert await is_known(settled, cookie)


async def test_a_login_for_tokens_leaves_the_browser_alone(settled: Web) -> None:
    cookie = await settled.log_in_cookie()
    answer = await ask(settled, "POST", "/login", {"Cookie": cookie}, GOOD)
    assert (answer.status, taken_cookies(answer)) == (200, set())
    assert await is_known(settled, cookie)


@pytest.mark.parametrize("cookie", ["x", "", "a.b.c"])
async def test_a_cookie_that_does_not_open_stands_in_nobodys_way(settled: Web, cookie: str) -> None:
    headers = {**OWN_FORM, "Cookie": f"{HOST}={cookie}"}
    assert (await ask(settled, "POST", "/login", headers, urlencode(GOOD))).status == 303


async def test_an_address_and_a_host_of_one_label_have_no_domains(settled: Web) -> None:
    for host in ("127.0.0.1", "[::1]", "localhost"):
        answer = await ask(settled, "POST", "/login", {"Host": host}, {**GOOD, "cookie": True})
        assert taken_cookies(answer) == {(DOMAIN, None)}, host


async def test_a_host_of_many_labels_costs_few_lines(settled: Web) -> None:
    host = ".".join("a" * 60)
    answer = await ask(settled, "POST", "/login", {"Host": host}, {**GOOD, "cookie": True})
    assert len(taken_cookies(answer)) == 7


async def test_two_cookies_that_contradict_each_other_lead_to_the_page_without_them(
    settled: Web,
) -> None:
    one, two = await settled.log_in_cookie(), await settled.log_in_cookie()
    both = {"Cookie": f"{one}; {two}", **PAGE, **AT}
    page = await ask(settled, "GET", "/login?rd=/me", both)
    assert page.status == 200
    assert taken_cookies(page) == OF_AUTH
    assert 'role="alert"' in page.text
    assert Page(page.text).fields["rd"]["value"] == "/me"
    again = await ask(settled, "POST", "/login", {**OWN_FORM, **both}, urlencode(GOOD))
    assert again.status == 303
    assert await is_known(settled, pair_of(given_cookies(again)[0]))


@pytest.mark.parametrize("dialect", ["nginx", "traefik", "caddy", "haproxy", "envoy"])
async def test_at_the_gate_a_browser_is_rid_of_them_and_led_to_the_login(
    settled: Web, dialect: str
) -> None:
    one, two = await settled.log_in_cookie(), await settled.log_in_cookie()
    headers = {
        "X-Original-Method": "GET",
        "X-Original-URL": f"http://{APP}/x",
        "X-Forwarded-Method": "GET",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Host": APP,
        "X-Forwarded-Uri": "/x",
        "Host": APP,
        "Cookie": f"{one}; {two}",
    }
    path = f"/verify/{dialect}" + ("/x" if dialect == "envoy" else "")
    answer = await ask(settled, "GET", path, {**headers, **PAGE})
    assert answer.status == 401
    assert "Location" not in answer.headers
    assert f'href="{PUBLIC_URL}/login"' in answer.text
    assert taken_cookies(answer) == {
        (HOST, None),
        (DOMAIN, None),
        (DOMAIN, "example.com"),
        (DOMAIN, APP),
    }
    program = await ask(settled, "GET", path, headers)
    program.assert_problem(401, "two_credentials")
    assert "Set-Cookie" not in program.headers
