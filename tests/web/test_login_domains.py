"""A login with and without `session.domain`: what is taken back, and what does not arrive."""

from pathlib import Path
from urllib.parse import quote

import pytest

from tests.web.asked import GOOD, ask, given_cookies, taken_cookies, taken_places
from tests.web.conftest import serving_web
from tests.web.test_login_cookies import AT, DOMAIN, HOST, OF_AUTH, pair_of
from tests.web.test_login_returns import RD, open_browser

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize(
    ("domain", "kept"),
    [
        (None, {(HOST, None)}),
        ("example.com", {(DOMAIN, "example.com")}),
        # RFC 6265 does not tell the host's own from one of the domain of its name.
        ("auth.example.com", {(DOMAIN, "auth.example.com"), (DOMAIN, None)}),
    ],
)
async def test_a_login_and_a_logout_take_back_every_other_one(
    tmp_path: Path, domain: str | None, kept: set[tuple[str, str | None]]
) -> None:
    async with serving_web(tmp_path, {"session": {"domain": domain}}) as web:
        await web.add_user()
        answer = await ask(web, "POST", "/login", AT, {**GOOD, "cookie": True})
        assert len(given_cookies(answer)) == 1
        own = [line for line in answer.headers.getall("Set-Cookie") if "-sidecar=" in line]
        named = [line for line in own if line.startswith(f"{pair_of(own[0]).partition('=')[0]}=")]
        # First and last, for who knows a name only once.
        assert own[0] == named[-1] == given_cookies(answer)[0]
        assert taken_cookies(answer) == OF_AUTH - kept
        cookie = {"Cookie": pair_of(given_cookies(answer)[0]), **AT}
        assert taken_cookies(await ask(web, "POST", "/logout", cookie)) == OF_AUTH


async def test_below_a_path_it_is_taken_back_from_where_the_browser_asked(tmp_path: Path) -> None:
    """Also where a proxy has cut that path."""
    settings = {"server": {"public_url": "http://auth.example.com/auth"}}
    async with serving_web(tmp_path, settings) as web:
        await web.add_user()
        for asked in ("/auth/login", "/login"):
            answer = await ask(web, "POST", asked, AT, {**GOOD, "cookie": True})
            paths = {path for name, _, path in taken_places(answer) if name == DOMAIN}
            assert paths == {"/", "/auth", "/auth/", "/auth/login"}, asked


@pytest.mark.parametrize(
    ("domain", "rd", "words"),
    [
        (None, RD, ["kept for auth.example.com", "app.example.com does not belong to it"]),
        ("auth.example.com", RD, ["kept for auth.example.com", "session.domain"]),
        ("example.com", RD, ["over https only", "app.example.com is reached over http"]),
        ("example.com", RD.replace("http", "https"), ["the clocks of two servers"]),
    ],
)
async def test_the_third_return_says_which_cookie_does_not_arrive_and_why(
    tmp_path: Path, domain: str | None, rd: str, words: list[str]
) -> None:
    async with serving_web(tmp_path, {"session": {"domain": domain}}) as web:
        await web.add_user()
        browser = await open_browser(web)
        for _ in range(2):
            answer = await browser.come_back(rd)
            assert (answer.status, answer.headers["Location"]) == (303, rd)
        page = await browser.come_back(rd)
        assert page.status == 200
        assert "app.example.com sent you back three times" in page.text
        assert ("__Host-sidecar" if domain is None else "__Secure-sidecar") in page.text
        for each in words:
            assert each in page.text
        assert given_cookies(page) == []
        assert f'href="http://auth.example.com/login?rd={quote(rd, safe="")}"' in page.text
        # Who tries again is led on: the count has begun anew.
        assert (await browser.come_back(rd)).status == 303
