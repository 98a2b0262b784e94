"""The first thing that anybody does: start the demo, log in, look around, log out."""

import signal
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Cookie, Page, expect

from tests.browser.demo import Demo, running_demo
from tests.browser.pages import ask_by_hand, expect_login_page, log_in, path_of, watch_console

pytestmark = pytest.mark.asyncio

SESSION = "__Host-sidecar"
NAVIGATION = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}


@pytest.mark.parametrize("javascript", [True, False], ids=["with-javascript", "without"])
async def test_a_person_logs_in_is_known_and_logs_out(
    chromium: Browser, tmp_path: Path, *, javascript: bool
) -> None:
    async with running_demo(tmp_path) as demo:
        context = await chromium.new_context(java_script_enabled=javascript)
        wrong = watch_console(context)
        page = await context.new_page()
        await _mistype_and_log_in(page, demo)
        await _look_around(page, demo)
        (cookie,) = await _session_cookies(context, demo)
        await _log_out(page, demo, cookie)
        assert await _session_cookies(context, demo) == []
        assert wrong == []
        assert await demo.program.end(signal.SIGINT) == 0
        demo.assert_nothing_left()


async def _session_cookies(context: BrowserContext, demo: Demo) -> list[Cookie]:
    return [each for each in await context.cookies(demo.address) if each["name"] == SESSION]


async def _mistype_and_log_in(page: Page, demo: Demo) -> None:
    """See what is wrong and the name kept, and be led back to what was asked for."""
    login = f"{demo.address}auth/login"
    await page.goto(f"{demo.address}orders?sort=date")
    await expect_login_page(page, login)
    await log_in(page, demo.user, "not the password")
    await expect(page.get_by_role("alert")).to_have_text("That username and password do not match.")
    await expect_login_page(page, login)
    await expect(page.get_by_label("Username")).to_have_value(demo.user)
    await expect(page.get_by_label("Password")).to_have_value("")
    await log_in(page, None, demo.password)
    await page.wait_for_url(f"{demo.address}orders?sort=date")


async def _look_around(page: Page, demo: Demo) -> None:
    """Be known to the upstream, and be refused where a role is missing."""
    await page.goto(demo.address)
    await expect(page.get_by_role("heading")).to_have_text("Hello, demo")
    for name, value in (("Remote-User", "demo"), ("Remote-Groups", "staff"), ("Cookie", "(none")):
        await expect(page.get_by_role("row", name=name)).to_contain_text(value)
    refused = await page.goto(f"{demo.address}admin/")
    assert refused is not None
    assert refused.status == 403
    await expect(page.get_by_text("Hello")).to_have_count(0)


async def _log_out(page: Page, demo: Demo, cookie: Cookie) -> None:
    """End the session by the button, at once, also for who kept a copy of the cookie."""
    kept = {"name": str(cookie.get("name")), "value": str(cookie.get("value"))}
    assert await ask_by_hand(demo.address, kept) == 200
    await page.goto(demo.address)
    await page.get_by_role("link", name="Log out").click()
    await expect(page.get_by_role("heading")).to_have_text("You are logged in")
    await page.get_by_role("button", name="Log out").click()
    await page.wait_for_url(f"{demo.address}auth/login")
    assert await ask_by_hand(demo.address, kept) == 401
    assert await ask_by_hand(demo.address, kept, NAVIGATION) == 302
    await page.goto(demo.address)
    assert path_of(page) == "/auth/login"
    await expect_login_page(page, f"{demo.address}auth/login")


async def test_a_page_for_anyone_needs_no_login(chromium: Browser, tmp_path: Path) -> None:
    async with running_demo(tmp_path) as demo:
        page = await chromium.new_page()
        answer = await page.goto(f"{demo.address}public/")
        assert answer is not None
        assert answer.status == 200
        await expect(page.get_by_role("heading")).to_have_text("Hello, whoever you are")
        await expect(page.get_by_role("row", name="Remote-User")).to_contain_text("(empty)")
