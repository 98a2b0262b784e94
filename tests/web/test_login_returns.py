"""A browser that is sent back and forth between a good login and the gate is told why."""

from urllib.parse import quote

import pytest

from tests.web.asked import Asked, ask
from tests.web.conftest import Web

pytestmark = pytest.mark.asyncio(loop_scope="module")

RD = "http://app.example.com/orders"
COOKIE = "__Host-sidecar-return"
AT = {"Host": "auth.example.com"}


class Browser:
    """Keeps the cookie of the returns as a browser does, and a good session."""

    def __init__(self, web: Web, session: str) -> None:
        self.web = web
        self.session = session
        self.kept = ""

    async def come_back(self, rd: str = RD, query: str = "") -> Asked:
        """Return what the login page says to who comes from `rd`."""
        cookies = "; ".join(each for each in (self.session, self.kept) if each)
        path = f"/login?rd={quote(rd, safe='')}{query}"
        answer = await ask(self.web, "GET", path, {"Cookie": cookies, **AT})
        for line in answer.headers.getall("Set-Cookie", []):
            if line.startswith(f"{COOKIE}="):
                self.kept = "" if "Max-Age=0" in line else line.partition(";")[0]
        return answer


async def open_browser(web: Web) -> Browser:
    """Return a browser in which alice is logged in."""
    return Browser(web, await web.log_in_cookie())


async def test_returns_to_several_addresses_are_no_circle(settled: Web) -> None:
    browser = await open_browser(settled)
    for number in range(6):
        assert (await browser.come_back(f"{RD}/{number % 3}")).status == 303


@pytest.mark.parametrize("rd", ["/me", "", "https://evil.example/"])
async def test_what_ends_here_is_not_counted(settled: Web, rd: str) -> None:
    browser = await open_browser(settled)
    for _ in range(4):
        answer = await browser.come_back(rd)
        assert answer.status == 303
        assert "Set-Cookie" not in answer.headers


async def test_several_tabs_that_are_opened_at_once_all_go_on(settled: Web) -> None:
    """None of them knows of the others' returns yet."""
    browser = await open_browser(settled)
    tabs = [Browser(settled, browser.session) for _ in range(5)]
    assert [(await tab.come_back()).status for tab in tabs] == [303] * 5


async def test_the_count_is_kept_for_ten_seconds_and_by_this_host_alone(settled: Web) -> None:
    answer = await (await open_browser(settled)).come_back()
    (line,) = answer.headers.getall("Set-Cookie")
    assert set(line.split("; ")[1:]) == {
        *("Max-Age=10", "Path=/", "Secure", "HttpOnly", "SameSite=Lax")
    }


@pytest.mark.parametrize(
    "value",
    [
        *("", "x", "9", "9.", "0.{now}.{digest}", "10.{now}.{digest}", "-1.{now}.{digest}"),
        *("2.{now}.", "2.{now}.{digest}x", "2.{now}.0000000000000000", "2.x.{digest}"),
        *("2.{past}.{digest}", "2.{future}.{digest}", "2.{now}.{digest}; {name}=1.{now}.{digest}"),
        "\u0662.{now}.{digest}",
    ],
)
async def test_a_count_that_is_none_is_not_there(settled: Web, value: str) -> None:
    browser = await open_browser(settled)
    await browser.come_back()
    _, since, digest = browser.kept.partition("=")[2].split(".")
    browser.kept = f"{COOKIE}=" + value.format(
        now=since, past=int(since) - 10, future=int(since) + 60, digest=digest, name=COOKIE
    )
    answer = await browser.come_back()
    assert answer.status == 303
    assert browser.kept.startswith(f"{COOKIE}=1.")
