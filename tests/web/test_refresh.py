"""`POST /refresh`: rotation, the grace of a lost answer, and the end of a copied token."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from sidecar.clock import read_clock
from sidecar.stores.sql import engine
from tests.web.asked import (
    age_sessions,
    ask,
    bearer,
    change,
    is_let_in,
    locked,
    refresh,
    rows,
)
from tests.web.conftest import Web, serving_web

pytestmark = pytest.mark.asyncio

DAY = 86_400
PATIENCE = 60.0  # seconds; what takes longer on any machine has failed
GRACE = 30  # seconds, tokens.refresh_grace


async def turn(web: Web, token: str) -> dict[str, Any]:
    """Refresh and return what was given."""
    answer = await refresh(web, token)
    assert answer.status == 200, answer.body
    given: dict[str, Any] = answer.json
    return given


async def refuse(web: Web, token: str) -> None:
    """Fail unless this refresh token is refused; the answer never tells why."""
    answer = await refresh(web, token)
    members = answer.assert_problem(401, "invalid_grant")
    assert set(members) == {"title", "status", "reason", "request_id"}
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_a_refresh_gives_new_tokens_and_keeps_the_old_access_token(served: Web) -> None:
    await served.add_user()
    first = await served.log_in()
    second = await turn(served, first["refresh_token"])
    assert set(second) == set(first)
    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    assert (second["token_type"], second["expires_in"]) == ("Bearer", 600)
    assert await is_let_in(served, first["access_token"])
    assert await is_let_in(served, second["access_token"])


async def test_each_token_gives_the_next(served: Web) -> None:
    await served.add_user()
    seen = [(await served.log_in())["refresh_token"]]
    for _ in range(5):
        seen.append((await turn(served, seen[-1]))["refresh_token"])
    assert len(set(seen)) == 6


async def test_an_answer_that_was_lost_is_given_again(served: Web) -> None:
    await served.add_user()
    first = await served.log_in()
    lost = await turn(served, first["refresh_token"])
    again = await turn(served, first["refresh_token"])
    assert again["refresh_token"] == lost["refresh_token"]
    assert await is_let_in(served, again["access_token"])
    assert (await turn(served, again["refresh_token"]))["refresh_token"] != lost["refresh_token"]


async def test_the_grace_ends_to_the_second_and_with_it_the_session(served: Web) -> None:
    await served.add_user()
    first = await served.log_in()
    second = await turn(served, first["refresh_token"])
    await age_sessions(served, GRACE - 5)
    await turn(served, first["refresh_token"])
    await age_sessions(served, 5)
    await refuse(served, first["refresh_token"])
    await refuse(served, second["refresh_token"])
    assert not await is_let_in(served, second["access_token"])


async def test_a_copied_token_ends_the_session_at_once(served: Web) -> None:
    await served.add_user()
    tokens = [await served.log_in()]
    for _ in range(2):
        tokens.append(await turn(served, tokens[-1]["refresh_token"]))
    other = await served.log_in()
    await refuse(served, tokens[0]["refresh_token"])
    for each in tokens:
        await refuse(served, each["refresh_token"])
        assert not await is_let_in(served, each["access_token"])
    assert await is_let_in(served, other["access_token"])
    await turn(served, other["refresh_token"])


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everybody have their turn at the database, however slow the machine."""
    for name in ("POOL_TIMEOUT", "BUSY_TIMEOUT"):
        monkeypatch.setattr(engine, name, PATIENCE)


@pytest.mark.usefixtures("patient")
async def test_many_at_once_get_one_successor(served: Web) -> None:
    await served.add_user()
    token = (await served.log_in())["refresh_token"]
    given = await asyncio.gather(*(turn(served, token) for _ in range(50)))
    assert len({each["refresh_token"] for each in given}) == 1
    assert len({each["access_token"] for each in given}) == 50
    after = await turn(served, given[0]["refresh_token"])
    assert after["refresh_token"] != given[0]["refresh_token"]


@pytest.mark.parametrize(("idle", "lives"), [(30 * DAY - 60, True), (30 * DAY, False)])
async def test_a_session_that_nobody_refreshed_is_over(
    served: Web, idle: int, *, lives: bool
) -> None:
    await served.add_user()
    first = await served.log_in()
    await age_sessions(served, idle)
    if not lives:
        await refuse(served, first["refresh_token"])
        return
    assert (await turn(served, first["refresh_token"]))["refresh_expires_in"] == 30 * DAY


async def test_a_session_ends_however_often_it_is_refreshed(served: Web) -> None:
    await served.add_user()
    given = await served.log_in()
    for _ in range(3):
        await age_sessions(served, 29 * DAY)
        given = await turn(served, given["refresh_token"])
    assert 0 < given["refresh_expires_in"] <= 3 * DAY
    await age_sessions(served, 3 * DAY)
    await refuse(served, given["refresh_token"])


async def test_the_last_access_token_ends_with_the_session(served: Web) -> None:
    await served.add_user()
    given = await served.log_in()
    for days in (29, 29, 29):
        await age_sessions(served, days * DAY)
        given = await turn(served, given["refresh_token"])
    await age_sessions(served, 3 * DAY - 300)
    given = await turn(served, given["refresh_token"])
    assert 0 < given["expires_in"] <= 300
    assert given["refresh_expires_in"] == given["expires_in"]


async def test_a_disabled_or_removed_user_gets_nothing(served: Web) -> None:
    for name in ("root", "bob", "eve"):
        await served.add_user(name, *(["admin"] if name == "root" else []))
    bob, eve = await served.log_in("bob"), await served.log_in("eve")
    await served.change_user("bob", disabled=True)
    await served.remove_user("eve")
    for given in (bob, eve):
        await refuse(served, given["refresh_token"])
        assert not await is_let_in(served, given["access_token"])


async def test_a_user_disabled_by_hand_gets_nothing_although_the_session_is_there(
    served: Web,
) -> None:
    await served.add_user()
    given = await served.log_in()
    await change(served, "UPDATE users SET disabled = 1 WHERE username = 'alice'")
    await refuse(served, given["refresh_token"])


async def test_a_refresh_gives_the_rights_of_today(served: Web) -> None:
    await served.add_user()
    given = await served.log_in()
    await served.change_user("alice", roles=("ops",))
    assert not await is_let_in(served, given["access_token"])
    given = await turn(served, given["refresh_token"])
    me = await ask(served, "GET", "/me", bearer(given["access_token"]))
    assert me.json["roles"] == ["ops"]


async def test_what_is_no_refresh_token_of_ours_costs_no_read(served: Web) -> None:
    await served.add_user()
    given = await served.log_in()
    good = given["refresh_token"]
    other = "A" if good[-1] != "A" else "Q"
    forged = (good[:-1], good + "A", good + "=", good[:-1] + other, good.swapcase(), "x", "A" * 70)
    before = await rows(served)
    async with locked(served):  # whoever reads now waits for seconds and hears 503
        async with asyncio.timeout(2):
            for token in (*forged, given["access_token"], f" {good}", f"{good} "):
                await refuse(served, token)
    assert await rows(served) == before
    await turn(served, good)


async def test_a_session_cookie_is_no_refresh_token(served: Web) -> None:
    await served.add_user()
    await refuse(served, (await served.log_in_cookie()).partition("=")[2])


async def test_a_replay_within_the_grace_cannot_outlive_its_revocation(tmp_path: Path) -> None:
    settings = {"revocation": {"keep_after": "10s"}, "tokens": {"refresh_grace": "60s"}}
    async with serving_web(tmp_path, settings) as web:
        await web.add_user()
        first = await web.log_in()
        await turn(web, first["refresh_token"])
        await age_sessions(web, 50)
        replayed = await turn(web, first["refresh_token"])
        # Ended by the refresh token: nothing is known then of the access token that was shown last.
        body = {"refresh_token": replayed["refresh_token"]}
        assert (await ask(web, "POST", "/logout", body=body)).status == 204
        last_second = read_clock().unix + replayed["expires_in"] - 1
        web.serving.gate.view.forget(last_second)
        assert not await is_let_in(web, replayed["access_token"])
