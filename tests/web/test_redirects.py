"""Where a login sends the browser: only to the hosts of the policy and the service itself."""

from urllib.parse import quote, urlencode

import ada_url
import pytest

from tests.core.test_redirect_targets import GOOD, HOSTILE
from tests.web.asked import OWN_FORM, ask, end_of_login, given_cookies, taken_cookies
from tests.web.conftest import PUBLIC_URL, Web

OWN = f"{PUBLIC_URL}/account"
SAFE = (
    "http://app.example.com/",
    "https://app.example.com/orders?x=1&y=%2F",
    "http://app.example.com:8080/x#part",
    "http://APP.example.com",
    f"{PUBLIC_URL}/me",
    "/logout",
    "/a%20b?c",
)
UNSAFE = (
    *("", " ", "app.example.com", "x", "?a", "#a"),
    *("http://evil.example/", "//evil.example", "///evil.example", "////evil.example"),
    *("/\\evil.example", "\\\\evil.example", "/\t/evil.example", "\thttp://app.example.com/"),
    *("http://app.example.com@evil.example/", "http://app.example.com.evil.example/"),
    *("http://evil.example/http://app.example.com/", "http://evil.example#app.example.com"),
    *("http://sub.app.example.com/", "http://example.com/", "http://app.example.com:0/"),
    *("javascript:alert(1)", "data:text/html,x", "ftp://app.example.com/", "http:app.example.com"),
    *("http:/app.example.com/", "http:///app.example.com/", "http://", "http://[::1]/"),
    *("/\r\nSet-Cookie: a=b", "http://app.example.com/\r\nX: y", "/x\n", "/\x00", "/%0", "/é"),
    *("/" + "x" * 2048, "http://app.example.com/" + "x" * 2048, "/\ufffd", "http://\u2024\u2024/"),
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("rd", SAFE)
async def test_a_safe_target_is_where_the_login_ends(settled: Web, rd: str) -> None:
    assert await end_of_login(settled, rd) == rd


@pytest.mark.parametrize("rd", UNSAFE)
async def test_any_other_target_is_dropped_and_the_login_goes_on(settled: Web, rd: str) -> None:
    assert await end_of_login(settled, rd) == OWN


@pytest.mark.parametrize("rd", SAFE)
async def test_the_page_carries_a_safe_target_to_the_form(settled: Web, rd: str) -> None:
    page = await ask(settled, "GET", f"/login?rd={quote(rd, safe='')}")
    assert f'name="rd" value="{rd.replace("&", "&amp;")}"' in page.text


@pytest.mark.parametrize("rd", UNSAFE)
async def test_the_page_carries_no_other(settled: Web, rd: str) -> None:
    page = await ask(settled, "GET", f"/login?rd={quote(rd, safe='')}")
    assert page.status == 200
    assert 'name="rd"' not in page.text


async def test_a_target_of_2048_characters_is_the_longest(settled: Web) -> None:
    assert await end_of_login(settled, "/" + "x" * 2047) == "/" + "x" * 2047


async def test_a_target_that_came_to_the_page_is_judged_again_by_the_form(settled: Web) -> None:
    assert await end_of_login(settled, "http://evil.example/login?rd=/") == OWN


@pytest.mark.parametrize(
    ("query", "location"),
    [
        ("?rd=http%3A%2F%2Fapp.example.com%2Fx", "http://app.example.com/x"),
        ("?rd=%2F%2Fevil.example", OWN),
        ("?rd=", OWN),
        ("", OWN),
    ],
)
async def test_a_good_session_goes_on_without_the_page(
    settled: Web, query: str, location: str
) -> None:
    cookie = await settled.log_in_cookie()
    answer = await ask(settled, "GET", f"/login{query}", {"Cookie": cookie})
    assert (answer.status, answer.headers["Location"]) == (303, location)
    assert given_cookies(answer) == []
    assert taken_cookies(answer) == set()


async def test_no_target_leads_a_browser_to_another_host(settled: Web) -> None:
    """What the page answers, resolved by a WHATWG URL parser as a browser does it."""
    cookie = {"Cookie": await settled.log_in_cookie()}
    for rd in (*GOOD, *HOSTILE):
        path = f"/login?rd={quote(rd, safe='', errors='surrogatepass')}"
        answer = await ask(settled, "GET", path, cookie)
        if answer.status != 303:  # octets that are no UTF-8 are no query
            assert answer.status == 400
            continue
        end = ada_url.URL(answer.headers["Location"], base=f"{PUBLIC_URL}/login")
        assert end.protocol in {"http:", "https:"}
        assert end.hostname.removesuffix(".") in {"auth.example.com", "app.example.com"}, rd


@pytest.mark.parametrize("rd", ["http://app.example.com/x", "http://evil.example/", "", "//e"])
async def test_after_a_logout_the_browser_is_where_it_may_be(settled: Web, rd: str) -> None:
    cookie = await settled.log_in_cookie()
    body = urlencode({"rd": rd})
    answer = await ask(settled, "POST", "/logout", {**OWN_FORM, "Cookie": cookie}, body)
    expected = rd if "app.example.com" in rd else f"{PUBLIC_URL}/login"
    assert (answer.status, answer.headers["Location"]) == (303, expected)
