"""Rights that are taken away: committed, held here, logged, and refused from then on."""

import logging
from collections.abc import Awaitable, Callable

import pytest

from sidecar.core.audit import OPERATOR, Author
from sidecar.core.claims import Claims
from sidecar.core.revocation import RevocationView
from sidecar.core.verdict import Reason
from sidecar.errors import StoreUnavailable
from sidecar.revocations import Revocations
from sidecar.stores.sql import SqlStore, open_store
from tests.contracts.sql_stores import (
    KEEP,
    NOW,
    add_user,
    open_session,
    read_tables,
    run_sql,
)

pytestmark = pytest.mark.asyncio

CLAIMS = Claims(
    iss="https://auth.example.com",
    sub="id-of-alice",
    aud=("api",),
    exp=NOW + 600,
    iat=NOW,
    nbf=NOW,
    jti="j-1",
    sid="s-1",
    scope="",
    roles=(),
    preferred_username="alice",
    auth_time=NOW,
    amr=("pwd",),
)
BY = Author(OPERATOR)
OTHERS = {
    "another token": CLAIMS._replace(jti="j-2"),
    "another session": CLAIMS._replace(jti="j-3", sid="s-2"),
    "another user": CLAIMS._replace(jti="j-4", sid="s-3", sub="id-of-bob"),
    "sealed later": CLAIMS._replace(jti="j-5", sid="s-4", epoch=(NOW, NOW)),
}


async def end_user(revocations: Revocations) -> None:
    """End all sessions and personal tokens of alice."""
    await revocations.end_user_sessions("id-of-alice", BY, NOW, personal_tokens=True)


LEVELS: dict[str, tuple[Callable[[Revocations], Awaitable[object]], Reason, set[str]]] = {
    "token": (
        lambda revocations: revocations.revoke_token(CLAIMS, NOW),
        Reason.REVOKED_TOKEN,
        set(),
    ),
    "session of a token": (
        lambda revocations: revocations.end_session_of(CLAIMS, NOW),
        Reason.REVOKED_SESSION,
        {"another token"},
    ),
    "session": (
        lambda revocations: revocations.end_session("s-1"),
        Reason.REVOKED_SESSION,
        {"another token"},
    ),
    "user": (
        end_user,
        Reason.REVOKED_USER,
        {"another token", "another session"},
    ),
    "everyone": (
        lambda revocations: revocations.end_all_sessions(BY, NOW),
        Reason.REVOKED_EVERYONE,
        {"another token", "another session", "another user"},
    ),
}


@pytest.fixture
def view() -> RevocationView:
    return RevocationView()


@pytest.fixture
def revocations(store: SqlStore, view: RevocationView) -> Revocations:
    return Revocations(store.revocations, store.revocations, view, None, KEEP)


@pytest.mark.parametrize(("revoke", "reason", "also"), LEVELS.values(), ids=LEVELS)
async def test_a_level_refuses_what_is_of_it_and_nothing_else(
    store: SqlStore,
    view: RevocationView,
    revocations: Revocations,
    revoke: Callable[[Revocations], Awaitable[object]],
    reason: Reason,
    also: set[str],
) -> None:
    await open_session(store, await add_user(store))
    assert view.find_refusal(CLAIMS) is None
    await revoke(revocations)
    assert view.find_refusal(CLAIMS) is reason
    refused = {name for name, claims in OTHERS.items() if view.find_refusal(claims)}
    assert refused == also


@pytest.mark.parametrize(("revoke", "reason", "also"), LEVELS.values(), ids=LEVELS)
async def test_what_is_not_committed_is_neither_held_nor_logged(
    store: SqlStore,
    view: RevocationView,
    revocations: Revocations,
    database_url: str,
    caplog: pytest.LogCaptureFixture,
    revoke: Callable[[Revocations], Awaitable[object]],
    reason: Reason,
    also: set[str],
) -> None:
    caplog.set_level(logging.DEBUG, "sidecar.revocation")
    await open_session(store, await add_user(store))
    await run_sql(database_url, "ALTER TABLE revocations RENAME TO away")
    with pytest.raises(StoreUnavailable):
        await revoke(revocations)
    assert len(view) == 0
    assert caplog.records == []


async def test_each_revocation_is_one_line_of_the_log(
    store: SqlStore, revocations: Revocations, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sidecar.revocation")
    await open_session(store, await add_user(store))
    await revocations.revoke_token(CLAIMS, NOW)
    await revocations.end_session("s-1")
    await revocations.end_session("s-1")
    await end_user(revocations)
    await revocations.end_all_sessions(BY, NOW)
    lines = [(r.getMessage(), vars(r)["what"], vars(r)["subject"]) for r in caplog.records]
    assert lines == [
        ("revoked", "token", "j-1"),
        ("revoked", "session", "s-1"),
        ("revoked", "user", "id-of-alice"),
        ("revoked", "everyone", ""),
    ]


async def test_whether_there_was_such_a_session_is_told(
    store: SqlStore, view: RevocationView, revocations: Revocations, database_url: str
) -> None:
    await open_session(store, await add_user(store))
    before = await read_tables(database_url)
    assert not await revocations.end_session("s-2")
    assert not await revocations.end_session("")
    assert await read_tables(database_url) == before
    assert len(view) == 0
    assert await revocations.end_session("s-1")
    assert not await revocations.end_session("s-1")


@pytest.mark.parametrize(
    ("revoke", "forget_at"),
    [
        (lambda revocations: revocations.revoke_token(CLAIMS, NOW), NOW + 600 + KEEP),
        (lambda revocations: revocations.end_session_of(CLAIMS, NOW), NOW + 600 + KEEP),
    ],
    ids=["token", "session"],
)
async def test_what_is_known_by_its_token_alone_is_refused_as_long_as_that_lives(
    store: SqlStore,
    view: RevocationView,
    revocations: Revocations,
    revoke: Callable[[Revocations], Awaitable[object]],
    forget_at: int,
) -> None:
    await revoke(revocations)
    (entry,) = await store.revocations.read_entries(0)
    assert entry.revocation.forget_at == forget_at
    view.forget(forget_at - 1)
    assert view.find_refusal(CLAIMS) is not None
    view.forget(forget_at)
    assert view.find_refusal(CLAIMS) is None


OVER = CLAIMS.exp + KEEP  # when an entry about it would be forgotten


@pytest.mark.parametrize(("now", "entries"), [(OVER - 1, 1), (OVER, 0), (OVER + 1, 0)])
@pytest.mark.parametrize(
    "claims", [CLAIMS, CLAIMS._replace(sub="c-1", client_id="c-1", sid=None)], ids=["sid", "jti"]
)
async def test_what_is_over_on_every_clock_leaves_no_entry(
    store: SqlStore, revocations: Revocations, claims: Claims, now: int, entries: int
) -> None:
    await revocations.end_session_of(claims, now)
    await revocations.revoke_token(claims._replace(jti="j-2"), now)
    assert len(await store.revocations.read_entries(0)) == 2 * entries


async def test_a_session_ends_by_a_token_that_is_over(
    store: SqlStore, revocations: Revocations
) -> None:
    await open_session(store, await add_user(store), tokens_until=OVER)
    await revocations.end_session_of(CLAIMS, OVER)
    assert await store.sessions.find_session("s-1") is None
    (entry,) = await store.revocations.read_entries(0)
    assert entry.revocation.forget_at == OVER + KEEP


async def test_a_session_that_somebody_else_ended_holds_here_once_it_is_ended_again(
    store: SqlStore, other: SqlStore, view: RevocationView, revocations: Revocations
) -> None:
    await open_session(store, await add_user(store))
    there = Revocations(other.revocations, other.revocations, RevocationView(), None, KEEP)
    await there.end_session_of(CLAIMS, NOW)
    assert view.find_refusal(CLAIMS) is None
    for _ in range(2):
        await revocations.end_session_of(CLAIMS, NOW)
        assert view.find_refusal(CLAIMS) is Reason.REVOKED_SESSION
    assert CLAIMS.sid is not None
    assert not await revocations.end_session(CLAIMS.sid)
    assert len(await store.revocations.read_entries(0)) == 1


async def test_the_logout_of_a_program_ends_the_token_that_was_shown(
    store: SqlStore, view: RevocationView, revocations: Revocations
) -> None:
    program = CLAIMS._replace(sub="c-1", client_id="c-1", jti="j-6", sid=None)
    await open_session(store, await add_user(store))
    await revocations.end_session_of(program, NOW)
    assert view.find_refusal(program) is Reason.REVOKED_TOKEN
    assert view.find_refusal(program._replace(jti="j-7")) is None
    assert view.find_refusal(CLAIMS) is None
    (entry,) = await store.revocations.read_entries(0)
    assert entry.revocation.forget_at == program.exp + KEEP


async def test_where_nobody_announces_there_is_no_outbox_to_run(
    store: SqlStore, revocations: Revocations, database_url: str
) -> None:
    async with open_store(database_url, outbox=False) as silent:
        alone = Revocations(silent.revocations, silent.revocations, RevocationView(), None, KEEP)
        await alone.revoke_token(CLAIMS, NOW)
        await alone.run_outbox()
    assert list(await store.revocations.read_outbox()) == []
