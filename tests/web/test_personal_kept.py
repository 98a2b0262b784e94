"""What is kept of personal tokens: nothing usable, so many, who gave them, and their last use."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from sidecar.clock import read_clock
from sidecar.core.personal import MOST_TOKENS
from sidecar.ports import ChangeRules
from tests.web.asked import ask, bearer, log_in, rows
from tests.web.conftest import BY, in_one_task
from tests.web.gated import Gated
from tests.web.scripts import Scripts, serving_scripts, shown

pytestmark = pytest.mark.asyncio

DAY = 86_400


@pytest_asyncio.fixture
async def own(tmp_path: Path) -> AsyncIterator[Scripts]:
    """Run a service of its own for one test."""
    async with in_one_task(serving_scripts(tmp_path)) as running:
        yield running


async def test_a_token_leaves_nothing_usable_behind(own: Scripts) -> None:
    given = await own.give()
    dump = "\n".join(await rows(own.web))
    assert given.id in dump
    assert given.text not in dump
    assert given.text.removeprefix("sidecar_pat_") not in dump
    told = (await own.call("GET", "/me/tokens")).text + (await own.call("GET", "/me")).text
    assert given.text not in told


async def test_who_has_as_many_as_one_may_have_is_told(own: Scripts) -> None:
    first = await own.give()
    for _ in range(MOST_TOKENS - 1):
        await own.give()
    (await own.call("POST", "/me/tokens", body={"name": "a"})).assert_problem(
        409, "too_many_tokens"
    )
    assert len((await own.call("GET", "/me/tokens")).json["items"]) == MOST_TOKENS
    assert (await own.call("POST", "/me/tokens", "root", {"name": "a"})).status == 201
    await own.remove(first)
    assert (await own.call("POST", "/me/tokens", body={"name": "a"})).status == 201


async def test_the_trail_says_who_gave_and_took_back_from_where(own: Scripts) -> None:
    headers = {**own.callers["alice"], "User-Agent": "desk/1", "X-Forwarded-For": "192.0.2.7"}
    made = await ask(own.web, "POST", "/me/tokens", headers, {"name": "a"})
    await ask(own.web, "DELETE", f"/me/tokens/{made.json['id']}", headers)
    trail = (await own.call("GET", "/audit", "root")).json["items"]
    alice = (await own.call("GET", "/me")).json["id"]
    trail = [each for each in trail if each["action"] != "user.added"]
    assert [each["action"] for each in trail] == ["token.removed", "token.added"]
    for each in trail:
        assert (each["actor"], each["subject"]) == (alice, made.json["id"])
        assert (each["address"], each["user_agent"]) == ("192.0.2.7", "desk/1")
        assert each["details"] == {"user_id": alice, "name": "a"}


async def test_a_session_that_another_process_ended_gives_no_token(own: Scripts) -> None:
    caller = (await log_in(own.web)).json["access_token"]
    assert (await ask(own.web, "GET", "/me/tokens", bearer(caller))).status == 200
    store = own.web.serving.services.store
    claims = Gated(own.web, {}, {"alice": caller}).opened(caller).claims
    assert claims.sid is not None
    forget_at = read_clock().unix + DAY
    await store.revocations.end_session(claims.sid, forget_at=forget_at, keep_after=0)
    answer = await ask(own.web, "POST", "/me/tokens", bearer(caller), {"name": "a"})
    answer.assert_problem(401, "revoked_session")
    assert await store.personal.list_tokens(None, 0) == []


async def test_the_use_of_a_token_is_noted(own: Scripts) -> None:
    used, unused = await own.give(), await own.give()
    assert (await own.verify("/", shown(used.text))).status == 200
    assert (await own.verify("/admin/", shown(unused.text))).status == 403
    # Written down once a minute: here by hand.
    await own.web.serving._flush.flush()
    told = (await own.call("GET", "/me/tokens")).json["items"]
    seen = {each["id"]: each["used_at"] is not None for each in told}
    assert seen == {used.id: True, unused.id: False}


async def test_who_was_removed_by_another_process_is_given_no_token(own: Scripts) -> None:
    store, now = own.web.serving.services.store, read_clock().unix
    alice = await own.web.serving.services.accounts.show("alice")
    rules = ChangeRules("admin", DAY)
    await store.users.remove_user(alice.id, BY, now, seen=None, rules=rules)
    answer = await own.call("POST", "/me/tokens", body={"name": "a"})
    answer.assert_problem(401, "revoked_user")
