"""What an authenticator app calls this service: as its pages do, else as its host."""

from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from tests.web.asked import ask, bearer
from tests.web.conftest import serving_web

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize(
    ("settings", "issuer"),
    [
        ({}, "auth.example.com"),
        ({"server": {"public_url": "http://login.example.org:8443/auth"}}, "login.example.org"),
        ({"pages": {"name": "Acme: IT & more"}}, "Acme: IT & more"),
    ],
)
async def test_an_app_calls_it_so(
    tmp_path: Path, settings: dict[str, dict[str, str]], issuer: str
) -> None:
    async with serving_web(tmp_path, settings) as web:
        await web.add_user()
        who = bearer((await web.log_in())["access_token"])
        uri = urlsplit((await ask(web, "POST", "/me/otp", who)).json["otpauth_uri"])
    assert unquote(uri.path) == f"/{issuer}:alice"
    assert parse_qs(uri.query)["issuer"] == [issuer]
