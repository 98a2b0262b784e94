"""`/me/sessions`: the sessions of whoever asks, and their end from elsewhere."""

import json
from typing import Any

import pytest

from tests.web.asked import (
    GOOD,
    Asked,
    age_sessions,
    ask,
    bearer,
    change,
    claims_of,
    head,
    is_let_in,
    read_trail,
    refresh,
    rows,
    send,
)
from tests.web.conftest import PUBLIC_URL, Web

pytestmark = pytest.mark.asyncio

COOKIE = "__Host-sidecar"
OWN = {"Sec-Fetch-Site": "same-origin"}


def sid_of(token: str) -> str:
    """Return the session of a token or of a cookie."""
    return str(claims_of(token.removeprefix(f"{COOKIE}="))["sid"])


async def list_of(web: Web, headers: dict[str, str]) -> list[dict[str, Any]]:
    """Return the sessions that are listed for whoever asks; there is no second page."""
    answer = await ask(web, "GET", "/me/sessions", headers)
    assert answer.status == 200, answer.body
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json["next"] is None
    items: list[dict[str, Any]] = answer.json["items"]
    return items


async def end(web: Web, sid: str, headers: dict[str, str]) -> Asked:
    """Ask for the end of a session."""
    return await ask(web, "DELETE", f"/me/sessions/{sid}", headers)


async def test_a_session_is_listed_with_its_dates_and_its_device(served: Web) -> None:
    await served.add_user()
    headers = {"User-Agent": "desk/1", "X-Forwarded-For": "192.0.2.7"}
    login = await ask(served, "POST", "/login", headers, GOOD)
    token = login.json["access_token"]
    claims = claims_of(token)
    (item,) = await list_of(served, bearer(token))
    dates = [item.pop(name) for name in ("created_at", "used_at", "expires_at")]
    assert all(date.endswith("Z") and "T" in date for date in dates)
    assert dates[0] == dates[1] < dates[2]
    assert item == {
        "sid": claims["sid"],
        "kind": "bearer",
        "address": "192.0.2.7",
        "user_agent": "desk/1",
        "current": True,
    }


@pytest.mark.parametrize(
    "agent", ["", "\t", "x" * 8000, "\udcff\udcfe", "\u00e9\u202e\u200b", "%00", "'; DROP TABLE --"]
)
async def test_any_user_agent_is_kept_in_bounds_and_does_nothing(served: Web, agent: str) -> None:
    await served.add_user()
    body = json.dumps(GOOD).encode()
    lines = ("Content-Type: application/json", f"Content-Length: {len(body)}")
    octets = head("POST", "/login", f"User-Agent: {agent}", *lines) + body
    answer = await send(served.port, octets)
    token = json.loads(answer.partition(b"\r\n\r\n")[2])["access_token"]
    (item,) = await list_of(served, bearer(token))
    shown = item["user_agent"]
    assert shown is None or (0 < len(shown) <= 256 and shown.isprintable())


async def test_all_living_sessions_are_listed_the_newest_first_and_no_others(served: Web) -> None:
    await served.add_user()
    await served.add_user("bob")
    await served.log_in()
    await age_sessions(served, 91 * 86_400)  # over
    old = await served.log_in()
    await age_sessions(served, 60)
    ended = await served.log_in()
    cookie = await served.log_in_cookie()
    await served.log_in("bob")
    await ask(served, "POST", "/logout", bearer(ended["access_token"]))
    listed = await list_of(served, bearer(old["access_token"]))
    assert [(each["sid"], each["kind"], each["current"]) for each in listed] == [
        (sid_of(cookie), "cookie", False),
        (sid_of(old["access_token"]), "bearer", True),
    ]
    assert [each["current"] for each in await list_of(served, {"Cookie": cookie})] == [True, False]


async def test_a_refresh_moves_the_device_and_the_last_use(served: Web) -> None:
    await served.add_user()
    tokens = await served.log_in()
    await age_sessions(served, 60)
    await change(served, "UPDATE sessions SET used_at = rotated_at")
    (before,) = await list_of(served, bearer(tokens["access_token"]))
    body = {"refresh_token": tokens["refresh_token"]}
    await ask(served, "POST", "/refresh", {"User-Agent": "phone/2"}, body)
    (after,) = await list_of(served, bearer(tokens["access_token"]))
    assert after["used_at"] > before["used_at"]
    assert (after["user_agent"], after["sid"]) == ("phone/2", before["sid"])
    assert after["created_at"] == before["created_at"]


async def test_another_of_my_sessions_ends_and_this_one_goes_on(served: Web) -> None:
    await served.add_user()
    here, there, cookie = await served.log_in(), await served.log_in(), await served.log_in_cookie()
    for gone in (there["access_token"], cookie):
        answer = await end(served, sid_of(gone), bearer(here["access_token"]))
        assert (answer.status, answer.body) == (204, b"")
        assert {"Set-Cookie", "Clear-Site-Data"} & set(answer.headers) == set()
    assert not await is_let_in(served, there["access_token"])
    assert (await refresh(served, there["refresh_token"])).status == 401
    assert (await ask(served, "GET", "/me", {"Cookie": cookie})).status == 401
    assert await is_let_in(served, here["access_token"])
    owner = claims_of(here["access_token"])["sub"]
    assert [
        (row.action, row.actor, row.subject, row.details) for row in await read_trail(served)
    ] == [
        ("session.ended", owner, sid_of(gone), {"sub": owner})
        for gone in (cookie, there["access_token"])
    ]


async def test_the_session_that_asks_can_end_itself(served: Web) -> None:
    await served.add_user()
    token, cookie = (await served.log_in())["access_token"], await served.log_in_cookie()
    answer = await end(served, sid_of(token), bearer(token))
    assert answer.status == 204
    assert "Clear-Site-Data" not in answer.headers
    assert not await is_let_in(served, token)
    answer = await end(served, sid_of(cookie), {"Cookie": cookie, **OWN})
    assert answer.status == 204
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert answer.headers["Set-Cookie"].startswith(f'{COOKIE}=""')
    assert (await ask(served, "GET", "/me", {"Cookie": cookie})).status == 401


async def test_nobody_ends_what_is_not_theirs_or_not_there(served: Web) -> None:
    await served.add_user("root", "admin")
    await served.add_user()
    bob = await served.add_user("bob")
    root, alice, of_bob = [await served.log_in(name) for name in ("root", "alice", "bob")]
    ended = await served.log_in()
    await ask(served, "POST", "/logout", bearer(ended["access_token"]))
    before = await rows(served)
    of_others = sid_of(of_bob["access_token"])
    for sid in (
        *(of_others, sid_of(ended["access_token"]), bob.id, "x", "%00", "%2e%2e", "A" * 4000),
        *(of_others.swapcase(), f"{sid_of(alice['access_token'])}%20", "'%20OR%20'1'='1"),
    ):
        for who in (alice, root):  # nor does an administrator: that is `/users/{id}/revoke`
            answer = await end(served, sid, bearer(who["access_token"]))
            answer.assert_problem(404, "not_found")
    assert await rows(served) == before
    assert await is_let_in(served, of_bob["access_token"])


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, "cross_site"),
        ({"Sec-Fetch-Site": "same-site"}, "cross_site"),
        ({"Origin": "https://evil.example"}, "cross_site"),
        ({"Origin": "null"}, "cross_site"),
    ],
)
async def test_a_page_elsewhere_ends_nothing_by_cookie(
    served: Web, page: dict[str, str], reason: str
) -> None:
    await served.add_user("root", "admin")
    cookie = await served.log_in_cookie("root")
    before = await rows(served)
    asked = {**page, "Cookie": cookie}
    (await end(served, sid_of(cookie), asked)).assert_problem(403, reason)
    path = f"/users/{claims_of(cookie.removeprefix(f'{COOKIE}='))['sub']}/revoke"
    (await ask(served, "POST", path, asked)).assert_problem(403, reason)
    assert await rows(served) == before
    for own in (OWN, {"Sec-Fetch-Site": "none"}, {"Origin": PUBLIC_URL}):
        assert (await end(served, "x", {**own, "Cookie": cookie})).status == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/me/sessions"), ("DELETE", "/me/sessions/x"), ("POST", "/users/x/revoke")],
)
async def test_without_a_good_credential_nothing_is_told_or_ended(
    served: Web, method: str, path: str
) -> None:
    await served.add_user("root", "admin")
    over = await served.log_in("root")
    await ask(served, "POST", "/logout", bearer(over["access_token"]))
    refresh_token = (await served.log_in("root"))["refresh_token"]
    for headers, reason in (
        ({}, "no_credential"),
        (bearer("x.y.z"), "token_malformed"),
        (bearer(refresh_token), "token_malformed"),
        (bearer(over["access_token"]), "revoked_session"),
        ({"Cookie": f"{COOKIE}={over['access_token']}"}, "token_type"),
        ({"Cookie": f"{COOKIE}=a; {COOKIE}=b"}, "two_credentials"),
    ):
        (await ask(served, method, path, {**OWN, **headers})).assert_problem(401, reason)
