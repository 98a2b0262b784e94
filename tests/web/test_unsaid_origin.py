"""A cookie whose browser does not say where it was: nothing is done for it but by a page's form.

Browsers of before 2020 send neither `Sec-Fetch-Site` nor, with some requests, `Origin`; then any
page could have sent a form, or a request without a body, without being asked first (CORS).
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from sidecar.core.origin import SAFE_METHODS
from sidecar.web.documented import ROWS
from tests.web.asked import ask, bearer, claims_of, rows, taken_cookies
from tests.web.conftest import PUBLIC_URL, Web, in_one_task, serving_web

pytestmark = pytest.mark.asyncio(loop_scope="module")

OWN_PATHS = ("/me", "/users", "/clients")
CHANGES = [
    (method, path)
    for method, path in ROWS
    if method not in SAFE_METHODS and path.startswith(OWN_PATHS)
]
NAMES = [" ".join(each) for each in CHANGES]
KINDS: dict[str, tuple[dict[str, str], bytes | None]] = {
    "nothing": ({}, None),
    "form": ({"Content-Type": "application/x-www-form-urlencoded"}, b"a=b"),
    "form of nothing": ({"Content-Type": "application/x-www-form-urlencoded"}, b""),
    "text": ({"Content-Type": "text/plain"}, b'{"a": "="}'),
    "parts": ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x--\r\n"),
    "json": ({"Content-Type": "application/json"}, b"{}"),
}
SAID: tuple[dict[str, str], ...] = (
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": PUBLIC_URL},
)


@dataclass(frozen=True, slots=True)
class Desk:
    """A service with alice, an administrator who has a session cookie, and their sessions' ids."""

    web: Web
    cookie: str
    token: str
    alice: str
    sid: str

    def fill(self, path: str) -> str:
        """Return a path about alice, or about a session of the administrator's own."""
        return path.replace("{id}", self.alice).replace("{sid}", self.sid)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    async with in_one_task(serving_web(tmp_path_factory.mktemp("desk"))) as web:
        await web.add_user("root", "admin")
        alice = await web.add_user("alice")
        cookie, other = await web.log_in_cookie("root"), await web.log_in_cookie("root")
        token = (await web.log_in("root"))["access_token"]
        sid = claims_of(other.partition("=")[2])["sid"]
        yield Desk(web, cookie, token, alice.id, sid)


async def test_the_changes_that_read_no_body_are_among_them() -> None:
    assert {
        *(("POST", "/users/{id}/reset"), ("POST", "/users/{id}/revoke"), ("POST", "/me/otp")),
        *(("DELETE", "/users/{id}"), ("DELETE", "/users/{id}/otp"), ("DELETE", "/clients/{id}")),
        *(("DELETE", "/me/sessions/{sid}"), ("DELETE", "/me/tokens/{id}")),
    } <= set(CHANGES)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("method", "path"), CHANGES, ids=NAMES)
async def test_nothing_is_changed_by_a_cookie_alone(
    desk: Desk, method: str, path: str, kind: str
) -> None:
    before = await rows(desk.web)
    headers, body = KINDS[kind]
    headers = {"Cookie": desk.cookie, **headers}
    answer = await ask(desk.web, method, desk.fill(path), headers, body)
    answer.assert_problem(403, "cross_site")
    assert await rows(desk.web) == before


@pytest.mark.parametrize("said", SAID, ids=str)
@pytest.mark.parametrize(("method", "path"), CHANGES, ids=NAMES)
async def test_it_counts_where_the_browser_says_that_it_was_here(
    desk: Desk, method: str, path: str, said: dict[str, str]
) -> None:
    answer = await ask(desk.web, method, path, {"Cookie": desk.cookie, **said})
    assert answer.status in {200, 404, 415, 428}


@pytest.mark.parametrize("kind", ["nothing", "form of nothing", "json"])
@pytest.mark.parametrize(("method", "path"), CHANGES, ids=NAMES)
async def test_a_token_needs_no_browser(desk: Desk, method: str, path: str, kind: str) -> None:
    headers, body = KINDS[kind]
    answer = await ask(desk.web, method, path, {**bearer(desk.token), **headers}, body)
    assert answer.status in {200, 404, 415, 422, 428}


@pytest.mark.parametrize("kind", ["text/plain", "Multipart/Form-Data; boundary=x"])
async def test_nobody_is_logged_out_by_an_empty_form_of_another_page(desk: Desk, kind: str) -> None:
    headers = {"Cookie": desk.cookie, "Content-Type": kind}
    answer = await ask(desk.web, "POST", "/logout", headers)
    answer.assert_problem(403, "cross_site")
    assert taken_cookies(answer) == set()
    assert (await ask(desk.web, "GET", "/me", {"Cookie": desk.cookie})).status == 200


@pytest.mark.parametrize("said", SAID, ids=str)
async def test_a_browser_of_today_is_logged_out_without_a_body(
    desk: Desk, said: dict[str, str]
) -> None:
    cookie = await desk.web.log_in_cookie("root")
    answer = await ask(desk.web, "POST", "/logout", {"Cookie": cookie, **said})
    assert answer.status == 204
    assert (await ask(desk.web, "GET", "/me", {"Cookie": cookie})).status == 401
