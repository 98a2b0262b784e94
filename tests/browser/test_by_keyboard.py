"""Every page by keyboard alone, with and without JavaScript, on a phone and on a desk."""

from base64 import b32decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from playwright.async_api import Browser, ViewportSize, expect

from tests.browser.conftest import launched
from tests.browser.keyboard import Keyboard
from tests.browser.stage import ADMINISTRATOR, Stage, set_stage
from tests.programs.service import PASSWORD
from tests.web.phones import Phone

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.parametrize("javascript", [True, False], ids=["with-javascript", "without"]),
    pytest.mark.parametrize("width", [320, 1280]),
]

CHOSEN = "correct zebra battery lamp"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with set_stage(tmp_path_factory.mktemp("stage")) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with launched() as running:
        yield running


@asynccontextmanager
async def sitting(browser: Browser, width: int, *, javascript: bool) -> AsyncIterator[Keyboard]:
    """Give somebody a browser that nobody has used."""
    viewport: ViewportSize = {"width": width, "height": 640}
    context = await browser.new_context(java_script_enabled=javascript, viewport=viewport)
    yield Keyboard(await context.new_page())
    await context.close()


async def log_in(keyboard: Keyboard, name: str, password: str = PASSWORD) -> None:
    await keyboard.type("Username", name)
    await keyboard.type("Password", password)
    await keyboard.page.keyboard.press("Enter")


async def test_somebody_and_their_own_account(
    browser: Browser, stage: Stage, width: int, *, javascript: bool
) -> None:
    name = f"walker{width}{javascript:d}"
    await stage.service.add_user(name, "--role", "staff")
    async with sitting(browser, width, javascript=javascript) as keyboard:
        await keyboard.page.goto(f"{stage.base}/login?rd=/account")
        await keyboard.survey("Log in")
        await log_in(keyboard, name)
        await _change_own(keyboard)
        await keyboard.follow("Devices")
        await keyboard.survey("Where you are logged in")
        await _make_token(keyboard)
        phone = await _set_up_factor(keyboard)
        await keyboard.follow("Log out")
        await keyboard.survey("You are logged in")
        await keyboard.press("Log out")
        await keyboard.survey("Log in")
        await _log_in_with_code(keyboard, name, phone)
        await keyboard.follow("Second factor")
        await keyboard.survey("Your second factor")
        await keyboard.type("Current password", CHOSEN)
        await keyboard.press("Remove the second factor")
        await expect(keyboard.page.get_by_role("status")).to_contain_text("is removed")
        await keyboard.follow("Devices")
        await keyboard.page.keyboard.press("Tab")
        await keyboard.reach(keyboard.page.get_by_role("button").last)
        await keyboard.page.keyboard.press("Enter")
        await keyboard.survey("Log in")  # it was their own


async def _change_own(keyboard: Keyboard) -> None:
    await keyboard.survey("Your profile")
    await keyboard.type("Name", "Somebody Else")
    await keyboard.press("Save")
    await expect(keyboard.page.get_by_role("status")).to_have_text("Your profile is changed.")
    await keyboard.follow("Password")
    await keyboard.survey("Your password")
    await keyboard.type("Current password", PASSWORD)
    await keyboard.type("New password", CHOSEN)
    await keyboard.type("The same once more", CHOSEN)
    await keyboard.press("Change the password")
    await expect(keyboard.page.get_by_role("status")).to_contain_text("Your password is changed")


async def _make_token(keyboard: Keyboard) -> None:
    await keyboard.follow("Tokens")
    await keyboard.survey("Personal tokens")
    await keyboard.type("Name", "mine")
    await keyboard.press("Make the token")
    await keyboard.survey("Your new token")
    await keyboard.follow("I have it")
    await keyboard.press("Take back mine")
    await expect(keyboard.page.get_by_role("status")).to_have_text("That token is taken back.")


async def _set_up_factor(keyboard: Keyboard) -> Phone:
    """Return what shows its codes; those of a minute ago count as used."""
    await keyboard.follow("Second factor")
    await keyboard.survey("Your second factor")
    await keyboard.press("Set it up")
    await keyboard.survey("Set up your second factor")
    secret = await keyboard.page.locator(".sheet > p > code").inner_text()
    phone = Phone(b32decode(secret.replace(" ", "")))
    await keyboard.type("Code", phone.read(-1))
    await keyboard.page.keyboard.press("Enter")
    await keyboard.survey("Your recovery codes")
    await keyboard.follow("I have them")
    await keyboard.survey("Your second factor")
    return phone


async def _log_in_with_code(keyboard: Keyboard, name: str, phone: Phone) -> None:
    await log_in(keyboard, name, CHOSEN)
    await keyboard.survey("Your second factor")
    await keyboard.type("Code", phone.misread())
    await keyboard.page.keyboard.press("Enter")
    await expect(keyboard.page.get_by_role("alert")).to_contain_text("That code is not right")
    await keyboard.survey("Your second factor")
    await keyboard.type("Code", phone.read())
    await keyboard.page.keyboard.press("Enter")
    await keyboard.survey("Your profile")


async def test_an_administrator_and_whom_they_add(
    browser: Browser, stage: Stage, width: int, *, javascript: bool
) -> None:
    name = f"added{width}{javascript:d}"
    async with sitting(browser, width, javascript=javascript) as keyboard:
        await keyboard.page.goto(f"{stage.base}/login?rd=/admin")
        await log_in(keyboard, ADMINISTRATOR)
        await keyboard.survey("People")
        await keyboard.follow("Add somebody")
        await keyboard.survey("Add somebody")
        await keyboard.type("Username", name)
        await keyboard.press("Add")
        await keyboard.survey(f"A link for {name}")
        link = await keyboard.page.locator("#link").inner_text()
        async with sitting(browser, width, javascript=javascript) as theirs:
            await _spend(theirs, link, name)
        await keyboard.follow("Back to the account")
        await keyboard.survey(name)
        await keyboard.press("Disable")
        await expect(keyboard.page.get_by_role("status")).to_contain_text("Disabled")
        await keyboard.follow("Audit trail")
        await keyboard.survey("Audit trail")
        await keyboard.type("To whom or what", name)
        await keyboard.press("Find")
        await expect(keyboard.page.get_by_role("cell", name="user.added")).to_be_visible()
        await keyboard.follow("People")
        await keyboard.type("Find by username, name or e-mail", name)
        await keyboard.press("Find")
        await keyboard.follow(name)
        await keyboard.survey(name)
        await keyboard.follow("Remove")
        await keyboard.survey(f"Remove {name}?")
        await keyboard.press("Remove")
        await expect(keyboard.page.get_by_role("status")).to_have_text("The account is removed.")


async def _spend(keyboard: Keyboard, link: str, name: str) -> None:
    await keyboard.page.goto(link)
    await keyboard.survey("Choose a new password")
    await keyboard.type("New password", CHOSEN)
    await keyboard.type("The same once more", "another one")
    await keyboard.page.keyboard.press("Enter")
    await expect(keyboard.page.get_by_text("The two passwords are not the same")).to_be_visible()
    await keyboard.survey("Choose a new password")
    await keyboard.type("New password", CHOSEN)
    await keyboard.type("The same once more", CHOSEN)
    await keyboard.page.keyboard.press("Enter")
    await keyboard.survey("Your password is set")
    await keyboard.follow("Log in")
    await log_in(keyboard, name, CHOSEN)
    await keyboard.survey("Your profile")
    await keyboard.page.goto(link)
    await keyboard.survey("This link is over")


async def test_the_pages_that_say_no(
    browser: Browser, stage: Stage, width: int, *, javascript: bool
) -> None:
    async with sitting(browser, width, javascript=javascript) as keyboard:
        page = keyboard.page
        for path, heading in (
            ("/nowhere", "There is no such page"),
            ("/me", "Please log in"),
            ("/logout", "Nobody is logged in here"),
        ):
            await page.goto(stage.base + path)
            await keyboard.survey(heading)
        await page.goto(f"{stage.base}/login?rd=/admin")
        await log_in(keyboard, "grace")
        await keyboard.survey("You may not do this")
        circle = f"{stage.base}/login?rd=http://app.example.com/"
        for _ in range(2):
            await page.context.request.get(circle, max_redirects=0)
        await page.goto(circle)
        await keyboard.survey("You are logged in, but it does not arrive")
