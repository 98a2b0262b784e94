"""Somebody who has a keyboard and nothing else."""

from dataclasses import dataclass
from itertools import pairwise

from playwright.async_api import Locator, Page, expect

from tests.browser.axe import find_overflow

MOST_TABS = 200  # no page of ours has as many controls: the audit trail links two people a row

# The controls that a person sees, in the order in which the page is read.
CONTROLS = """[...document.querySelectorAll(
    "a[href], button, input, select, textarea, summary, [tabindex]")]
    .filter((each) => each.type !== "hidden" && each.checkVisibility())"""
# Which control has the focus (-1: none of them), and what keeps a person from seeing that.
FOCUSED = f"""() => {{
    const focused = document.activeElement;
    const style = getComputedStyle(focused), box = focused.getBoundingClientRect();
    const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
    const near = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
    return [{CONTROLS}.indexOf(focused), seen && near, focused.outerHTML.slice(0, 120)];
}}"""


@dataclass(frozen=True, slots=True)
class Keyboard:
    """Presses keys on one page, and never the mouse."""

    page: Page

    async def reach(self, target: Locator) -> None:
        """Press Tab until this has the focus."""
        await expect(target).to_be_visible()
        for _ in range(MOST_TABS):
            if await target.evaluate("(each) => each === document.activeElement"):
                return
            await self.page.keyboard.press("Tab")
        raise AssertionError(f"{self.page.url}: no way by keyboard to {target}")

    async def press(self, name: str) -> None:
        """Go to a button and press it."""
        await self.reach(self.page.get_by_role("button", name=name, exact=True))
        await self.page.keyboard.press("Enter")

    async def follow(self, name: str) -> None:
        """Go to a link and follow it."""
        await self.reach(self.page.get_by_role("link", name=name, exact=True).first)
        await self.page.keyboard.press("Enter")

    async def type(self, label: str, text: str) -> None:
        """Go to a field and type into it, in place of what stands there."""
        await self.reach(self.page.get_by_label(label, exact=True))
        await self.page.keyboard.press("ControlOrMeta+a")
        await self.page.keyboard.type(text)

    async def survey(self, heading: str) -> None:
        """Go through every control of the page with this heading, once around.

        Each gets the focus, in the order of the page, where it is seen; nothing is too wide.
        """
        await expect(self.page.get_by_role("heading", level=1)).to_have_text(heading)
        assert await find_overflow(self.page) <= 0, self.page.url
        number = await self.page.evaluate(f"{CONTROLS}.length")
        assert number < MOST_TABS
        way: list[int] = []
        for _ in range(number + 2):  # also past the end of the page, and to its beginning
            await self.page.keyboard.press("Tab")
            place, is_seen, spelled = await self.page.evaluate(FOCUSED)
            if place >= 0:
                assert is_seen, (self.page.url, spelled)
                way.append(place)
        assert set(way) == set(range(number)), self.page.url
        steps = [(later - earlier) % number for earlier, later in pairwise(way)]
        assert set(steps) <= {1 % number}, (self.page.url, way)
