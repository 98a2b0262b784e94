"""The login page and its form: they work without a script, and under a policy that allows none."""

from html.parser import HTMLParser
from urllib.parse import urlencode

import pytest

from tests.programs.service import PASSWORD
from tests.web.asked import GOOD, OWN_FORM, Asked, ask, given_cookies
from tests.web.conftest import PUBLIC_URL, Web

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Page(HTMLParser):
    """The parts of a page that a person or a browser acts on."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fields: dict[str, dict[str, str | None]] = {}
        self.shown: set[str] = set()
        self.labels: set[str | None] = set()
        self.forms: list[dict[str, str | None]] = []
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.add(tag)
        if tag == "input" and found["type"] != "hidden":
            self.shown.add(str(found["name"]))
        if tag == "input":
            self.fields[str(found["name"])] = found
        if tag == "label":
            self.labels.add(found["for"])
        if tag == "form":
            self.forms.append(found)


async def post_form(web: Web, fields: dict[str, str], **headers: str) -> Asked:
    """Send the form of the login page."""
    sent = {**OWN_FORM, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return await ask(web, "POST", "/login", sent, urlencode(fields))


async def test_the_page_has_a_labelled_form_and_no_script(settled: Web) -> None:
    answer = await ask(settled, "GET", "/login")
    page = Page(answer.text)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert set(page.fields) == {"username", "password", "remember", "csrf"}
    assert page.shown == {"username", "password", "remember"}
    assert {page.fields[name]["id"] for name in page.shown} <= page.labels
    assert page.fields["password"]["type"] == "password"
    assert page.fields["username"]["autocomplete"] == "username"
    assert page.forms == [{"method": "post", "action": "/login"}]
    assert "script" not in page.tags


async def test_the_page_is_kept_by_nobody_and_framed_by_nobody(settled: Web) -> None:
    headers = (await ask(settled, "GET", "/login")).headers
    policy = dict(
        part.partition(" ")[::2] for part in headers["Content-Security-Policy"].split("; ")
    )
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["style-src"] == policy["img-src"] == "'self'"
    assert "script-src" not in policy
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


async def test_the_form_may_end_where_a_login_may_and_nowhere_else(settled: Web) -> None:
    policy = (await ask(settled, "GET", "/login")).headers["Content-Security-Policy"]
    form_action = policy.partition("form-action ")[2].partition(";")[0].split()
    hosts = ["http://app.example.com:*", "https://app.example.com:*"]
    assert form_action == ["'self'", *hosts]


async def test_the_stylesheet_of_the_page_is_there(settled: Web) -> None:
    answer = await ask(settled, "GET", "/static/sidecar.css")
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/css")
    assert answer.headers["Cache-Control"] == "public, max-age=3600"
    again = {"If-None-Match": answer.headers["ETag"]}
    known = await ask(settled, "GET", "/static/sidecar.css", again)
    assert (known.status, known.body) == (304, b"")


async def test_a_login_by_form_sets_a_cookie_and_shows_who_it_is(settled: Web) -> None:
    answer = await post_form(settled, GOOD)
    assert (answer.status, answer.headers["Location"]) == (303, f"{PUBLIC_URL}/account")
    assert answer.headers["Cache-Control"] == "no-store"
    cookie = answer.headers["Set-Cookie"].partition(";")[0]
    page = await ask(settled, "GET", "/logout", {"Cookie": cookie})
    assert "Alice" in page.text
    assert Page(page.text).forms == [{"method": "post", "action": "/logout"}]


async def test_a_wrong_password_shows_the_page_again(settled: Web) -> None:
    fields = {"username": "alice", "password": "wrong", "rd": "http://app.example.com/x?y=1"}
    answer = await post_form(settled, fields)
    page = Page(answer.text)
    assert answer.status == 401
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert given_cookies(answer) == []
    assert page.fields["username"]["value"] == "alice"
    assert page.fields["rd"]["value"] == "http://app.example.com/x?y=1"
    assert page.fields["password"].get("value") is None
    assert "wrong" not in answer.text


@pytest.mark.parametrize("typed", ['"><script>alert(1)</script>', "'{{ 7*7 }}'", "<!--", "&quot;"])
async def test_what_was_typed_comes_back_as_text(settled: Web, typed: str) -> None:
    answer = await post_form(settled, {"username": typed, "password": "wrong"})
    page = Page(answer.text)
    assert answer.status == 401
    assert page.fields["username"]["value"] == typed
    assert "script" not in page.tags


async def test_nobody_is_shown_on_the_logout_page_without_a_session(settled: Web) -> None:
    token = (await settled.log_in())["access_token"]
    for headers in ({}, {"Cookie": "__Host-sidecar=x"}, {"Cookie": f"__Host-sidecar={token}"}):
        page = await ask(settled, "GET", "/logout", headers)
        assert page.status == 200
        assert Page(page.text).forms == []
        assert PASSWORD not in page.text
        assert "Alice" not in page.text


@pytest.mark.parametrize("lacking", ["username", "password"])
async def test_who_forgot_a_field_sees_the_page_again_and_a_program_where_it_is(
    settled: Web, lacking: str
) -> None:
    fields = {**GOOD, "rd": "/me", lacking: ""}
    answer = await post_form(settled, fields, Sec_Fetch_Mode="navigate")
    page = Page(answer.text)
    assert answer.status == 422
    assert page.fields["username"].get("value") == (None if lacking == "username" else "alice")
    assert page.fields["rd"]["value"] == "/me"
    assert PASSWORD not in answer.text
    (await post_form(settled, fields)).assert_problem(422, "fields_invalid")
