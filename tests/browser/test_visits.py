"""`/account` and `/admin` in Chromium: on any screen, with and without JavaScript."""

from base64 import b32decode
from collections.abc import AsyncIterator
from typing import Literal

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, ViewportSize, expect

from sidecar.clock import read_clock
from sidecar.core.totp import STEP, make_code
from tests.browser.axe import find_overflow, find_violations
from tests.browser.conftest import launched
from tests.browser.pages import watch_console
from tests.browser.stage import Stage, set_stage
from tests.programs.service import PASSWORD

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCREENS: dict[str, ViewportSize] = {
    "small": {"width": 320, "height": 640},
    "wide": {"width": 1280, "height": 800},
}
ACCOUNT = ("", "/password", "/factor", "/sessions", "/tokens")
SHORTEST_TARGET = 24  # pixels, WCAG 2.5.8


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with set_stage(tmp_path_factory.mktemp("stage")) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with launched() as running:
        yield running


def list_pages(stage: Stage) -> list[str]:
    """Return the address of each page."""
    grace = f"/admin/people/{stage.users['grace']}"
    account = [f"/account{rest}" for rest in ACCOUNT]
    return [*account, "/admin", "/admin/people/new", grace, f"{grace}/remove", "/admin/audit"]


@pytest.mark.parametrize(("screen", "theme"), [("small", "dark"), ("wide", "light")])
async def test_axe_finds_nothing_on_any_page(
    browser: Browser, stage: Stage, screen: str, theme: Literal["light", "dark"]
) -> None:
    context = await browser.new_context(viewport=SCREENS[screen], color_scheme=theme)
    wrong = watch_console(context)
    page = await stage.enter(context)
    found: list[str] = []
    for path in list_pages(stage):
        await page.goto(stage.base + path)
        found += await _judge(page)
    found += await _judge_what_is_shown_once(page, stage)
    await page.goto(f"{stage.base}/account/factor")
    await page.get_by_role("button", name="Set it up").click()
    await page.get_by_label("Code", exact=True).fill("000000")
    await page.get_by_role("button", name="Confirm").click()
    found += await _judge(page)
    await page.goto(f"{stage.base}/admin/people/new")
    await page.get_by_label("Username", exact=True).fill("two words")
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(page.get_by_label("Username", exact=True)).to_have_value("two words")
    found += await _judge(page)
    await context.close()
    assert found == []
    assert [each for each in wrong if "422" not in each] == []


async def _judge_what_is_shown_once(page: Page, stage: Stage) -> list[str]:
    """Look at a new token, a one-time link, a second factor that is set up, and its codes."""
    await page.goto(f"{stage.base}/account/tokens")
    await page.get_by_label("Name", exact=True).fill("looked at")
    await page.get_by_role("button", name="Make the token").click()
    found = await _judge(page)
    await page.goto(f"{stage.base}/admin/people/{stage.users['linus']}")
    await page.get_by_role("button", name="Make a link").click()
    found += await _judge(page)
    await page.goto(f"{stage.base}/account/factor")
    await page.get_by_role("button", name="Set it up").click()
    found += await _judge(page)
    secret = (await page.locator(".sheet > p > code").inner_text()).replace(" ", "")
    code = make_code(b32decode(secret), read_clock().unix // STEP)
    await page.get_by_label("Code", exact=True).fill(code)
    await page.get_by_role("button", name="Confirm").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Your recovery codes")
    found += await _judge(page)
    await page.goto(f"{stage.base}/account/factor")
    await page.get_by_label("Current password").fill(PASSWORD)
    await page.get_by_role("button", name="Remove the second factor").click()
    await expect(page.get_by_role("status")).to_have_text("The second factor is removed.")
    return found


async def _judge(page: Page) -> list[str]:
    found = await find_violations(page)
    overflow = await find_overflow(page)
    if overflow > 0:
        found.append(f"{page.url}: {overflow} pixels too wide")
    for each in await page.locator("button, .button, nav a, select, input:visible").all():
        box = await each.bounding_box()
        if box is not None and min(box["width"], box["height"]) < SHORTEST_TARGET - 4:
            found.append(f"{page.url}: {await each.inner_text()} is too small")
    return found


@pytest.mark.parametrize("javascript", [True, False], ids=["with-javascript", "without"])
async def test_an_administrator_adds_somebody_who_chooses_a_password(
    browser: Browser, stage: Stage, *, javascript: bool
) -> None:
    context = await browser.new_context(java_script_enabled=javascript)
    page = await stage.enter(context)
    name = f"new{int(javascript)}"
    await page.goto(f"{stage.base}/admin")
    await page.get_by_role("link", name="Add somebody").click()
    await page.get_by_label("Username", exact=True).fill(name)
    await page.get_by_label("Roles", exact=True).fill("staff")
    await page.get_by_role("button", name="Add", exact=True).click()
    link = await page.locator("#link").inner_text()
    await page.get_by_role("link", name="Back to the account").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(name)
    theirs = await (await browser.new_context(java_script_enabled=javascript)).new_page()
    await theirs.goto(link)
    for label in ("New password", "The same once more"):
        await theirs.get_by_label(label, exact=True).fill("correct zebra battery lamp")
    await theirs.get_by_role("button", name="Set the password").click()
    await (
        theirs.get_by_role("link", name="You can log in")
        .or_(theirs.get_by_role("link", name="Log in"))
        .first.click()
    )
    await theirs.get_by_label("Username", exact=True).fill(name)
    await theirs.get_by_label("Password", exact=True).fill("correct zebra battery lamp")
    await theirs.get_by_role("button", name="Log in").click()
    await expect(theirs.get_by_role("heading", level=1)).to_have_text("Your profile")
    await theirs.context.close()
    await context.close()


@pytest.mark.parametrize("javascript", [True, False], ids=["with-javascript", "without"])
async def test_somebody_makes_a_token_and_takes_it_back(
    browser: Browser, stage: Stage, *, javascript: bool
) -> None:
    context = await browser.new_context(java_script_enabled=javascript)
    page = await stage.enter(context, "grace")
    await page.get_by_role("link", name="Tokens").click()
    await page.get_by_label("Name", exact=True).fill("mine")
    await page.get_by_role("button", name="Make the token").click()
    await expect(page.locator("#token")).to_contain_text("sidecar_pat_")
    await page.get_by_role("link", name="I have it").click()
    await expect(page.get_by_role("row", name="mine")).to_be_visible()
    await page.get_by_role("button", name="Take back mine").click()
    await expect(page.get_by_role("status")).to_have_text("That token is taken back.")
    await expect(page.get_by_text("You have no token.")).to_be_visible()
    await context.close()


async def test_two_administrators_at_once_see_what_the_other_did(
    browser: Browser, stage: Stage
) -> None:
    context = await browser.new_context()
    first = await stage.enter(context)
    second = await context.new_page()
    address = f"{stage.base}/admin/people/{stage.users['sofia']}"
    await first.goto(address)
    await second.goto(address)
    await first.get_by_label("Name", exact=True).fill("Sofja Kowalewskaja")
    await first.get_by_role("button", name="Save").click()
    await expect(first.get_by_role("status")).to_have_text("That is done.")
    await second.get_by_label("Name", exact=True).fill("Sonja")
    await second.get_by_role("button", name="Save").click()
    await expect(second.get_by_role("alert")).to_contain_text("Somebody else changed this")
    await expect(second.get_by_label("Name", exact=True)).to_have_value("Sofja Kowalewskaja")
    await context.close()
