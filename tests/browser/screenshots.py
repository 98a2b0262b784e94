"""`make screenshots`: each page in both themes, as docs/pages.md shows them.

    python -m tests.browser.screenshots docs/screenshots

What differs from run to run (dates, ids, secrets, ports) is replaced by what does not, so that a
picture changes only when its page does.
"""

import asyncio
import sys
import tempfile
from base64 import b32decode
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, Literal

from playwright.async_api import Browser, Page, ViewportSize

from sidecar.clock import read_clock
from sidecar.core.totp import STEP, make_code
from sidecar.web.qr import draw_qr
from tests.browser.conftest import launched
from tests.browser.stage import Stage, set_stage

WIDE: Final[ViewportSize] = {"width": 1024, "height": 640}
THEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
SECRET: Final = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
URI: Final = f"otpauth://totp/app.example.com:ada?secret={SECRET}&issuer=app.example.com"
Picture = Callable[[str], Awaitable[None]]
# Run in the page; it changes nothing that has a place on it.
FIX: Final = """([secret, qr]) => {
  const shown = (selector, text) => document.querySelectorAll(selector).forEach(
    (each, index) => { each.textContent = typeof text === 'function' ? text(index) : text; });
  shown('time', '2030-01-31 12:00');
  shown('#token', 'sidecar_pat_' + 'x7Qk'.repeat(16));
  shown('#link', 'https://app.example.com/auth/reset?token=' + 'Zk3v'.repeat(10) + 'AbC');
  shown('.codes code', (index) => `7kq2-mx4${index}-p9tz-h3wc`);
  shown('.facts code', 'f3Jq0Zt6cXw1Yb8Nn5RkVg');
  document.querySelectorAll('.party, td.small, p.small').forEach((each) => {
    each.innerHTML = each.innerHTML.replace(/[A-Za-z0-9_-]{16,}/g, 'Qm8ktV2xLr7cHw5b');
  });
  const picture = document.querySelector('.qr');
  if (picture) { picture.innerHTML = qr; }
  document.querySelectorAll('.sheet > p > code.code').forEach((each) => {
    if (!each.id) { each.textContent = secret; }
  });
}"""


async def take(folder: Path) -> None:
    """Take all pictures."""
    async with launched() as browser:
        for theme in THEMES:
            with tempfile.TemporaryDirectory() as directory:
                async with set_stage(Path(directory)) as stage:
                    await _take_theme(browser, stage, folder, theme)


async def _take_theme(
    browser: Browser, stage: Stage, folder: Path, theme: Literal["light", "dark"]
) -> None:
    context = await browser.new_context(viewport=WIDE, color_scheme=theme, reduced_motion="reduce")
    page = await context.new_page()

    async def picture(name: str) -> None:
        await _save(page, folder / f"{name}-{theme}.png")

    await page.goto(f"{stage.base}/login")
    await picture("login")
    await page.close()
    page = await stage.enter(context)
    for name, address in (
        ("profile", "/account"),
        ("password", "/account/password"),
        ("sessions", "/account/sessions"),
        ("tokens", "/account/tokens"),
        ("factor", "/account/factor"),
        ("people", "/admin"),
        ("new", "/admin/people/new"),
        ("person", f"/admin/people/{stage.users['grace']}"),
        ("remove", f"/admin/people/{stage.users['grace']}/remove"),
        ("audit", "/admin/audit"),
        ("logout", "/logout"),
        ("not-found", "/nowhere"),
    ):
        await page.goto(f"{stage.base}{address}")
        await picture(name)
    await _picture_what_is_shown_once(page, stage, picture)
    await context.close()
    await _picture_second_factor(browser, stage, folder, theme)


async def _picture_what_is_shown_once(page: Page, stage: Stage, picture: Picture) -> None:
    await page.goto(f"{stage.base}/account/tokens")
    await page.get_by_label("Name").fill("release script")
    await page.get_by_role("button", name="Make the token").click()
    await picture("token")
    await page.goto(f"{stage.base}/admin/people/{stage.users['linus']}")
    await page.get_by_role("button", name="Make a link").click()
    link = await page.locator("#link").inner_text()
    await picture("link")
    await page.goto(link)
    await picture("reset")


async def _picture_second_factor(
    browser: Browser, stage: Stage, folder: Path, theme: Literal["light", "dark"]
) -> None:
    """Set one up, and be asked for a code."""
    context = await browser.new_context(viewport=WIDE, color_scheme=theme, reduced_motion="reduce")
    page = await stage.enter(context)
    await page.goto(f"{stage.base}/account/factor")
    await page.get_by_role("button", name="Set it up").click()
    spelled = (await page.locator(".sheet > p > code").inner_text()).replace(" ", "")
    code = make_code(b32decode(spelled), read_clock().unix // STEP)
    await _save(page, folder / f"enrol-{theme}.png")
    await page.get_by_label("Code", exact=True).fill(code)
    await page.get_by_role("button", name="Confirm").click()
    await _save(page, folder / f"codes-{theme}.png")
    other = await browser.new_context(viewport=WIDE, color_scheme=theme, reduced_motion="reduce")
    asked = await other.new_page()
    await stage.type_password(asked)
    await asked.get_by_label("Code", exact=True).wait_for()
    await _save(asked, folder / f"code-{theme}.png")
    await other.close()
    await context.close()


async def _save(page: Page, file: Path) -> None:
    await page.mouse.move(0, 0)
    await page.evaluate(FIX, [SECRET, draw_qr(URI)])
    await page.screenshot(path=file, full_page=True, caret="hide")


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    asyncio.run(take(target))
