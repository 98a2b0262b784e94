"""While the view is too old, what asks who somebody is says 503, and nobody loses a cookie."""

import re
from collections.abc import AsyncIterator
from typing import Final

import pytest
import pytest_asyncio

from sidecar.clock import read_clock
from sidecar.core.revocation import RevocationView
from sidecar.web.routes import PUBLIC
from tests.web.asked import FORM, OWN_FORM, PAGE, Asked, ask, bearer
from tests.web.conftest import Web, in_one_task, serving_web

pytestmark = pytest.mark.asyncio(loop_scope="module")

STALE: Final = 30  # seconds, revocation.max_staleness
SAME_ORIGIN: Final = {"Sec-Fetch-Site": "same-origin"}
FOR_SOMEBODY: Final = [
    (method, re.sub(r"\{\w+\}", "x", path))
    for method, path, _ in PUBLIC
    if path.split("/")[1] in {"me", "users", "clients", "audit"}
]
PAGES: Final = [
    (method, re.sub(r"\{\w+\}", "x", path))
    for method, path, _ in PUBLIC
    if path.split("/")[1] in {"account", "admin"}
]


class Outage:
    """A service whose view is too old, and an administrator who was logged in before."""

    def __init__(self, web: Web, token: str, cookie: str) -> None:
        self.web = web
        self.token = bearer(token)
        self.cookie = {"Cookie": cookie}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def outage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Outage]:
    async with in_one_task(serving_web(tmp_path_factory.mktemp("outage"))) as web:
        await web.add_user("root", "admin")
        token, cookie = (await web.log_in("root"))["access_token"], await web.log_in_cookie("root")
        for who in (bearer(token), {"Cookie": cookie}):
            assert (await ask(web, "GET", "/users", who)).status == 200
        fresh = web.serving.gate.view
        old = web.serving.gate.view = RevocationView()
        old.heard(read_clock().monotonic - STALE - 1)
        yield Outage(web, token, cookie)
        web.serving.gate.view = fresh
        for who in (bearer(token), {"Cookie": cookie}):  # nobody has been logged out by it
            assert (await ask(web, "GET", "/users", who)).status == 200


def assert_comes_back(answer: Asked) -> None:
    """Fail unless the caller is to come back, with the cookie that they have."""
    assert answer.status == 503, answer.body
    assert int(answer.headers["Retry-After"]) > 0
    for name in ("Set-Cookie", "Location", "WWW-Authenticate"):
        assert name not in answer.headers


async def test_the_table_of_routes_has_them() -> None:
    assert {("GET", "/me"), ("DELETE", "/users/x"), ("GET", "/audit")} <= set(FOR_SOMEBODY)
    assert {("GET", "/account"), ("POST", "/admin/people/x/disable")} <= set(PAGES)


@pytest.mark.parametrize(("method", "path"), FOR_SOMEBODY)
async def test_an_endpoint_for_somebody_tells_nothing(
    outage: Outage, method: str, path: str
) -> None:
    for who in (outage.token, {**outage.cookie, **SAME_ORIGIN}):
        body: dict[str, str] | None = None if method in {"GET", "DELETE"} else {}
        answer = await ask(outage.web, method, path, who, body)
        assert_comes_back(answer)
        answer.assert_problem(503, "unavailable")


@pytest.mark.parametrize(("method", "path"), PAGES)
async def test_a_page_says_so_in_its_place(outage: Outage, method: str, path: str) -> None:
    sent = {} if method == "GET" else {**FORM, **SAME_ORIGIN}
    answer = await ask(
        outage.web, method, path, {**outage.cookie, **PAGE, **sent}, None if not sent else "a=b"
    )
    assert_comes_back(answer)
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "(unavailable)" in answer.text


@pytest.mark.parametrize("path", ["/login", "/login?max_age=60", "/logout"])
async def test_the_login_and_logout_pages_do_not_guess(outage: Outage, path: str) -> None:
    for agent in ({}, PAGE):
        assert_comes_back(await ask(outage.web, "GET", path, {**outage.cookie, **agent}))


async def test_to_end_everything_takes_a_view_that_is_fresh(outage: Outage) -> None:
    body = {"everywhere": True}
    for who in (outage.token, {**outage.cookie, **SAME_ORIGIN}):
        assert_comes_back(await ask(outage.web, "POST", "/logout", who, body))
    form = {**outage.cookie, **OWN_FORM}
    assert_comes_back(await ask(outage.web, "POST", "/logout", form, "everywhere=true"))


async def test_introspection_by_the_administrator_tells_nothing(outage: Outage) -> None:
    token = outage.token["Authorization"].partition(" ")[2]
    answer = await ask(
        outage.web, "POST", "/oauth/introspect", {**outage.token, **FORM}, f"token={token}"
    )
    assert_comes_back(answer)


async def test_whoever_shows_nothing_is_told_so(outage: Outage) -> None:
    for method, path in (("GET", "/me"), ("GET", "/users"), ("POST", "/clients")):
        assert (await ask(outage.web, method, path)).status == 401
    assert (await ask(outage.web, "GET", "/login")).status == 200
