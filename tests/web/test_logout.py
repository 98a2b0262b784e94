"""`POST /logout`: what ends, by which credential, and that nothing ends by itself."""

import pytest
from multidict import CIMultiDict

from tests.web.asked import (
    FORM,
    OWN_FORM,
    Asked,
    age_sessions,
    ask,
    bearer,
    change,
    given_cookies,
    is_let_in,
    read_trail,
    refresh,
    rows,
    taken_cookies,
)
from tests.web.conftest import PUBLIC_URL, Web

pytestmark = pytest.mark.asyncio

COOKIE = "__Host-sidecar"


async def end(web: Web, headers: dict[str, str] | None = None, body: object = None) -> Asked:
    """Ask for a logout."""
    return await ask(web, "POST", "/logout", headers, body)


async def is_known(web: Web, cookie: str) -> bool:
    """Say whether a session cookie is still good."""
    return (await ask(web, "GET", "/me", {"Cookie": cookie})).status == 200


def assert_taken_back(answer: Asked) -> None:
    """Fail unless the browser is told to forget the cookie."""
    assert (COOKIE, None) in taken_cookies(answer)
    assert given_cookies(answer) == []


@pytest.mark.parametrize(
    ("way", "clears"),
    [("form", True), ("cookie", True), ("bearer", False), ("refresh", False), ("over", True)],
)
async def test_a_browser_drops_what_our_origin_left_in_it_and_no_other_cookies(
    served: Web, way: str, *, clears: bool
) -> None:
    await served.add_user()
    tokens, cookie = await served.log_in(), await served.log_in_cookie()
    match way:
        case "form":
            answer = await end(served, {**OWN_FORM, "Cookie": cookie}, b"")
        case "cookie":
            answer = await end(served, {"Cookie": cookie}, {})
        case "bearer":
            answer = await end(served, bearer(tokens["access_token"]))
        case "refresh":
            answer = await end(served, body={"refresh_token": tokens["refresh_token"]})
        case _:
            answer = await end(served, {"Cookie": f"{COOKIE}=x"})
    assert answer.headers.getall("Clear-Site-Data", []) == ['"cache", "storage"'] * clears
    assert_taken_back(answer)


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Sec-Fetch-Site": "cross-site"}, 403), ({**FORM, "Sec-Fetch-Site": "same-site"}, 403)],
)
async def test_a_logout_that_is_refused_clears_nothing(
    served: Web, headers: dict[str, str], status: int
) -> None:
    await served.add_user()
    cookie = await served.log_in_cookie()
    answer = await end(
        served, {**headers, "Cookie": cookie}, b"" if FORM.items() <= headers.items() else None
    )
    assert answer.status == status
    assert {"Clear-Site-Data", "Set-Cookie"} & set(answer.headers) == set()
    assert await is_known(served, cookie)


@pytest.mark.parametrize("body", [None, b"", b"{}", b'{"everywhere": false}'])
async def test_a_bearer_token_ends_its_session_at_once(served: Web, body: bytes | None) -> None:
    await served.add_user()
    tokens, other = await served.log_in(), await served.log_in()
    kind = {"Content-Type": "application/json"} if body else {}
    answer = await end(served, {**bearer(tokens["access_token"]), **kind}, body)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["Cache-Control"] == "no-store"
    assert_taken_back(answer)
    assert not await is_let_in(served, tokens["access_token"])
    (await refresh(served, tokens["refresh_token"])).assert_problem(401, "invalid_grant")
    assert await is_let_in(served, other["access_token"])


async def test_every_access_token_of_the_session_ends(served: Web) -> None:
    await served.add_user()
    first = await served.log_in()
    second = (await refresh(served, first["refresh_token"])).json
    await end(served, bearer(second["access_token"]))
    assert not await is_let_in(served, first["access_token"])
    assert not await is_let_in(served, second["access_token"])


async def test_a_refresh_token_of_any_age_ends_its_session(served: Web) -> None:
    await served.add_user()
    first = await served.log_in()
    second = (await refresh(served, first["refresh_token"])).json
    answer = await end(served, body={"refresh_token": first["refresh_token"]})
    assert answer.status == 204
    assert not await is_let_in(served, second["access_token"])


@pytest.mark.parametrize("way", ["bearer", "refresh"])
async def test_a_cookie_that_came_with_a_token_ends_too(served: Web, way: str) -> None:
    """It is taken back: whoever logs out believes that it is over."""
    await served.add_user()
    tokens, cookie = await served.log_in(), await served.log_in_cookie()
    headers, body = {"Cookie": cookie}, dict[str, str]()
    if way == "bearer":
        headers |= bearer(tokens["access_token"])
    else:
        body = {"refresh_token": tokens["refresh_token"]}
    answer = await end(served, headers, body)
    assert answer.status == 204
    assert_taken_back(answer)
    assert not await is_known(served, cookie)
    assert not await is_let_in(served, tokens["access_token"])


async def test_a_cookie_ends_its_session_by_form_and_by_json(served: Web) -> None:
    await served.add_user()
    for headers, body, status in (
        ({**FORM, "Sec-Fetch-Site": "same-origin"}, b"", 303),
        ({"Sec-Fetch-Site": "same-origin"}, {}, 204),
        ({"Origin": PUBLIC_URL}, None, 204),
        ({}, None, 204),
    ):
        cookie = await served.log_in_cookie()
        answer = await end(served, {**headers, "Cookie": cookie}, body)
        assert answer.status == status
        assert_taken_back(answer)
        assert not await is_known(served, cookie)
        if status == 303:
            assert answer.headers["Location"] == f"{PUBLIC_URL}/login"


@pytest.mark.parametrize("way", ["bearer", "cookie", "form", "refresh"])
async def test_everywhere_ends_all_of_that_user_and_of_nobody_else(served: Web, way: str) -> None:
    alice = await served.add_user()
    await served.add_user("bob")
    here, there, bob = await served.log_in(), await served.log_in(), await served.log_in("bob")
    cookie = await served.log_in_cookie()
    json_body, device = {"everywhere": True}, {"User-Agent": "desk/1"}
    match way:
        case "bearer":
            answer = await end(served, {**bearer(here["access_token"]), **device}, json_body)
        case "cookie":
            answer = await end(served, {"Cookie": cookie, **device}, json_body)
        case "form":
            answer = await end(served, {**OWN_FORM, "Cookie": cookie, **device}, b"everywhere=true")
        case _:
            body = {**json_body, "refresh_token": here["refresh_token"]}
            answer = await end(served, device, body)
    assert answer.status == (303 if way == "form" else 204)
    for tokens in (here, there):
        assert not await is_let_in(served, tokens["access_token"])
        assert (await refresh(served, tokens["refresh_token"])).status == 401
    assert not await is_known(served, cookie)
    assert await is_let_in(served, bob["access_token"])
    (row,) = await read_trail(served)
    assert (row.action, row.actor, row.subject) == ("user.ended", alice.id, alice.id)
    assert (row.device.user_agent, row.details) == ("desk/1", {"personal_tokens": False})


async def test_a_refresh_token_that_is_over_ends_its_own_session_only(served: Web) -> None:
    await served.add_user()
    over = await served.log_in()
    await age_sessions(served, 31 * 86_400)
    living = await served.log_in()
    body = {"everywhere": True, "refresh_token": over["refresh_token"]}
    assert (await end(served, body=body)).status == 204
    assert not await is_let_in(served, over["access_token"])
    assert await is_let_in(served, living["access_token"])
    assert await read_trail(served) == []


async def test_everywhere_by_a_token_that_was_logged_out_ends_nothing_more(served: Web) -> None:
    await served.add_user()
    gone, living = await served.log_in(), await served.log_in()
    await end(served, bearer(gone["access_token"]))
    answer = await end(served, bearer(gone["access_token"]), {"everywhere": True})
    assert answer.status == 204
    assert await is_let_in(served, living["access_token"])


async def test_everywhere_for_a_user_who_is_gone_is_done_already(served: Web) -> None:
    await served.add_user()
    tokens = await served.log_in()
    await change(served, "DELETE FROM sessions")
    await change(served, "DELETE FROM users")
    answer = await end(served, bearer(tokens["access_token"]), {"everywhere": True})
    assert answer.status == 204


@pytest.mark.parametrize("headers", [{}, {"Cookie": "other=1"}, {"Authorization": "Basic YTpi"}])
async def test_without_a_credential_there_is_nobody_to_log_out(
    served: Web, headers: dict[str, str]
) -> None:
    answer = await end(served, headers)
    answer.assert_problem(401, "no_credential")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "Set-Cookie" not in answer.headers


async def test_what_is_over_or_unknown_is_logged_out_already(served: Web) -> None:
    await served.add_user()
    tokens, cookie = await served.log_in(), await served.log_in_cookie()
    assert (await end(served, bearer(tokens["access_token"]))).status == 204
    before = await rows(served)
    for headers, body in (
        (bearer("x.y.z"), None),
        (bearer(tokens["refresh_token"]), None),
        (bearer(cookie.partition("=")[2]), None),
        ({"Cookie": f"{COOKIE}=x"}, None),
        ({"Cookie": f"{COOKIE}={tokens['access_token']}"}, None),
        ({}, {"refresh_token": tokens["refresh_token"]}),
        ({}, {"refresh_token": "x"}),
        ({}, {"refresh_token": "A" * 70}),
    ):
        assert (await end(served, headers, body)).status == 204
    assert await rows(served) == before
    assert await is_known(served, cookie)


async def test_two_different_credentials_end_nothing(served: Web) -> None:
    await served.add_user()
    one, two = await served.log_in_cookie(), await served.log_in_cookie()
    answer = await end(served, {"Cookie": f"{one}; {two}"})
    answer.assert_problem(401, "two_credentials")
    headers = CIMultiDict([("Authorization", "Bearer a"), ("Authorization", "Bearer b")])
    (await ask(served, "POST", "/logout", headers)).assert_problem(401, "two_credentials")
    assert await is_known(served, one)
    assert await is_known(served, two)


async def test_looking_at_the_logout_page_changes_nothing(served: Web) -> None:
    await served.add_user()
    cookie = await served.log_in_cookie()
    before = await rows(served)
    for path in ("/logout", "/logout?everywhere=true", "/logout?rd=/"):
        for method in ("GET", "HEAD"):
            answer = await ask(served, method, path, {"Cookie": cookie})
            assert answer.status == 200
            assert taken_cookies(answer) == set()
    assert await rows(served) == before
    assert await is_known(served, cookie)
