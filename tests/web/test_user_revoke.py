"""`POST /users/{id}/revoke`: an administrator ends all sessions of somebody."""

import pytest

from sidecar.core.audit import Device
from tests.web.asked import ask, bearer, is_let_in, read_trail, refresh, rows
from tests.web.conftest import Web

pytestmark = pytest.mark.asyncio


async def test_an_administrator_ends_all_sessions_of_a_user(served: Web) -> None:
    await served.add_user("root", "admin")
    alice = await served.add_user()
    await served.add_user("bob")
    root, of_bob = await served.log_in("root"), await served.log_in("bob")
    tokens, cookie = await served.log_in(), await served.log_in_cookie()
    path = f"/users/{alice.id}/revoke"
    answer = await ask(served, "POST", path, bearer(root["access_token"]))
    assert (answer.status, answer.body) == (204, b"")
    assert not await is_let_in(served, tokens["access_token"])
    assert (await refresh(served, tokens["refresh_token"])).status == 401
    assert (await ask(served, "GET", "/me", {"Cookie": cookie})).status == 401
    assert await is_let_in(served, root["access_token"])
    assert await is_let_in(served, of_bob["access_token"])
    assert await is_let_in(served, (await served.log_in())["access_token"])


async def test_the_trail_says_which_administrator_ended_all_sessions_of_a_user(
    served: Web,
) -> None:
    root, alice = await served.add_user("root", "admin"), await served.add_user()
    token = (await served.log_in("root"))["access_token"]
    headers = {**bearer(token), "User-Agent": "desk/1", "X-Forwarded-For": "192.0.2.7"}
    for user_id, status in ((alice.id, 204), ("x", 404)):
        answer = await ask(served, "POST", f"/users/{user_id}/revoke", headers)
        assert answer.status == status
    (row,) = await read_trail(served)
    assert (row.action, row.actor, row.subject) == ("user.ended", root.id, alice.id)
    assert (row.device, row.details) == (Device("192.0.2.7", "desk/1"), {"personal_tokens": True})


async def test_nobody_else_ends_the_sessions_of_a_user(served: Web) -> None:
    await served.add_user("root", "admin")
    alice = await served.add_user("alice", "administrator", "Admin")
    token = (await served.log_in())["access_token"]
    before = await rows(served)
    answer = await ask(served, "POST", f"/users/{alice.id}/revoke", bearer(token))
    answer.assert_problem(403, "role_missing")
    assert await rows(served) == before


@pytest.mark.parametrize("user_id", ["alice", "x", "A" * 4000, "%00", "..%2f"])
async def test_an_unknown_user_has_nothing_to_end(served: Web, user_id: str) -> None:
    await served.add_user("root", "admin")
    await served.add_user()
    token = (await served.log_in("root"))["access_token"]
    before = await rows(served)
    answer = await ask(served, "POST", f"/users/{user_id}/revoke", bearer(token))
    answer.assert_problem(404, "not_found")
    assert await rows(served) == before


async def test_who_is_no_administrator_any_more_ends_nothing(served: Web) -> None:
    await served.add_user("first", "admin")
    root = await served.add_user("root", "admin")
    token = (await served.log_in("root"))["access_token"]
    await served.change_user("root", roles=())
    answer = await ask(served, "POST", f"/users/{root.id}/revoke", bearer(token))
    answer.assert_problem(401, "revoked_user")
