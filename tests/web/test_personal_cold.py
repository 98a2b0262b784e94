"""A personal token at the gate from its first use on: what is asked of the store, and when."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from sidecar.clients.shown import DEADLINE
from sidecar.clock import read_clock
from sidecar.core.audit import OPERATOR, Author
from sidecar.core.personal import seal_personal_token
from tests.web.asked import change, locked
from tests.web.conftest import in_one_task
from tests.web.scripts import Scripts, basic, lines_of, serving_scripts, shown

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def scripts(tmp_path: Path) -> AsyncIterator[Scripts]:
    """Run a service of its own for one test."""
    async with in_one_task(serving_scripts(tmp_path)) as running:
        yield running


async def test_the_store_is_asked_once_and_in_one_statement(scripts: Scripts) -> None:
    token = await scripts.give()
    with scripts.counting() as statements:
        for lines in lines_of(token.text) * 3:
            assert (await scripts.verify("/", *lines)).status == 200
    assert len(statements) == 1


async def test_many_who_show_it_at_once_are_one_question(scripts: Scripts) -> None:
    token = await scripts.give()
    with scripts.counting() as statements:
        answers = await asyncio.gather(*(scripts.verify("/", shown(token.text)) for _ in range(40)))
    assert {answer.status for answer in answers} == {200}
    assert len(statements) == 1


async def test_distinct_forgeries_ask_nothing(scripts: Scripts) -> None:
    await scripts.give()
    with scripts.counting() as statements:
        for index in range(50):
            forged = seal_personal_token(b"o" * 32, index.to_bytes(12, "big"), bytes(20))
            assert (await scripts.verify("/", shown(forged))).reason == "bad_signature"
    assert statements == []


async def test_a_removed_token_is_refused_at_once_and_asks_nothing(scripts: Scripts) -> None:
    warm, cold = await scripts.give(), await scripts.give()
    assert (await scripts.verify("/", shown(warm.text))).status == 200
    await scripts.remove(warm)
    await scripts.remove(cold)
    with scripts.counting() as statements:
        for _ in range(5):
            for line in (shown(warm.text), basic(warm.text)):
                assert (await scripts.verify("/", line)).reason == "revoked_session"
            assert (await scripts.verify("/", shown(cold.text))).reason == "revoked_token"
        opened = await scripts.verify("/public/", shown(warm.text))
        assert (opened.status, opened.headers["Remote-User"]) == (200, "")
    assert len(statements) == 1  # for the one that was never seen, once


async def test_a_dead_token_is_asked_about_once_in_a_while(scripts: Scripts) -> None:
    token = await scripts.give()
    await change(scripts.web, "DELETE FROM personal_tokens")  # as a purge does: nothing is told
    with scripts.counting() as statements:
        for _ in range(10):
            assert (await scripts.verify("/", shown(token.text))).reason == "revoked_token"
    assert len(statements) == 1


async def test_a_change_of_rights_is_seen_at_once_and_logs_nobody_out(scripts: Scripts) -> None:
    token = await scripts.give(scopes=["orders:read", "reports"])
    assert (await scripts.verify("/admin/", shown(token.text))).status == 403
    for roles, status, scope in (
        (("admin",), 200, "orders:read"),
        ((), 403, ""),
        (("ops", "staff"), 200, "orders:read reports"),
    ):
        await scripts.web.change_user("alice", roles=roles)
        with scripts.counting() as statements:
            for _ in range(3):
                answer = await scripts.verify("/admin/", basic(token.text))
                assert answer.status == status
            plain = await scripts.verify("/", basic(token.text))
            assert plain.headers["X-Auth-Scope"] == scope
            assert plain.headers["Remote-Groups"] == ",".join(roles)
        assert len(statements) == 1


async def test_a_change_of_rights_is_seen_on_an_open_path_too(scripts: Scripts) -> None:
    token = await scripts.give()
    assert (await scripts.verify("/public/", shown(token.text))).headers["Remote-User"] == "alice"
    await scripts.web.change_user("alice", username="alicia")
    answer = await scripts.verify("/public/", shown(token.text))
    assert answer.headers["Remote-User"] == "alicia"


@pytest.mark.parametrize(
    "ended", ["disabled", "removed", "new password", "sessions ended by root", "everyone"]
)
async def test_who_is_ended_by_others_has_no_token_left(scripts: Scripts, ended: str) -> None:
    warm, cold, roots = await scripts.give(), await scripts.give(), await scripts.give("root")
    assert (await scripts.verify("/", shown(warm.text))).status == 200
    services, now = scripts.web.serving.services, read_clock().unix
    match ended:
        case "disabled":
            await scripts.web.change_user("alice", disabled=True)
        case "removed":
            await scripts.web.remove_user("alice")
        case "new password":
            await scripts.web.set_password("alice", "another long passphrase")
        case "sessions ended by root":
            user = await services.accounts.show("alice")
            answer = await scripts.call("POST", f"/users/{user.id}/revoke", "root")
            assert answer.status == 204
        case _:
            await services.revocations.end_all_sessions(Author(OPERATOR), now)
    for token in (warm, cold):
        assert (await scripts.verify("/", basic(token.text))).reason == "revoked_token"
    left = await scripts.verify("/", shown(roots.text))
    assert left.status == (401 if ended == "everyone" else 200)


async def test_a_person_who_logs_out_everywhere_keeps_their_scripts_running(
    scripts: Scripts,
) -> None:
    token = await scripts.give()
    assert (await scripts.verify("/", shown(token.text))).status == 200
    answer = await scripts.call("POST", "/logout", body={"everywhere": True})
    assert answer.status == 204
    assert (await scripts.verify("/", shown(token.text))).status == 200
    assert (await scripts.call("GET", "/me/tokens")).status == 401


async def test_while_the_store_is_away_what_is_known_goes_on_and_the_rest_is_503(
    scripts: Scripts,
) -> None:
    warm, cold = await scripts.give(), await scripts.give()
    assert (await scripts.verify("/", shown(warm.text))).status == 200
    async with locked(scripts.web):
        assert (await scripts.verify("/", shown(warm.text))).status == 200
        async with asyncio.timeout(DEADLINE + 1.5):
            refused, opened, unruled = await asyncio.gather(
                scripts.verify("/", shown(cold.text)),
                scripts.verify("/public/", basic(cold.text)),
                scripts.verify("/admin/", basic(cold.text)),
            )
        for answer in (refused, unruled):
            assert (answer.status, answer.reason) == (503, "unavailable")
            assert answer.headers["Retry-After"] == "2"
            answer.assert_tells_nobody()
        assert (opened.status, opened.headers["Remote-User"]) == (200, "")
        assert opened.headers["Authorization"] == ""
        forged = await scripts.verify("/", shown(f"sidecar_pat_{'A' * 64}"))
        assert forged.reason == "bad_signature"
    assert await _await_allowed(scripts, cold.text)


async def _await_allowed(scripts: Scripts, text: str) -> bool:
    """Say whether a token is let in soon: what had to wait for the lock has to end first."""
    until = read_clock().monotonic + 5
    while read_clock().monotonic < until:
        if (await scripts.verify("/", shown(text))).status == 200:
            return True
    return False
