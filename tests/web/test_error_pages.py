"""What goes wrong is a page for people and a problem for programs, at one status."""

import asyncio
import re
from urllib.parse import urlencode

import pytest

from tests.web.asked import ANSWER_TIMEOUT, OWN_FORM, PAGE, Asked, ask, head, locked, send
from tests.web.conftest import PUBLIC_URL, Web
from tests.web.test_login_form import Page

pytestmark = pytest.mark.asyncio(loop_scope="module")

HTML = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}  # a browser of before 2020
LONG = "a" * 70_000


def assert_page(answer: Asked, status: int, words: str) -> None:
    """Fail unless this is a page that says so, with the id and the headers of every page."""
    assert (answer.status, answer.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert f"<h1>{words}</h1>" in answer.text
    assert f"Request id: {answer.headers['X-Request-Id']} (" in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert "Strict-Transport-Security" not in answer.headers
    assert answer.headers["Server"] == "sidecar"
    assert "Set-Cookie" not in answer.headers
    assert "script" not in Page(answer.text).tags
    assert "Traceback" not in answer.text


ROWS = (
    ("GET", "/nothing", None, 404, "not_found", "There is no such page"),
    ("GET", "/users/x/y", None, 404, "not_found", "There is no such page"),
    ("GET", "/refresh", None, 405, "method_not_allowed", "That cannot be done here"),
    ("GET", "/me", None, 401, "no_credential", "Please log in"),
    ("POST", "/login", "username=a&username=b", 400, "body_malformed", "That could not be read"),
    ("POST", "/login", f"username={LONG}", 413, "body_too_large", "That is too much"),
    ("POST", "/logout", "everywhere=all", 422, "fields_invalid", "Something in the form is wrong"),
)


@pytest.mark.parametrize(("method", "path", "body", "status", "reason", "words"), ROWS)
@pytest.mark.parametrize("asks", [PAGE, HTML], ids=["navigate", "accept"])
async def test_a_person_sees_a_page(
    settled: Web,
    method: str,
    path: str,
    body: str | None,
    status: int,
    reason: str,
    words: str,
    asks: dict[str, str],
) -> None:
    headers = {**asks, **(OWN_FORM if body is not None else {})}
    answer = await ask(settled, method, path, headers, body)
    assert_page(answer, status, words)
    assert f"({reason})" in answer.text


@pytest.mark.parametrize(("method", "path", "body", "status", "reason", "words"), ROWS)
@pytest.mark.parametrize(
    "asks",
    [
        {},
        {"Accept": "*/*"},
        {"Accept": "application/json, text/html;q=0.5"},
        {**HTML, "X-Requested-With": "XMLHttpRequest"},
        {**HTML, "Sec-Fetch-Mode": "cors"},
    ],
)
async def test_a_program_gets_a_problem(
    settled: Web,
    method: str,
    path: str,
    body: str | None,
    status: int,
    reason: str,
    words: str,
    asks: dict[str, str],
) -> None:
    headers = {**asks, **(OWN_FORM if body is not None else {})}
    (await ask(settled, method, path, headers, body)).assert_problem(status, reason)


async def test_what_a_refusal_says_in_its_head_stays(settled: Web) -> None:
    answer = await ask(settled, "GET", "/me", PAGE)
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    answer = await ask(settled, "GET", "/refresh", PAGE)
    assert answer.headers["Allow"] == "POST"
    answer = await ask(settled, "POST", "/login", {**OWN_FORM, **PAGE}, f"username={LONG}")
    assert answer.headers["Connection"] == "close"


async def test_a_form_from_elsewhere_is_said_to_be(settled: Web) -> None:
    headers = {**OWN_FORM, **PAGE, "Sec-Fetch-Site": "cross-site"}
    answer = await ask(settled, "POST", "/login", headers, "username=a&password=b")
    assert_page(answer, 403, "This came from somewhere else")


async def test_while_the_store_is_away_a_person_is_told_when(settled: Web) -> None:
    cookie = await settled.log_in_cookie()
    async with locked(settled):
        answer = await ask(settled, "GET", "/me/tokens", {**PAGE, "Cookie": cookie})
    assert_page(answer, 503, "Not at this moment")
    assert answer.headers["Retry-After"] == "2"


async def test_a_bug_is_a_page_without_a_trace_of_it(
    settled: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise ZeroDivisionError("of a secret")

    monkeypatch.setattr(type(settled.serving.services.store.sessions), "find_account", fail)
    body = urlencode({"username": "alice", "password": "x"})
    answer = await ask(settled, "POST", "/login", {**OWN_FORM, **PAGE}, body)
    assert_page(answer, 500, "Something went wrong")
    assert "secret" not in answer.text


async def test_a_body_that_stalls_is_a_page(settled: Web) -> None:
    lines = [f"{name}: {value}" for name, value in {**OWN_FORM, **PAGE}.items()]
    octets = head("POST", "/login", *lines, "Content-Length: 10")
    async with asyncio.timeout(ANSWER_TIMEOUT):
        answer = await send(settled.port, octets + b"user")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"<h1>Your browser fell silent</h1>" in answer


async def test_an_id_from_the_proxy_is_the_one_that_is_told(settled: Web) -> None:
    answer = await ask(settled, "GET", "/nothing", {**PAGE, "X-Request-Id": "the-proxys-id-1"})
    assert "Request id: the-proxys-id-1 (not_found)" in answer.text
    hostile = {"X-Request-Id": '<script>"</script>'}
    answer = await ask(settled, "GET", "/nothing", {**PAGE, **hostile})
    assert_page(answer, 404, "There is no such page")


async def test_the_page_leads_to_the_login(settled: Web) -> None:
    answer = await ask(settled, "GET", "/nothing", PAGE)
    assert f'href="{PUBLIC_URL}/login"' in answer.text
    assert re.findall(r'(?:href|src)="(?!/static/|http://auth\.example\.com)', answer.text) == []


async def test_a_head_has_no_body(settled: Web) -> None:
    answer = await ask(settled, "HEAD", "/nothing", PAGE)
    assert (answer.status, answer.body) == (404, b"")
