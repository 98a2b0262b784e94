"""The page of the second factor: it holds a ticket, no password, and leads where the login did."""

from html import unescape
from urllib.parse import quote, urlencode

import pytest

from tests.programs.service import PASSWORD
from tests.web.asked import FORM, OWN_FORM, Asked, ask, claims_of, given_cookies
from tests.web.conftest import PUBLIC_URL, Web
from tests.web.phones import add_phone
from tests.web.test_login_form import Page

pytestmark = pytest.mark.asyncio(loop_scope="module")

RD = "http://app.example.com/x?y=1"


async def begin(web: Web, name: str, query: str = "", **fields: str) -> Asked:
    """Send the form of the first page."""
    typed = {"username": name, "password": PASSWORD, "rd": RD, **fields}
    return await ask(web, "POST", f"/login{query}", OWN_FORM, urlencode(typed))


async def go_on(web: Web, page: Asked, otp: str, **fields: str) -> Asked:
    """Type a code on the second page."""
    form = Page(page.text)
    hidden = {name: str(form.fields[name]["value"]) for name in ("ticket", "csrf", "rd")}
    body = urlencode({**hidden, "otp": otp, **fields})
    return await ask(web, "POST", unescape(str(form.forms[0]["action"])), OWN_FORM, body)


def assert_code_page(answer: Asked, status: int = 401) -> Page:
    """Fail unless this is the page that asks for a code."""
    page = Page(answer.text)
    assert answer.status == status
    assert page.shown == {"otp"}
    assert page.fields["otp"]["autocomplete"] == "one-time-code"
    assert PASSWORD not in answer.text
    assert given_cookies(answer) == []
    return page


async def test_after_the_password_comes_the_code_and_then_the_target(settled: Web) -> None:
    phone = await add_phone(settled, "ada")
    page = await begin(settled, "ada")
    shown = assert_code_page(page)
    assert shown.fields["rd"]["value"] == RD
    assert 'role="alert"' not in page.text
    done = await go_on(settled, page, phone.read())
    assert (done.status, done.headers["Location"]) == (303, RD)
    (line,) = given_cookies(done)
    assert claims_of(line.partition(";")[0].partition("=")[2])["amr"] == ["pwd", "otp"]
    assert "Max-Age" not in line


async def test_what_was_asked_of_the_login_and_whether_to_remember_it_is_kept(
    settled: Web,
) -> None:
    phone = await add_phone(settled, "bea")
    page = await begin(settled, "bea", "?max_age=60&amr=otp", remember="true")
    assert assert_code_page(page).forms[0][
        "action"
    ] == "/login/code?max_age=60&amp;amr=otp".replace("&amp;", "&")
    again = f"{PUBLIC_URL}/login?rd={quote(RD, safe='')}&max_age=60&amr=otp"
    assert f'href="{again}"' in unescape(page.text)
    done = await go_on(settled, page, phone.read())
    assert (done.status, done.headers["Location"]) == (303, RD)
    assert "Max-Age=2592000" in given_cookies(done)[0]


async def test_a_wrong_code_shows_the_page_again_and_the_right_one_still_counts(
    settled: Web,
) -> None:
    phone = await add_phone(settled, "cat")
    page = await begin(settled, "cat")
    for otp in (phone.misread(), "", "x"):
        page = await go_on(settled, page, otp)
        shown = assert_code_page(page)
        assert shown.fields["otp"].get("value") is None
    assert (await go_on(settled, page, phone.read())).status == 303


async def test_a_code_counts_once_in_two_tabs(settled: Web) -> None:
    phone = await add_phone(settled, "dan")
    one, two = await begin(settled, "dan"), await begin(settled, "dan")
    assert (await go_on(settled, one, phone.read())).status == 303
    assert_code_page(await go_on(settled, two, phone.read()))
    assert (await go_on(settled, two, phone.read(1))).status == 303


async def test_a_code_on_the_first_page_needs_no_second(settled: Web) -> None:
    phone = await add_phone(settled, "eve")
    assert (await begin(settled, "eve", otp=phone.read())).status == 303
    wrong = await begin(settled, "eve", otp=phone.misread())
    assert_code_page(wrong)
    assert 'role="alert"' in wrong.text


@pytest.mark.parametrize("ticket", ["x", "A" * 64, "", "a" * 2000])
async def test_without_a_good_ticket_the_password_is_asked_for_again(
    settled: Web, ticket: str
) -> None:
    phone = await add_phone(settled, f"tic{len(ticket)}")
    page = await begin(settled, f"tic{len(ticket)}")
    answer = await go_on(settled, page, phone.read(), ticket=ticket)
    if not ticket:
        answer.assert_problem(422, "fields_invalid")
        return
    assert answer.status == 401
    assert Page(answer.text).shown == {"username", "password", "remember"}
    assert Page(answer.text).fields["rd"]["value"] == RD
    assert given_cookies(answer) == []


async def test_a_changed_account_makes_it_worthless(settled: Web) -> None:
    phone = await add_phone(settled, "fay")
    page = await begin(settled, "fay")
    await settled.change_user("fay", disabled=True)
    answer = await go_on(settled, page, phone.read())
    assert answer.status == 401
    assert "password" in Page(answer.text).fields


@pytest.mark.parametrize("rd", ["https://evil.example/", "//evil.example", "javascript:x"])
async def test_a_target_is_judged_again_at_the_end(settled: Web, rd: str) -> None:
    name = f"rd{len(rd)}"
    phone = await add_phone(settled, name)
    page = await begin(settled, name)
    done = await go_on(settled, page, phone.read(), rd=rd)
    assert done.status == 303
    assert done.headers["Location"].startswith(f"{PUBLIC_URL}/")


async def test_another_site_types_no_code(settled: Web) -> None:
    body = urlencode({"ticket": "x", "otp": "123456"})
    headers = {**FORM, "Sec-Fetch-Site": "cross-site"}
    answer = await ask(settled, "POST", "/login/code", headers, body)
    answer.assert_problem(403, "cross_site")


async def test_without_a_token_the_page_is_shown_again_with_its_ticket(settled: Web) -> None:
    body = urlencode({"ticket": "some-ticket", "otp": "123456", "rd": RD})
    answer = await ask(settled, "POST", "/login/code", FORM, body)
    page = assert_code_page(answer, 403)
    assert page.fields["ticket"]["value"] == "some-ticket"
    assert page.fields["rd"]["value"] == RD
    assert "123456" not in answer.text


async def test_who_opens_its_address_begins_anew(settled: Web) -> None:
    answer = await ask(settled, "GET", f"/login/code?rd={quote(RD, safe='')}&amr=otp")
    assert answer.status == 303
    assert answer.headers["Location"] == f"{PUBLIC_URL}/login?rd={quote(RD, safe='')}&amr=otp"


@pytest.mark.parametrize(
    ("headers", "body", "status", "reason"),
    [
        ({"Content-Type": "application/json"}, "{}", 415, "unsupported_media_type"),
        ({}, "", 415, "unsupported_media_type"),
        (OWN_FORM, "otp=1&otp=2", 400, "body_malformed"),
        (OWN_FORM, "otp=1", 422, "fields_invalid"),
        (OWN_FORM, "ticket=x&otp=1&more=2", 422, "fields_invalid"),
        (OWN_FORM, f"ticket=x&otp={'1' * 1000}", 422, "fields_invalid"),
        (OWN_FORM, f"ticket={'x' * 20000}&otp=1", 422, "fields_invalid"),
    ],
)
async def test_what_is_no_such_form_is_refused(
    settled: Web, headers: dict[str, str], body: str, status: int, reason: str
) -> None:
    answer = await ask(settled, "POST", "/login/code", headers, body)
    answer.assert_problem(status, reason)
