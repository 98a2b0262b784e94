"""The pages as a person reads them: by their labels, roles and words."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from aiohttp import ClientSession, DummyCookieJar
from playwright.async_api import BrowserContext, ConsoleMessage, Page, expect

# What Chromium says of the 401 of a failed login and of a 403: it is what we answer, not a mistake.
EXPECTED = "Failed to load resource: the server responded with a status of 40"


def watch_console(context: BrowserContext) -> list[str]:
    """Return the list that fills with what is wrong with the pages: CSP, scripts, missing files."""
    wrong: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(EXPECTED):
            wrong.append(message.text)

    context.on("console", hear)
    context.on("weberror", lambda error: wrong.append(str(error.error)))
    return wrong


async def log_in(page: Page, username: str | None, password: str) -> None:
    """Fill the form by its labels (a username of None: what stands there stays) and send it."""
    if username is not None:
        await page.get_by_label("Username").fill(username)
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Log in").click()


async def expect_login_page(page: Page, address: str) -> None:
    """Expect the login page at `address`, with its stylesheet, and nobody's name in it."""
    await page.wait_for_url(lambda url: url.partition("?")[0] == address)
    await expect(page.get_by_role("heading")).to_have_text("Log in")
    await expect(page.get_by_label("Username")).to_be_editable()
    await expect(page.get_by_label("Password")).to_be_editable()
    await expect(page.get_by_label("Stay logged in on this device")).not_to_be_checked()
    await expect(page.get_by_role("main")).to_have_css("border-radius", "12px")


async def ask_by_hand(
    address: str, cookie: Mapping[str, str], headers: Mapping[str, str] | None = None
) -> int:
    """Return the status that a program gets for this cookie; certificates are not judged."""
    async with (
        ClientSession(cookie_jar=DummyCookieJar()) as session,
        session.get(
            address,
            headers={"Cookie": f"{cookie['name']}={cookie['value']}", **(headers or {})},
            allow_redirects=False,
            ssl=False,
        ) as answer,
    ):
        return answer.status


def path_of(page: Page) -> str:
    """Return the path that the browser shows."""
    return urlsplit(page.url).path
