"""Which hosts a login may send the browser to, by the settings."""

from pathlib import Path

import pytest

from tests.web.asked import ask, end_of_login
from tests.web.conftest import PUBLIC_URL, serving_web

pytestmark = pytest.mark.asyncio


async def test_the_settings_name_the_hosts_instead_of_the_policy(tmp_path: Path) -> None:
    allowed = {"redirect": {"allowed_hosts": ["*.tools.example.com"]}}
    async with serving_web(tmp_path, allowed) as web:
        await web.add_user()
        for rd, end in (
            ("http://a.tools.example.com/", "http://a.tools.example.com/"),
            ("http://a.b.tools.example.com/", "http://a.b.tools.example.com/"),
            ("http://tools.example.com/", f"{PUBLIC_URL}/account"),
            ("http://app.example.com/", f"{PUBLIC_URL}/account"),
            (f"{PUBLIC_URL}/me", f"{PUBLIC_URL}/me"),
        ):
            assert await end_of_login(web, rd) == end


async def test_from_https_nobody_is_sent_to_http(tmp_path: Path) -> None:
    async with serving_web(tmp_path, {"server": {"public_url": "https://auth.example.com"}}) as web:
        await web.add_user()
        secure = "https://app.example.com/"
        assert await end_of_login(web, secure) == secure
        own = "https://auth.example.com/account"
        assert await end_of_login(web, "http://app.example.com/") == own
        page = await ask(web, "GET", "/login")
        assert "http://app.example.com" not in page.headers["Content-Security-Policy"]
