"""axe looks at a page: what it finds keeps somebody out (WCAG 2.2 AA, and its best practices)."""

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


async def find_violations(page: Page) -> list[str]:
    """Return what is wrong with a page, one line each; axe is let in past the page's policy."""
    found = await Axe().run(page, options={"runOnly": RULES})
    return [
        f"{page.url}: {each['id']}: {node['html'][:120]}"
        for each in found.response["violations"]
        for node in each["nodes"]
    ]


async def find_overflow(page: Page) -> int:
    """Return by how many pixels the page is wider than the window (WCAG 1.4.10)."""
    return int(
        await page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
    )
