"""A rule that asks for a second factor, from the refusal to the login that satisfies it."""

from urllib.parse import urlencode

import pytest

from tests.web.asked import ask, claims_of, refresh
from tests.web.gated import HOST, NAVIGATION, Gated, bearer
from tests.web.phones import add_phone, forget_step, give_phone

pytestmark = pytest.mark.asyncio(loop_scope="module")

STRONG = "/strong/room"
RD = f"http://{HOST}{STRONG}"


async def test_the_gate_leads_to_a_login_that_it_takes(gated: Gated) -> None:
    web = gated.web
    await web.add_user("ada")
    cookie = await web.log_in_cookie("ada")
    refused = await gated.ask("traefik", STRONG, [*NAVIGATION, ("Cookie", cookie)])
    assert refused.status == 302
    page = refused.headers["Location"]
    assert page == f"http://auth.example.com/login?{urlencode({'rd': RD})}&amr=hwk,otp"
    path = page.removeprefix("http://auth.example.com")
    assert (await ask(web, "GET", path, {"Cookie": cookie})).status == 200, "no circle"

    phone = await add_phone(web, "bea")
    cookie = await web.log_in_cookie("bea", otp=phone.read())
    admitted = await gated.ask("traefik", STRONG, [*NAVIGATION, ("Cookie", cookie)])
    assert admitted.status == 200
    gone_on = await ask(web, "GET", path, {"Cookie": cookie})
    assert (gone_on.status, gone_on.headers["Location"]) == (303, RD)


async def test_a_session_from_before_the_second_factor_does_not_satisfy(gated: Gated) -> None:
    """Whoever has stolen a session could otherwise make it more than it was."""
    web = gated.web
    await web.add_user("cat")
    before = await web.log_in("cat")
    await give_phone(web, before["access_token"])
    await web.change_user("cat", email="cat@example.org")  # what is refreshed is sealed anew
    again = (await refresh(web, before["refresh_token"])).json
    assert claims_of(again["access_token"])["amr"] == ["pwd"]
    refused = await gated.ask("traefik", STRONG, [bearer(again["access_token"])])
    assert (refused.status, refused.reason) == (401, "amr_missing")
    assert 'amr="hwk,otp"' in refused.headers["WWW-Authenticate"]


async def test_a_recovery_code_satisfies_too(gated: Gated) -> None:
    phone = await add_phone(gated.web, "dot")
    for otp in (phone.codes[3], phone.read()):
        body = {"username": "dot", "password": "a long enough passphrase", "otp": otp}
        token = (await ask(gated.web, "POST", "/login", body=body)).json["access_token"]
        assert (await gated.ask("traefik", STRONG, [bearer(token)])).status == 200
    await forget_step(gated.web)
