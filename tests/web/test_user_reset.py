"""`POST /users/{id}/reset`: an administrator makes somebody a one-time link."""

import pytest

from sidecar.clock import read_clock
from sidecar.core.audit import UNKNOWN_DEVICE, Device
from tests.web.asked import ask, bearer, is_let_in, read_trail, rows
from tests.web.conftest import PUBLIC_URL, Web
from tests.web.staff import make_staff, path_of

pytestmark = pytest.mark.asyncio

NEW_PASSWORD = "an entirely different passphrase"


def token_of(url: str) -> str:
    head, _, token = url.partition("?token=")
    assert head == f"{PUBLIC_URL}/reset"
    return token


async def test_the_link_sets_a_password_once_and_ends_what_was(served: Web) -> None:
    staff = await make_staff(served)
    tokens = await served.log_in()
    made = await staff.manage("POST", f"{path_of(staff.alice)}/reset")
    assert (made.status, set(made.json)) == (201, {"reset_url", "expires_in"})
    assert made.json["expires_in"] == 3600
    assert made.headers["Cache-Control"] == "no-store"
    assert await is_let_in(served, tokens["access_token"])  # nothing has happened yet
    resets, now = served.serving.services.resets, read_clock().unix
    token = token_of(made.json["reset_url"])
    user = await resets.spend(token, NEW_PASSWORD, UNKNOWN_DEVICE, now)
    assert getattr(user, "id", None) == staff.alice.id
    assert not await is_let_in(served, tokens["access_token"])
    body = {"username": "alice", "password": NEW_PASSWORD}
    assert (await ask(served, "POST", "/login", {}, body)).status == 200
    assert await resets.spend(token, NEW_PASSWORD, UNKNOWN_DEVICE, now) is None


async def test_the_trail_says_who_made_it_and_not_what_it_is(served: Web) -> None:
    staff = await make_staff(served)
    made = await staff.manage(
        "POST", f"{path_of(staff.alice)}/reset", User_Agent="desk/1", X_Forwarded_For="192.0.2.7"
    )
    row = (await read_trail(served))[0]
    assert (row.action, row.actor, row.subject) == ("reset.made", staff.root.id, staff.alice.id)
    assert row.device == Device("192.0.2.7", "desk/1")
    assert token_of(made.json["reset_url"]) not in repr(row)


async def test_nobody_else_makes_a_link(served: Web) -> None:
    staff = await make_staff(served)
    before = await rows(served)
    path = f"{path_of(staff.root)}/reset"
    (await ask(served, "POST", path, staff.as_alice)).assert_problem(403, "role_missing")
    assert (await ask(served, "POST", path, {})).status == 401
    assert (await ask(served, "POST", path, bearer("x"))).status == 401
    assert await rows(served) == before


@pytest.mark.parametrize("user_id", ["alice", "x", "A" * 4000, "%00", "..%2f"])
async def test_an_unknown_user_gets_no_link(served: Web, user_id: str) -> None:
    staff = await make_staff(served)
    answer = await staff.manage("POST", f"/users/{user_id}/reset")
    answer.assert_problem(404, "not_found")


async def test_a_disabled_user_gets_no_link(served: Web) -> None:
    staff = await make_staff(served)
    await served.change_user("alice", disabled=True)
    answer = await staff.manage("POST", f"{path_of(staff.alice)}/reset")
    answer.assert_problem(409, "user_disabled")


async def test_a_link_is_made_by_post_alone(served: Web) -> None:
    staff = await make_staff(served)
    answer = await staff.manage("GET", f"{path_of(staff.alice)}/reset")
    answer.assert_problem(405, "method_not_allowed")
    assert answer.headers["Allow"] == "POST"
