"""The story behind a real nginx with TLS, the service on a host of its own."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.browser.certificates import make_certificate
from tests.browser.pages import ask_by_hand, expect_login_page, log_in, watch_console
from tests.programs.gateways import command_of
from tests.programs.process import free_port, running
from tests.programs.service import PASSWORD, make_service, serving
from tests.programs.upstream import Upstream, header_values, serving_upstream

pytestmark = pytest.mark.asyncio


@dataclass(slots=True)
class Site:
    """Where a browser finds the guarded application and the service, and what the former got."""

    app: str
    auth: str
    upstream: Upstream
    port: int


@pytest_asyncio.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """Run what `sidecar gateway nginx` prints, with the two lines that TLS needs."""
    port = free_port()
    auth, app = f"https://auth.example.com:{port}", f"https://app.example.com:{port}"
    service = make_service(
        tmp_path,
        {
            "server": {"public_url": auth},
            "gateway": {"dialect": "nginx"},
            "session": {"domain": "example.com"},
        },
    )
    await service.add_user("alice", "--role", "staff")
    certificate, key = make_certificate(tmp_path, "*.example.com")
    async with serving(service), serving_upstream() as upstream:
        folder = tmp_path / "nginx"
        made = await service.run(
            *("gateway", "nginx", "--upstream", upstream.url, "--host", "app.example.com"),
            *("--listen", f"127.0.0.1:{port}", "--out", str(folder)),
        )
        assert made.status == 0, made.err
        file = folder / "nginx.conf"
        plain = file.read_text()
        listen = f"listen 127.0.0.1:{port}"
        assert plain.count(listen) == 3
        secured = plain.replace(f"{listen} default_server;", f"{listen} ssl default_server;")
        secured = secured.replace(f"{listen};", f"{listen} ssl;").replace(
            "http {", f"http {{ ssl_certificate {certificate}; ssl_certificate_key {key};", 1
        )
        file.write_text(secured)
        address = ("127.0.0.1", port)
        async with running(command_of("nginx", folder), directory=folder, address=address):
            yield Site(app, auth, upstream, port)


async def test_a_person_logs_in_on_another_host_and_comes_back(
    chromium: Browser, site: Site
) -> None:
    context = await chromium.new_context(ignore_https_errors=True)
    wrong = watch_console(context)
    page = await context.new_page()
    await page.goto(f"{site.app}/orders?sort=date")
    await expect_login_page(page, f"{site.auth}/login")
    assert site.upstream.received == []
    await log_in(page, "alice", "not the password")
    await expect(page.get_by_role("alert")).to_be_visible()
    await log_in(page, None, PASSWORD)
    await page.wait_for_url(f"{site.app}/orders?sort=date")
    # A browser asks for an icon too, whenever it likes.
    (received,) = (each for each in site.upstream.received if each["target"] != "/favicon.ico")
    assert received["target"] == "/orders?sort=date"
    assert header_values(received, "Remote-User") == ["alice"]
    assert header_values(received, "Cookie") == []
    refused = await page.goto(f"{site.app}/admin/")
    assert refused is not None
    assert refused.status == 403

    (cookie,) = await context.cookies(site.app)
    assert (cookie.get("domain"), cookie.get("name")) == (".example.com", "__Secure-sidecar")
    kept = {"name": "__Secure-sidecar", "value": str(cookie.get("value"))}
    at_hand = f"https://127.0.0.1:{site.port}/"
    named = {"Host": f"app.example.com:{site.port}"}
    assert await ask_by_hand(at_hand, kept, named) == 200
    await page.goto(f"{site.auth}/logout")
    await page.get_by_role("button", name="Log out").click()
    await page.wait_for_url(f"{site.auth}/login")
    assert await ask_by_hand(at_hand, kept, named) == 401
    await page.goto(f"{site.app}/orders")
    await expect_login_page(page, f"{site.auth}/login")
    assert wrong == []


async def test_a_page_elsewhere_cannot_be_reached_through_the_login(
    chromium: Browser, site: Site
) -> None:
    context = await chromium.new_context(ignore_https_errors=True)
    page = await context.new_page()
    await page.goto(f"{site.auth}/login?rd=https://evil.example.org/")
    await log_in(page, "alice", PASSWORD)
    await page.wait_for_url(f"{site.auth}/account")
    await expect(page.get_by_role("main")).to_contain_text("alice")


async def test_a_cookie_that_a_neighbour_planted_for_a_path_locks_nobody_out(
    chromium: Browser, site: Site
) -> None:
    context = await chromium.new_context(ignore_https_errors=True)
    planted = {"name": "__Secure-sidecar", "value": "planted", "domain": ".example.com"}
    page = await context.new_page()
    for path in ("/", "/account", "/account/", "/account/sessions"):
        await context.add_cookies([{**planted, "path": path, "secure": True}])  # type: ignore[typeddict-item]
        await page.goto(f"{site.auth}/account/sessions")
        await expect_login_page(page, f"{site.auth}/login")
        await log_in(page, "alice", PASSWORD)
        await page.wait_for_url(f"{site.auth}/account/sessions")
        (kept,) = [each for each in await context.cookies() if each["name"] == planted["name"]]
        assert (kept["domain"], kept["path"]) == (".example.com", "/")
