"""The scopes that people hold by their roles: in the answer of a login, in tokens and cookies."""

from pathlib import Path
from typing import Any

import pytest

from tests.web.asked import ask, bearer, claims_of, refresh
from tests.web.conftest import Web, serving_web

pytestmark = pytest.mark.asyncio

SCOPES: dict[str, Any] = {
    "tokens": {"role_scopes": {"staff": ["orders:read", "mail"], "ops": ["orders:write", "mail"]}}
}
STAFF, BOTH = "mail orders:read", "mail orders:read orders:write"


async def change_roles(web: Web, *roles: str) -> None:
    """Give alice other roles."""
    await web.change_user("alice", roles=roles)


async def scope_at_the_gate(web: Web, headers: dict[str, str]) -> str:
    """Return what an upstream is told."""
    question = {
        "X-Forwarded-Method": "GET",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Host": "app.example.com",
        "X-Forwarded-Uri": "/orders",
    }
    answer = await ask(web, "GET", "/verify", question | headers)
    assert answer.status == 200
    return answer.headers["X-Auth-Scope"]


async def test_a_login_gives_the_scopes_of_all_roles(tmp_path: Path) -> None:
    async with serving_web(tmp_path, SCOPES) as web:
        for name, roles, scope in (
            ("alice", ("staff",), STAFF),
            ("bob", ("ops", "staff"), BOTH),
            ("carol", ("STAFF", "other"), ""),
            ("dave", (), ""),
        ):
            await web.add_user(name, *roles)
            tokens = await web.log_in(name)
            assert tokens["scope"] == claims_of(tokens["access_token"])["scope"] == scope
            cookie = await web.log_in_cookie(name)
            assert claims_of(cookie.partition("=")[2])["scope"] == scope
            assert await scope_at_the_gate(web, bearer(tokens["access_token"])) == scope
            assert await scope_at_the_gate(web, {"Cookie": cookie}) == scope


async def test_the_answer_of_a_login_by_cookie_says_its_scope(tmp_path: Path) -> None:
    async with serving_web(tmp_path, SCOPES) as web:
        await web.add_user("alice", "staff")
        body = {"username": "alice", "password": "wrong", "cookie": True}
        assert "scope" not in (await ask(web, "POST", "/login", body=body)).json
        cookie = await web.log_in_cookie()
        await change_roles(web, "ops", "staff")
        renewed = await ask(web, "GET", "/login", {"Cookie": cookie})
        token = renewed.headers["Set-Cookie"].partition(";")[0].partition("=")[2]
        assert claims_of(token)["scope"] == BOTH


async def test_a_refresh_gives_the_scopes_of_todays_roles(tmp_path: Path) -> None:
    async with serving_web(tmp_path, SCOPES) as web:
        await web.add_user("alice", "staff")
        tokens = await web.log_in()
        for roles, scope in ((("ops", "staff"), BOTH), (("staff",), STAFF), ((), "")):
            await change_roles(web, *roles)
            tokens = (await refresh(web, tokens["refresh_token"])).json
            assert tokens["scope"] == claims_of(tokens["access_token"])["scope"] == scope


async def test_without_the_setting_nobody_has_a_scope(served: Web) -> None:
    await served.add_user("alice", "staff")
    assert (await served.log_in())["scope"] == ""
