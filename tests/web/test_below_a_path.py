"""A `public_url` with a path: every public endpoint answers there and at the root."""

from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.web.asked import GOOD, OWN_FORM, ask, bearer, refresh
from tests.web.conftest import Web, serving_web

URL = "https://app.example.com/auth"

pytestmark = pytest.mark.asyncio


@pytest.fixture(params=["", "/auth"])
def prefix(request: pytest.FixtureRequest) -> str:
    """Ask at the root and below the path."""
    text: str = request.param
    return text


async def test_a_browser_is_led_below_the_path(tmp_path: Path, prefix: str) -> None:
    async with serving_web(tmp_path, {"server": {"public_url": f"{URL}/"}}) as web:
        await web.add_user()
        page = await ask(web, "GET", f"{prefix}/login")
        assert '<form method="post" action="/auth/login">' in page.text
        assert 'href="/auth/static/sidecar.css?v=' in page.text
        assert (await ask(web, "GET", f"{prefix}/static/sidecar.css")).status == 200
        answer = await ask(web, "POST", f"{prefix}/login", OWN_FORM, urlencode(GOOD))
        assert answer.headers["Location"] == f"{URL}/account"
        cookie = {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}
        assert "Path=/;" in answer.headers["Set-Cookie"]
        page = await ask(web, "GET", f"{prefix}/logout", cookie)
        assert '<form method="post" action="/auth/logout">' in page.text
        answer = await ask(web, "POST", f"{prefix}/logout", {**OWN_FORM, **cookie}, b"")
        assert answer.headers["Location"] == f"{URL}/login"


async def test_a_program_is_answered_at_both(tmp_path: Path, prefix: str) -> None:
    async with serving_web(tmp_path, {"server": {"public_url": URL}}) as web:
        await web.add_user()
        tokens = (await ask(web, "POST", f"{prefix}/login", body=GOOD)).json
        me = await ask(web, "GET", f"{prefix}/me", bearer(tokens["access_token"]))
        assert me.json["username"] == "alice"
        body = {"refresh_token": tokens["refresh_token"]}
        assert (await ask(web, "POST", f"{prefix}/refresh", body=body)).status == 200
        logout = await ask(web, "POST", f"{prefix}/logout", bearer(tokens["access_token"]))
        assert logout.status == 204
        assert (await refresh(web, tokens["refresh_token"])).status == 401


async def test_the_metadata_are_where_each_standard_looks_for_them(tmp_path: Path) -> None:
    async with serving_web(tmp_path, {"server": {"public_url": URL}}) as web:
        for path in (
            "/auth/.well-known/oauth-authorization-server",
            "/.well-known/oauth-authorization-server",
            "/.well-known/oauth-authorization-server/auth",  # RFC 8414 section 3.1
            "/auth/.well-known/openid-configuration",
            "/.well-known/openid-configuration",
        ):
            for method in ("GET", "HEAD"):
                assert (await ask(web, method, path)).status == 200, path
            members = (await ask(web, "GET", path)).json
            assert members["issuer"] == URL
            assert members["jwks_uri"] == f"{URL}/.well-known/jwks.json"
        keys = [(await ask(web, "GET", f"{p}/.well-known/jwks.json")).json for p in ("", "/auth")]
        assert keys[0] == keys[1]


@pytest.mark.parametrize(
    "path",
    [
        "/auth",
        "/auth/",
        "/auth/auth/login",
        "/authlogin",
        "/AUTH/login",
        "/auth//login",
        "/auth%2Flogin",
    ],
)
async def test_nothing_else_is_there(tmp_path: Path, path: str) -> None:
    async with serving_web(tmp_path, {"server": {"public_url": URL}}) as web:
        (await ask(web, "GET", path)).assert_problem(404, "not_found")


async def test_the_issuer_of_the_settings_is_the_one_that_is_named(tmp_path: Path) -> None:
    settings = {"tokens": {"issuer": "https://issuer.example.com"}, "server": {"public_url": URL}}
    async with serving_web(tmp_path, settings) as web:
        members = (await ask(web, "GET", "/.well-known/openid-configuration")).json
        assert members["issuer"] == "https://issuer.example.com"
        assert members["jwks_uri"] == f"{URL}/.well-known/jwks.json"


@pytest.mark.parametrize(("ahead", "kept"), [("10m", 300), ("1h", 1800), ("3s", 1), ("1s", 0)])
async def test_nobody_keeps_the_key_set_until_a_new_key_signs(
    tmp_path: Path, ahead: str, kept: int
) -> None:
    async with serving_web(tmp_path, {"keys": {"publish_ahead": ahead}}) as web:
        headers = (await ask(web, "GET", "/.well-known/jwks.json")).headers
        assert headers["Cache-Control"] == f"public, max-age={kept}"


async def test_without_a_path_there_is_no_second_place(served: Web) -> None:
    path = "/.well-known/oauth-authorization-server/auth"
    assert (await ask(served, "GET", path)).status == 404
