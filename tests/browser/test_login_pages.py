"""The pages of the login in Chromium: for everybody, by keyboard, on any screen."""

from collections.abc import AsyncIterator
from typing import Literal

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, ViewportSize, expect

from tests.browser.axe import find_overflow, find_violations
from tests.browser.conftest import launched
from tests.browser.pages import log_in, watch_console
from tests.browser.people import add_person
from tests.browser.stage import Stage, set_stage
from tests.programs.service import PASSWORD

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCREENS: dict[str, ViewportSize] = {
    "small": {"width": 320, "height": 640},
    "wide": {"width": 1280, "height": 800},
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """Run a service with people for all tests."""
    async with set_stage(tmp_path_factory.mktemp("login")) as running:
        await add_person(running.service, "oscar")
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Run a browser for all tests."""
    async with launched() as running:
        yield running


async def make_link(stage: Stage, name: str) -> str:
    """Return a one-time link of somebody."""
    made = await stage.service.run("user", "reset", name)
    assert made.status == 0, made.err
    return next(word for word in made.out.split() if "/reset?" in word)


async def judge(page: Page) -> list[str]:
    """Return what keeps somebody out of a page."""
    found = await find_violations(page)
    overflow = await find_overflow(page)
    return [*found, *([f"{page.url}: {overflow} pixels too wide"] if overflow > 0 else [])]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("screen", SCREENS)
async def test_axe_finds_nothing_on_any_page(
    browser: Browser, stage: Stage, screen: str, theme: str
) -> None:
    scheme: Literal["dark", "light"] = "dark" if theme == "dark" else "light"
    context = await browser.new_context(viewport=SCREENS[screen], color_scheme=scheme)
    wrong = watch_console(context)
    page, found = await context.new_page(), list[str]()
    link = await make_link(stage, "maria")
    for address in ("/login", "/login?max_age=60&amr=otp", "/logout", "/nothing", "/me"):
        await page.goto(stage.base + address)
        found += await judge(page)
    for address in (link, f"{stage.base}/reset?token=x"):
        await page.goto(address)
        found += await judge(page)
    await page.goto(link)
    await page.get_by_label("New password").fill("short")
    await page.get_by_label("The same once more").fill("short")
    await page.get_by_role("button", name="Set the password").click()
    await expect(page.get_by_text("A password has at least 12 characters")).to_be_visible()
    found += await judge(page)
    await page.goto(f"{stage.base}/login")
    await log_in(page, "linus", "not the password")
    await expect(page.get_by_role("alert")).to_be_visible()
    found += await judge(page)
    await log_in(page, "linus", PASSWORD)
    for address in ("/logout", "/login?amr=otp"):
        await page.goto(stage.base + address)
        found += await judge(page)
    circle = f"{stage.base}/login?rd=http://app.example.com/"
    for _ in range(2):
        await context.request.get(circle, max_redirects=0)
    await page.goto(circle)
    await expect(page.get_by_role("heading")).to_contain_text("it does not arrive")
    found += await judge(page)
    await context.clear_cookies()
    await page.goto(f"{stage.base}/login")
    await log_in(page, "oscar", PASSWORD)
    await expect(page.get_by_label("Code")).to_be_focused()
    found += await judge(page)
    await context.close()
    assert found == []
    assert [each for each in wrong if "410" not in each and "422" not in each] == []


@pytest.mark.parametrize("javascript", [True, False], ids=["with-javascript", "without"])
async def test_a_login_and_a_logout_by_keyboard_alone(
    browser: Browser, stage: Stage, *, javascript: bool
) -> None:
    context = await browser.new_context(java_script_enabled=javascript)
    page = await context.new_page()
    await page.goto(f"{stage.base}/login?rd=/logout")
    await expect(page.get_by_label("Username")).to_be_focused()
    await page.keyboard.type("grace")
    await page.keyboard.press("Tab")
    await page.keyboard.type("wrong")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(page.get_by_label("Password")).to_be_focused()
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Tab")
    await page.keyboard.press("Space")
    await expect(page.get_by_label("Stay logged in on this device")).to_be_checked()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Log in")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{stage.base}/logout")
    await expect(page.get_by_role("heading")).to_have_text("You are logged in")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Log out")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{stage.base}/login")
    await context.close()


@pytest.mark.parametrize("javascript", [True, False], ids=["with-javascript", "without"])
async def test_a_link_is_spent_by_its_form(
    browser: Browser, stage: Stage, *, javascript: bool
) -> None:
    context = await browser.new_context(java_script_enabled=javascript)
    wrong = watch_console(context)
    page, link = await context.new_page(), await make_link(stage, "maria")
    await page.goto(link)
    await expect(page.get_by_text("For the account maria")).to_be_visible()
    await page.get_by_label("New password").fill("a wholly new passphrase")
    await page.get_by_label("The same once more").fill("a wholly new passphrase")
    await page.get_by_role("button", name="Set the password").click()
    await expect(page.get_by_role("heading")).to_have_text("Your password is set")
    await page.get_by_role("link", name="Log in").click()
    await log_in(page, "maria", "a wholly new passphrase")
    await page.wait_for_url(lambda url: "/login" not in url)
    await page.goto(link)
    await expect(page.get_by_role("heading")).to_have_text("This link is over")
    await context.close()
    assert [each for each in wrong if "410" not in each] == []


async def test_forms_work_in_tabs_that_were_opened_before_the_login(
    browser: Browser, stage: Stage
) -> None:
    context = await browser.new_context()
    one, two = await context.new_page(), await context.new_page()
    for tab in (one, two):
        await tab.goto(f"{stage.base}/login?rd=/logout")
    for tab, name in ((one, "grace"), (two, "linus")):
        await log_in(tab, name, PASSWORD)
        await tab.wait_for_url(f"{stage.base}/logout")
    await one.reload()
    await expect(one.get_by_text("Linus Pauling")).to_be_visible()
    cookies = [each.get("name") for each in await context.cookies(stage.base)]
    assert cookies.count("__Host-sidecar") == 1
    await context.close()


async def test_who_asks_for_less_motion_sees_none(browser: Browser, stage: Stage) -> None:
    motions: tuple[tuple[Literal["reduce", "no-preference"], str], ...] = (
        ("reduce", "0s"),
        ("no-preference", "0.12s, 0.12s"),
    )
    for motion, duration in motions:
        context = await browser.new_context(reduced_motion=motion)
        page = await context.new_page()
        await page.goto(f"{stage.base}/login")
        await expect(page.get_by_role("button")).to_have_css("transition-duration", duration)
        await context.close()
