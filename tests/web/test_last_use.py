"""What counts as the use of a session, and the sessions that are one too many."""

from pathlib import Path

import pytest

from sidecar.clock import read_clock
from sidecar.core.lastuse import Used
from tests.web.asked import ask, bearer, change, claims_of, is_let_in, refresh
from tests.web.conftest import Web, serving_web

pytestmark = pytest.mark.asyncio

COOKIE = "__Host-sidecar"
QUESTION = {
    "X-Forwarded-Method": "GET",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Host": "app.example.com",
}


async def question(web: Web, path: str, headers: dict[str, str]) -> int:
    """Ask the gate about a path; return the status."""
    asked = {**QUESTION, "X-Forwarded-Uri": path, **headers}
    return (await ask(web, "GET", "/verify", asked)).status


@pytest.mark.parametrize("borne", ["bearer", "cookie"])
@pytest.mark.parametrize(
    ("path", "status", "counts"),
    [("/orders", 200, True), ("/public/x", 200, True), ("/admin/x", 403, False)],
)
async def test_whoever_is_let_in_has_used_their_session(
    served: Web, borne: str, path: str, status: int, *, counts: bool
) -> None:
    await served.add_user()
    if borne == "bearer":
        token = (await served.log_in())["access_token"]
        headers = bearer(token)
    else:
        cookie = await served.log_in_cookie()
        headers, token = {"Cookie": cookie}, cookie.partition("=")[2]
    began = read_clock().unix
    assert await question(served, path, headers) == status
    noted = served.serving.gate.last_use.take(Used.SESSION)
    assert list(noted) == [claims_of(token)["sid"]] * counts
    assert all(began <= at <= read_clock().unix for at in noted.values())
    assert served.serving.gate.last_use.take(Used.PERSONAL) == {}


async def test_whoever_is_refused_has_used_nothing(served: Web) -> None:
    await served.add_user()
    tokens = await served.log_in()
    await ask(served, "POST", "/logout", bearer(tokens["access_token"]))
    served.serving.gate.last_use.take(Used.SESSION)
    for headers in ({}, bearer(tokens["access_token"]), bearer("x.y.z"), {"Cookie": f"{COOKIE}=x"}):
        for path in ("/orders", "/public/x"):
            await question(served, path, headers)
        assert (await ask(served, "GET", "/me", headers)).status == 401
    assert served.serving.gate.last_use.take(Used.SESSION) == {}


async def test_asking_this_service_itself_is_a_use_too(served: Web) -> None:
    await served.add_user()
    token = (await served.log_in())["access_token"]
    assert await is_let_in(served, token)
    assert list(served.serving.gate.last_use.take(Used.SESSION)) == [claims_of(token)["sid"]]


async def test_a_login_beyond_the_bound_ends_the_oldest_session_at_once(tmp_path: Path) -> None:
    async with serving_web(tmp_path, {"session": {"max_per_user": 2}}) as web:
        await web.add_user()
        await web.add_user("bob")
        bob = await web.log_in("bob")
        first = await web.log_in()
        # Within one second nobody can say which is older, so that one is made older.
        statement = "UPDATE sessions SET created_at = created_at - ? WHERE sid = ?"
        await change(web, statement, 5, claims_of(first["access_token"])["sid"])
        second, cookie = await web.log_in_cookie(), await web.log_in_cookie()
        assert not await is_let_in(web, first["access_token"])
        assert (await refresh(web, first["refresh_token"])).status == 401
        for good in (second, cookie):
            assert (await ask(web, "GET", "/me", {"Cookie": good})).status == 200
        assert await is_let_in(web, bob["access_token"])
        listed = (await ask(web, "GET", "/me/sessions", {"Cookie": cookie})).json["items"]
        assert len(listed) == 2


async def test_a_wrong_password_ends_nobodys_session(tmp_path: Path) -> None:
    async with serving_web(tmp_path, {"session": {"max_per_user": 1}}) as web:
        await web.add_user()
        token = (await web.log_in())["access_token"]
        body = {"username": "alice", "password": "wrong"}
        (await ask(web, "POST", "/login", body=body)).assert_problem(401, "invalid_credentials")
        assert await is_let_in(web, token)
