"""Where a one-time link leads: a form that spends it once, and says what a password must be."""

import logging
from urllib.parse import urlencode

import pytest

from sidecar.clock import read_clock
from sidecar.core.audit import OPERATOR, Author
from tests.web.asked import FORM, OWN_FORM, PAGE, Asked, ask, log_in, rows
from tests.web.conftest import Web
from tests.web.test_login_form import Page

pytestmark = pytest.mark.asyncio(loop_scope="module")

NEW = "quite another passphrase"


async def make_link(web: Web, name: str) -> str:
    """Add somebody, and return the token of a link for them."""
    user = await web.add_user(name)
    token, _ = await web.serving.services.resets.make(user.id, Author(OPERATOR), read_clock().unix)
    return token


async def spend(web: Web, token: str, password: str = NEW, **fields: str) -> Asked:
    """Send the form."""
    body = {"token": token, "new_password": password, "again": password, **fields}
    return await ask(web, "POST", "/reset", {**OWN_FORM, **PAGE}, urlencode(body))


async def test_looking_spends_nothing_and_the_form_sets_the_password(settled: Web) -> None:
    token = await make_link(settled, "ada")
    before = await rows(settled)
    for method in ("GET", "HEAD"):
        assert (await ask(settled, method, f"/reset?token={token}", PAGE)).status == 200
    page = await ask(settled, "GET", f"/reset?token={token}", PAGE)
    assert await rows(settled) == before
    shown = Page(page.text)
    assert shown.shown == {"username", "new_password", "again"}
    assert shown.fields["username"]["value"] == "ada"
    assert shown.fields["new_password"]["autocomplete"] == "new-password"
    assert page.headers["Referrer-Policy"] == "same-origin"
    done = await spend(settled, token)
    assert done.status == 200
    assert "Your password is set" in done.text
    assert (await log_in(settled, username="ada", password=NEW)).status == 200
    assert (await spend(settled, token)).status == 410


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("short", "at least 12 characters"),
        ("", "at least 12 characters"),
        ("a" * 257, "at most 256 characters"),
        ("password1234", "too easy to guess"),
        ("with\ta tabulator in it", "no control characters"),
    ],
)
async def test_a_password_that_is_not_good_leaves_the_link_good(
    settled: Web, password: str, words: str
) -> None:
    name = f"bob{len(password)}"
    token = await make_link(settled, name)
    answer = await spend(settled, token, password)
    page = Page(answer.text)
    assert answer.status == 422
    assert words in answer.text
    assert page.fields["new_password"]["aria-invalid"] == "true"
    assert page.fields["token"]["value"] == token
    assert page.fields["new_password"].get("value") is None
    program = await ask(
        settled, "POST", "/reset", OWN_FORM, urlencode({"token": token, "new_password": password})
    )
    members = program.assert_problem(422, "fields_invalid")
    assert [each["pointer"] for each in members["errors"]] == ["/new_password"]
    assert (await spend(settled, token)).status == 200


async def test_two_that_differ_are_not_taken(settled: Web) -> None:
    token = await make_link(settled, "cat")
    answer = await spend(settled, token, again=f"{NEW}!")
    assert answer.status == 422
    assert "not the same" in answer.text
    assert Page(answer.text).fields["again"]["aria-invalid"] == "true"
    assert (await spend(settled, token)).status == 200


@pytest.mark.parametrize("token", ["x", "A" * 43, "", "a" * 3000, "%00", "é"])
async def test_a_link_that_is_none_is_over(settled: Web, token: str) -> None:
    page = await ask(settled, "GET", f"/reset?{urlencode({'token': token})}", PAGE)
    assert page.status == 410
    assert "This link is over" in page.text
    if token:
        answer = await spend(settled, token)
        assert answer.status == 410


DEAD = urlencode({"token": "A" * 43, "new_password": NEW})


@pytest.mark.parametrize(
    ("method", "path", "form"), [("GET", "/reset?token=x", None), ("POST", "/reset", DEAD)]
)
@pytest.mark.parametrize("asks", [PAGE, {}], ids=["a-person", "a-program"])
async def test_a_dead_link_is_told_to_whoever_asks_and_to_the_log(
    settled: Web,
    caplog: pytest.LogCaptureFixture,
    method: str,
    path: str,
    form: str | None,
    asks: dict[str, str],
) -> None:
    caplog.set_level(logging.INFO, "sidecar.web")
    answer = await ask(settled, method, path, {**OWN_FORM, **asks}, form)
    assert answer.status == 410
    if asks:
        assert "This link is over" in answer.text
    else:
        answer.assert_problem(410, "invalid_grant")
    (line,) = [vars(each) for each in caplog.records if each.message == "reset refused"]
    assert line["reason"] == "invalid_grant"
    assert line["request_id"] == answer.headers["X-Request-Id"]


@pytest.mark.parametrize("query", ["", "?token", "?token=a&token=b"])
async def test_an_address_without_one_token_is_over(settled: Web, query: str) -> None:
    assert (await ask(settled, "GET", f"/reset{query}")).status == 410


async def test_without_a_form_token_the_page_is_shown_again(settled: Web) -> None:
    token = await make_link(settled, "dan")
    body = urlencode({"token": token, "new_password": NEW})
    answer = await ask(settled, "POST", "/reset", FORM, body)
    assert answer.status == 403
    assert Page(answer.text).fields["token"]["value"] == token
    assert NEW not in answer.text
    other = {**FORM, "Sec-Fetch-Site": "cross-site"}
    (await ask(settled, "POST", "/reset", other, body)).assert_problem(403, "cross_site")
    assert (await spend(settled, token)).status == 200


async def test_who_was_disabled_meanwhile_has_no_link(settled: Web) -> None:
    token = await make_link(settled, "eve")
    await settled.change_user("eve", disabled=True)
    assert (await ask(settled, "GET", f"/reset?token={token}")).status == 410
    assert (await spend(settled, token)).status == 410
