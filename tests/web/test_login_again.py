"""`/login?max_age=&amr=`: who is logged in is asked again, unless their login is like that."""

from html import unescape
from typing import Final
from urllib.parse import urlencode

import pytest

from sidecar.core.claims import TokenKind
from sidecar.core.verdict import StepUp
from sidecar.web.parameters import LARGEST_AGE
from sidecar.web.stepup import MOST_WAYS, list_step_up
from tests.web.asked import GOOD, OWN_FORM, Asked, ask, given_cookies, taken_cookies
from tests.web.conftest import PUBLIC_URL
from tests.web.gated import HOST, NAVIGATION, RECENT, Gated, cookie
from tests.web.test_login_form import Page

pytestmark = pytest.mark.asyncio(loop_scope="module")

RD: Final = f"http://{HOST}/recent/?a=b"
ASKED_AGAIN: Final = (
    ("stale cookie", f"max_age={RECENT}"),
    ("stale cookie", "max_age=1"),
    ("stale cookie", f"max_age={RECENT}&amr=pwd"),
    ("alice's cookie", "amr=otp"),
    ("alice's cookie", "amr=otp,hwk"),
    ("alice's cookie", f"max_age={RECENT}&amr=otp"),
    ("otp cookie", "amr=hwk"),
    ("otp cookie", "amr=OTP"),
)
GOES_ON: Final = (
    ("stale cookie", ""),
    ("stale cookie", f"max_age={RECENT + 60}"),
    ("stale cookie", f"max_age={LARGEST_AGE}"),
    ("stale cookie", "amr=pwd"),
    ("alice's cookie", f"max_age={RECENT}"),
    ("alice's cookie", f"max_age={RECENT}&amr=pwd"),
    ("otp cookie", "amr=otp"),
    ("otp cookie", "amr=hwk,otp"),
)
# Values that are none: as if they were not there.
WRONG: Final = (
    *(
        "max_age=",
        "max_age=x",
        "max_age=-1",
        "max_age=1m",
        "max_age=1.5",
        "max_age=%2B1",
        "max_age",
    ),
    *("max_age=%D9%A1", f"max_age={LARGEST_AGE + 1}", "max_age=1&max_age=1", "max_age=1%20"),
    *(
        "amr=",
        "amr=,",
        "amr=otp,",
        "amr=,otp",
        "amr=otp%20hwk",
        "amr=%22",
        "amr=otp&amr=otp",
        "amr",
    ),
    *("amr=%3Cscript%3E", "amr=" + "a" * 33, "amr=" + ",".join(["otp"] * (MOST_WAYS + 1))),
    *("amr=%C3%A4", "amr=otp%0A", "amr=.otp", "maxage=1", "Max_Age=1", "acr_values=otp"),
)


async def look(gated: Gated, who: str, query: str, rd: str = RD) -> Asked:
    """Open the login page as somebody who comes from `rd`."""
    path = "/login?" + urlencode({"rd": rd}) + (f"&{query}" if query else "")
    headers = {name: str(value) for name, value in gated.credentials[who]}
    return await ask(gated.web, "GET", path, headers)


@pytest.mark.parametrize(("who", "query"), ASKED_AGAIN)
async def test_a_session_that_is_not_like_that_is_asked_to_log_in_again(
    gated: Gated, who: str, query: str
) -> None:
    answer = await look(gated, who, query)
    page = Page(answer.text)
    assert answer.status == 200
    assert page.fields["rd"]["value"] == RD
    assert page.forms == [{"method": "post", "action": f"/login?{query}"}]
    assert answer.text.count("please log in again") == 1
    assert "script" not in page.tags
    assert given_cookies(answer) == []
    assert taken_cookies(answer) == set()
    asks = "otp" in query and who == "alice's cookie"
    assert ('href="/account/factor"' in answer.text) is asks  # where a second factor is set up


@pytest.mark.parametrize(("who", "query"), GOES_ON)
async def test_a_session_that_is_like_that_goes_on(gated: Gated, who: str, query: str) -> None:
    answer = await look(gated, who, query)
    assert (answer.status, answer.headers["Location"]) == (303, RD)


@pytest.mark.parametrize("query", WRONG, ids=lambda query: query[:30])
async def test_a_value_that_is_none_is_not_there(gated: Gated, query: str) -> None:
    answer = await look(gated, "stale cookie", query)
    assert (answer.status, answer.headers["Location"]) == (303, RD)
    page = await look(gated, "nobody", query)
    assert Page(page.text).forms == [{"method": "post", "action": "/login"}]
    assert "log in again" not in page.text


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("max_age=60", "a recent login:"),
        ("amr=otp", "another kind of login:"),
        ("max_age=60&amr=otp", "a recent login of a certain kind:"),
    ],
)
async def test_the_page_says_in_one_sentence_why(gated: Gated, query: str, words: str) -> None:
    page = await look(gated, "nobody", query)
    assert words in page.text
    assert page.text.count("What you asked for") == 1
    assert "otp" not in page.text.replace(f"/login?{query}", "").replace("amr=otp", "")


@pytest.mark.parametrize("who", ["expired cookie", "revoked cookie", "garbage"])
async def test_who_has_no_good_session_sees_the_page(gated: Gated, who: str) -> None:
    for query in ("", f"max_age={LARGEST_AGE}", "amr=pwd"):
        assert (await look(gated, who, query)).status == 200


async def test_what_is_asked_for_outlasts_a_login_that_fails(gated: Gated) -> None:
    query, rd = "max_age=60&amr=hwk,otp", {"rd": RD}
    failed = await ask(
        gated.web,
        "POST",
        f"/login?{query}",
        OWN_FORM,
        urlencode({**GOOD, "password": "wrong", **rd}),
    )
    page = Page(failed.text)
    assert failed.status == 401
    assert page.forms == [{"method": "post", "action": f"/login?{query}"}]
    assert page.fields["rd"]["value"] == RD
    assert "please log in again" in failed.text
    good = await ask(gated.web, "POST", f"/login?{query}", OWN_FORM, urlencode({**GOOD, **rd}))
    assert (good.status, good.headers["Location"]) == (303, RD)


async def test_a_login_again_ends_at_no_target_that_is_not_safe(gated: Gated) -> None:
    for rd in ("https://evil.example/", "//evil.example", "javascript:alert(1)"):
        answer = await look(gated, "stale cookie", "max_age=1", rd)
        assert "rd" not in Page(answer.text).fields
        good = await ask(
            gated.web, "POST", "/login?max_age=1", OWN_FORM, urlencode({**GOOD, "rd": rd})
        )
        assert (good.status, good.headers["Location"]) == (303, f"{PUBLIC_URL}/account")


async def test_from_the_gate_to_the_page_and_back(gated: Gated) -> None:
    """The gate sends a person to a page that does not send them straight back."""
    for target, who in (("/recent/", "stale cookie"), ("/strong/", "alice's cookie")):
        sent = await gated.ask("traefik", target, [*gated.credentials[who], *NAVIGATION])
        assert sent.status == 302
        path = sent.headers["Location"].removeprefix(PUBLIC_URL)
        name, value = gated.credentials[who][0]
        page = await ask(gated.web, "GET", path, {name: str(value)})
        assert page.status == 200
        fields = {**GOOD, "rd": str(Page(page.text).fields["rd"]["value"])}
        action = unescape(str(Page(page.text).forms[0]["action"]))
        back = await ask(gated.web, "POST", action, OWN_FORM, urlencode(fields))
        assert (back.status, back.headers["Location"]) == (303, f"http://{HOST}{target}")
        fresh = back.headers["Set-Cookie"].partition(";")[0]
        again = await gated.ask("traefik", target, [("Cookie", fresh)])
        assert again.status == (200 if target == "/recent/" else 401)


async def test_no_more_ways_are_told_than_are_read(gated: Gated) -> None:
    """A page that read none of them would send the person straight back to the gate, for ever."""
    ways = tuple(f"way{number}" for number in range(MOST_WAYS + 1))
    ((name, told),) = list_step_up(StepUp(None, ways))
    assert told.split(",") == list(ways[:MOST_WAYS])
    assert (await look(gated, "alice's cookie", f"{name}={told}")).status == 200


async def test_another_kind_of_token_in_the_cookie_is_no_session(gated: Gated) -> None:
    access = gated.resealed(TokenKind.ACCESS, amr=("otp",))
    name, value = cookie(access)
    page = await ask(gated.web, "GET", "/login?amr=otp", {name: str(value)})
    assert page.status == 200
