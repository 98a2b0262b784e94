"""The login story behind each real gateway: password, second factor, two tabs, logout."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.browser.conftest import FLAGS
from tests.browser.pages import expect_login_page, log_in, watch_console
from tests.browser.people import add_person
from tests.programs.gateways import GATEWAYS, Gateway, guarding
from tests.programs.process import require
from tests.programs.service import PASSWORD, POLICY, Service, make_service, serving
from tests.programs.upstream import Upstream, header_values, serving_upstream

# Browsers keep Secure cookies of http only where nothing leaves the machine.
HOST = "app.localhost"
APP = f"http://{HOST}"
AUTH = f"{APP}/auth"

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(slots=True)
class Grounds:
    """The service and the upstream that all gateways share."""

    service: Service
    upstream: Upstream


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def grounds(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Grounds]:
    """Run the service and the upstream for all gateways."""
    policy = {"hosts": {HOST: POLICY["hosts"]["app.example.com"]}}
    directory = tmp_path_factory.mktemp("grounds")
    service = make_service(directory, {"server": {"public_url": AUTH}}, policy=policy)
    async with serving(service), serving_upstream() as upstream:
        yield Grounds(service, upstream)


@asynccontextmanager
async def browsing(gateway: Gateway) -> AsyncIterator[Browser]:
    """Run a browser that finds the gateway at the ordinary port of the host."""
    rules = f"--host-resolver-rules=MAP {HOST}:80 127.0.0.1:{gateway.port}"
    flags = [*(flag for flag in FLAGS if not flag.startswith("--host-resolver")), rules]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=require("chromium"), args=flags)
        try:
            yield browser
        finally:
            await browser.close()


async def type_code(page: Page, code: str) -> None:
    """Fill the page of the second factor and send it."""
    await expect(page.get_by_role("heading")).to_have_text("Your second factor")
    await expect(page.get_by_label("Code")).to_be_focused()
    await page.get_by_label("Code").fill(code)
    await page.get_by_role("button", name="Go on").click()


@pytest.mark.parametrize("name", GATEWAYS)
async def test_a_person_logs_in_with_a_code_in_one_of_two_tabs(grounds: Grounds, name: str) -> None:
    phone = await add_person(grounds.service, name)
    async with (
        guarding(name, grounds.service, grounds.upstream, HOST) as gateway,
        browsing(gateway) as browser,
    ):
        context = await browser.new_context()
        wrong = watch_console(context)
        one, two = await context.new_page(), await context.new_page()
        await one.goto(f"{APP}/orders?sort=date")
        await two.goto(f"{APP}/reports")
        for tab in (one, two):
            await expect_login_page(tab, f"{AUTH}/login")
        assert grounds.upstream.received == []

        await log_in(one, name, "not the password")
        await expect(one.get_by_role("alert")).to_be_visible()
        await log_in(one, None, PASSWORD)
        await type_code(one, phone.misread())
        await expect(one.get_by_role("alert")).to_be_visible()
        await type_code(one, phone.read())
        # nginx, which the browser believes to be at port 80, says where it listens.
        home = rf"http://app\.localhost(:{gateway.port})?"
        await one.wait_for_url(re.compile(rf"{home}/orders\?sort=date"))
        await two.reload()
        await two.wait_for_url(re.compile(f"{home}/reports"))
        targets = {each["target"]: each for each in grounds.upstream.received}
        assert {"/orders?sort=date", "/reports"} <= set(targets)
        assert header_values(targets["/reports"], "Remote-User") == [name]
        assert header_values(targets["/reports"], "Cookie") in ([], [""])

        refused = await two.goto(f"{APP}/admin/")
        assert refused is not None
        assert refused.status == 403
        if name != "nginx":  # which answers with a page of its own
            await expect(two.get_by_role("heading")).to_have_text("You may not see this")
            await expect(two.get_by_role("main")).to_have_css("border-radius", "12px")

        await one.goto(f"{AUTH}/logout")
        await one.get_by_role("button", name="Log out").click()
        await one.wait_for_url(f"{AUTH}/login")
        await two.goto(f"{APP}/reports")
        await expect_login_page(two, f"{AUTH}/login")
        assert wrong == []
