"""What outlives a session is given to who has just logged in, not to who finds one open."""

from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.web.asked import Asked, ask, bearer, change, claims_of, refresh, rows
from tests.web.conftest import PUBLIC_URL, Web
from tests.web.phones import Phone
from tests.web.visiting import Visitor, visit

pytestmark = pytest.mark.asyncio(loop_scope="module")

RECENT = 900  # seconds
CODE = {"otp": "123456"}
TOKEN = {"name": "backup"}
BODIES = {"/me/otp": None, "/me/otp/confirm": CODE, "/me/tokens": TOKEN}
FORMS: Mapping[str, tuple[Mapping[str, str], str]] = {  # what is sent, and where one comes back
    "/account/factor": ({}, "/account/factor"),
    "/account/factor/confirm": (CODE, "/account/factor"),
    "/account/tokens": (TOKEN | {"expires_in": "604800"}, "/account/tokens"),
}


async def age(web: Web, sub: str, seconds: int) -> None:
    """Let somebody have logged in so much earlier."""
    await change(
        web, "UPDATE sessions SET created_at = created_at - ? WHERE user_id = ?", seconds, sub
    )


async def log_in_earlier(web: Web, name: str, seconds: int) -> dict[str, str]:
    """Return the header of somebody new whose frontend has refreshed since."""
    user = await web.add_user(name)
    tokens = await web.log_in(name)
    await age(web, user.id, seconds)
    return bearer((await refresh(web, tokens["refresh_token"])).json["access_token"])


async def visit_earlier(web: Web, name: str, seconds: int) -> Visitor:
    """Log somebody new in with a browser, which has been given another cookie since."""
    user = await web.add_user(name)
    visitor = await visit(web, name)
    await age(web, user.id, seconds)
    version = await visitor.version("/account")
    renewed = await visitor.send("/account", {"name": "New", "email": "", "version": version})
    assert renewed.status == 303
    claims = claims_of(visitor.cookie)
    assert claims["auth_time"] <= claims["iat"] - seconds
    return visitor


@pytest.mark.parametrize("path", BODIES)
async def test_who_logged_in_too_long_ago_is_told_to_do_it_again(settled: Web, path: str) -> None:
    """RFC 9470 section 3."""
    who = await log_in_earlier(settled, f"old{len(path)}", RECENT + 1)
    before = await rows(settled)
    answer = await ask(settled, "POST", path, who, BODIES[path])
    answer.assert_problem(401, "login_too_old")
    assert answer.headers["WWW-Authenticate"] == (
        'Bearer error="insufficient_user_authentication", max_age="900"'
    )
    assert await rows(settled) == before


async def test_who_logged_in_some_minutes_ago_sets_one_up(settled: Web) -> None:
    who = await log_in_earlier(settled, "ada", RECENT - 60)
    begun = await ask(settled, "POST", "/me/otp", who)
    assert begun.status == 200
    code = Phone.of(begun.json["secret"]).read()
    assert (await ask(settled, "POST", "/me/otp/confirm", who, {"otp": code})).status == 200


async def test_who_logged_in_some_minutes_ago_is_given_a_token(settled: Web) -> None:
    who = await log_in_earlier(settled, "cleo", RECENT - 60)
    assert (await ask(settled, "POST", "/me/tokens", who, TOKEN)).status == 201


@pytest.mark.parametrize("path", FORMS)
async def test_a_browser_is_led_to_a_login_and_back(settled: Web, path: str) -> None:
    form, back = FORMS[path]
    visitor = await visit_earlier(settled, f"visitor{list(FORMS).index(path)}", RECENT + 1)
    before = await rows(settled)
    answer = await visitor.send(path, form)
    assert led_to(answer) == {"rd": [f"{PUBLIC_URL}{back}"], "max_age": ["900"]}
    assert await rows(settled) == before
    assert (await visitor.follow(answer)).status == 200, "the page of the login, and no way around"


async def test_a_browser_that_logged_in_some_minutes_ago_sets_one_up(settled: Web) -> None:
    visitor = await visit_earlier(settled, "bea", RECENT - 60)
    begun = await visitor.send("/account/factor")
    assert (begun.status, "<svg" in begun.text) == (200, True)


def led_to(answer: Asked) -> dict[str, list[str]]:
    """Return with what a browser is sent to the login page."""
    assert answer.status == 303, answer.text
    location = urlsplit(answer.headers["Location"])
    assert f"{location.scheme}://{location.netloc}{location.path}" == f"{PUBLIC_URL}/login"
    return parse_qs(location.query)
