"""Forms from browsers that say neither by `Sec-Fetch-Site` nor by `Origin` where they were."""

from urllib.parse import urlencode

import pytest

from tests.programs.service import PASSWORD
from tests.web.asked import FORM, GOOD, JSON, OWN_FORM, Asked, ask, given_cookies, taken_cookies
from tests.web.conftest import PUBLIC_URL, Web
from tests.web.test_login_form import Page

pytestmark = pytest.mark.asyncio(loop_scope="module")

COOKIE = "__Host-sidecar-csrf"
RD = "http://app.example.com/x?y=1"
TYPED = {"username": "alice", "password": PASSWORD, "remember": "true", "rd": RD}


async def fetch_form(web: Web, path: str = "/login", cookie: str = "") -> tuple[str, str]:
    """Look at a page as a browser does; return its cookies and what stands in its form."""
    headers = {"Cookie": cookie} if cookie else {}
    page = await ask(web, "GET", path, headers)
    lines = page.headers.getall("Set-Cookie", [])
    given = [line.partition(";")[0] for line in lines if line.startswith(f"{COOKIE}=")]
    cookies = "; ".join((*given, *([cookie] if cookie else [])))
    return cookies, str(Page(page.text).fields["csrf"]["value"])


async def send(web: Web, cookie: str, csrf: str | None, **fields: str) -> Asked:
    """Send the form of the login page as a browser of before 2020 does."""
    headers = {**FORM, "Cookie": cookie} if cookie else FORM
    return await ask(
        web,
        "POST",
        "/login",
        headers,
        urlencode({**TYPED, **fields} | ({} if csrf is None else {"csrf": csrf})),
    )


async def test_the_cookie_is_the_hosts_own_and_random_and_ends_with_the_browser(
    settled: Web,
) -> None:
    (one,) = (await ask(settled, "GET", "/login")).headers.getall("Set-Cookie")
    (two,) = (await ask(settled, "GET", "/login")).headers.getall("Set-Cookie")
    pair, *attributes = one.split("; ")
    assert pair.startswith(f"{COOKIE}=")
    assert set(attributes) == {"Path=/", "Secure", "HttpOnly", "SameSite=Lax"}
    assert pair != two.partition(";")[0]


async def test_a_browser_that_has_one_keeps_it(settled: Web) -> None:
    """Tabs share it: a second page leaves the form of the first one good."""
    cookie, csrf = await fetch_form(settled)
    again = await ask(settled, "GET", "/login", {"Cookie": cookie})
    assert "Set-Cookie" not in again.headers
    assert Page(again.text).fields["csrf"]["value"] == csrf


async def test_what_stood_in_the_form_logs_in(settled: Web) -> None:
    cookie, csrf = await fetch_form(settled)
    for _ in range(2):  # two tabs, or a second click
        answer = await send(settled, cookie, csrf)
        assert (answer.status, answer.headers["Location"]) == (303, RD)
        assert len(given_cookies(answer)) == 1


async def _forge(web: Web, how: str) -> tuple[str, str | None]:
    """Return cookie and token that do not belong together, or are none."""
    cookie, csrf = await fetch_form(web)
    other_cookie, other = await fetch_form(web)
    seed = cookie.partition("=")[2]
    forged: dict[str, tuple[str, str | None]] = {
        "nothing at all": ("", None),
        "a token without the cookie": ("", csrf),
        "the cookie without a token": (cookie, None),
        "an empty token": (cookie, ""),
        "another's token": (cookie, other),
        "another's cookie": (other_cookie, csrf),
        "the cookie as the token": (cookie, seed),
        "a token cut short": (cookie, csrf[:-1]),
        "a token with more behind it": (cookie, f"{csrf}A"),
        "a token with a letter changed": (cookie, ("B" if csrf[0] == "A" else "A") + csrf[1:]),
        "a token that is no ASCII": (cookie, "é"),
        "two cookies": (f"{cookie}; {other_cookie}", csrf),
        "an empty cookie": (f"{COOKIE}=", csrf),
        "a cookie in another spelling": (f"{cookie}=", csrf),
        "a cookie that is too short": (f"{COOKIE}=AAAA", csrf),
        "a cookie of another name": (f"__Secure-sidecar-csrf={seed}", csrf),
    }
    return forged[how]


FORGERIES = (
    *("nothing at all", "a token without the cookie", "the cookie without a token"),
    *("an empty token", "another's token", "another's cookie", "the cookie as the token"),
    *("a token cut short", "a token with more behind it", "a token with a letter changed"),
    *("a token that is no ASCII", "two cookies", "an empty cookie"),
    *("a cookie in another spelling", "a cookie that is too short", "a cookie of another name"),
)


@pytest.mark.parametrize("how", FORGERIES)
async def test_without_it_the_page_is_shown_again_with_what_was_typed(
    settled: Web, how: str
) -> None:
    cookie, csrf = await _forge(settled, how)
    answer = await send(settled, cookie, csrf)
    page = Page(answer.text)
    assert answer.status == 403
    assert given_cookies(answer) == []
    assert page.fields["username"]["value"] == "alice"
    assert "checked" in page.fields["remember"]
    assert page.fields["rd"]["value"] == RD
    assert page.fields["password"].get("value") is None
    assert PASSWORD not in answer.text
    assert 'role="alert"' in answer.text


async def test_the_page_that_is_shown_again_works(settled: Web) -> None:
    stale = await send(settled, "", "from yesterday")
    (line,) = stale.headers.getall("Set-Cookie")
    csrf = str(Page(stale.text).fields["csrf"]["value"])
    answer = await send(settled, line.partition(";")[0], csrf)
    assert (answer.status, answer.headers["Location"]) == (303, RD)


@pytest.mark.parametrize("rd", ["https://evil.example/", "//evil.example"])
async def test_a_page_that_is_shown_again_keeps_no_hostile_target(settled: Web, rd: str) -> None:
    answer = await send(settled, "", None, rd=rd)
    assert answer.status == 403
    assert "evil" not in answer.text


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {"Origin": PUBLIC_URL}],
)
async def test_who_says_where_they_were_needs_none(settled: Web, headers: dict[str, str]) -> None:
    answer = await ask(settled, "POST", "/login", {**FORM, **headers}, urlencode(GOOD))
    assert answer.status == 303


async def test_a_token_helps_no_other_site(settled: Web) -> None:
    cookie, csrf = await fetch_form(settled)
    for elsewhere in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}):
        answer = await ask(
            settled,
            "POST",
            "/login",
            {**FORM, "Cookie": cookie, **elsewhere},
            urlencode({**GOOD, "csrf": csrf}),
        )
        answer.assert_problem(403, "cross_site")


async def test_programs_with_a_cookie_speak_json_without_one(settled: Web) -> None:
    session = await settled.log_in_cookie()
    answer = await ask(settled, "POST", "/logout", {**JSON, "Cookie": session}, "{}")
    assert answer.status == 204


async def test_the_logout_needs_it_too(settled: Web) -> None:
    session = await settled.log_in_cookie()
    refused = await ask(settled, "POST", "/logout", {**FORM, "Cookie": session}, "everywhere=true")
    assert refused.status == 403
    assert taken_cookies(refused) == set()
    assert "Alice" in refused.text
    assert (await ask(settled, "GET", "/me", {"Cookie": session})).status == 200
    cookies, csrf = await fetch_form(settled, "/logout", session)
    done = await ask(settled, "POST", "/logout", {**FORM, "Cookie": cookies}, f"csrf={csrf}")
    assert done.status == 303
    assert (await ask(settled, "GET", "/me", {"Cookie": session})).status == 401


async def test_a_form_of_today_may_carry_a_stale_one(settled: Web) -> None:
    """The browser's own word counts: a page that was open over night is taken."""
    body = urlencode({**GOOD, "csrf": "stale"})
    assert (await ask(settled, "POST", "/login", OWN_FORM, body)).status == 303
