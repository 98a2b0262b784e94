"""Second factors in the store: one at a time, begun, confirmed and taken away."""

import asyncio
from dataclasses import replace

import pytest

from sidecar.core.audit import OPERATOR, Action, AuditQuery, Author
from sidecar.core.totp import ENROLMENT_TTL
from sidecar.errors import NotFound
from sidecar.ports import ChangeRules, StepProof
from sidecar.stores.sql import SqlStore
from tests.contracts.enrolled import (
    DESK,
    HASHES,
    SPENT,
    STEP,
    disabled,
    enabled,
    enrol,
    find_factor,
    log_in,
    make_factor,
    read_actions,
    recovery,
)
from tests.contracts.sql_stores import (
    KEEP,
    NOW,
    REFRESH_TTL,
    add_user,
    read_tables,
)

pytestmark = pytest.mark.asyncio


async def test_what_is_set_up_counts_for_nothing_until_it_is_confirmed(store: SqlStore) -> None:
    user = await add_user(store)
    factor = make_factor(user)
    assert await store.factors.add_pending(factor)
    assert await store.factors.find_pending(user.id) == factor
    assert not await store.factors.has_factor(user.id)
    assert await find_factor(store) is None
    assert await log_in(store, user, None) == ()
    assert await log_in(store, user, StepProof("f-1", STEP), "s-2") == SPENT
    assert await read_actions(store) == []


async def test_what_is_confirmed_stands_beside_the_account(store: SqlStore) -> None:
    await enrol(store, "bob", "f-of-bob")
    user = await enrol(store)
    assert await store.factors.has_factor(user.id)
    assert await store.factors.find_pending(user.id) is None
    assert await find_factor(store) == replace(make_factor(user), last_step=STEP)
    (record, _) = await store.audit.read_events(AuditQuery(2, action=Action.OTP_ENABLED))
    assert (record.actor, record.subject, record.device) == (user.id, user.id, DESK)
    assert record.details == {}


async def test_a_new_attempt_to_set_one_up_replaces_the_last(store: SqlStore) -> None:
    user = await add_user(store)
    first, second = make_factor(user), make_factor(user, "f-2", NOW + 1)
    for factor in (first, second):
        assert await store.factors.add_pending(factor)
    assert await store.factors.find_pending(user.id) == second
    assert not await store.factors.confirm_factor(first, STEP, HASHES, enabled(user))
    assert not await store.factors.has_factor(user.id)
    assert await read_actions(store) == []
    assert await store.factors.confirm_factor(second, STEP, HASHES, enabled(user))


async def test_where_one_is_confirmed_nothing_is_set_up_or_confirmed(
    store: SqlStore, database_url: str
) -> None:
    user = await enrol(store)
    before = await read_tables(database_url)
    assert not await store.factors.add_pending(make_factor(user, "f-2"))
    assert not await store.factors.confirm_factor(
        make_factor(user), STEP + 1, ("d" * 64,), enabled(user)
    )
    assert await read_tables(database_url) == before


async def test_nobody_who_is_gone_sets_one_up(store: SqlStore, database_url: str) -> None:
    user = await add_user(store)
    before = await read_tables(database_url)
    gone = replace(make_factor(user), user_id="nobody")
    with pytest.raises(NotFound):
        await store.factors.add_pending(gone)
    assert not await store.factors.confirm_factor(gone, STEP, HASHES, enabled(user))
    assert not await store.factors.remove_factor("nobody", disabled(user))
    assert await read_tables(database_url) == before


async def test_two_who_confirm_at_once_leave_one_set_of_codes(
    store: SqlStore, other: SqlStore, database_url: str
) -> None:
    user = await add_user(store)
    factor = make_factor(user)
    await store.factors.add_pending(factor)
    sets = (HASHES, ("d" * 64, "e" * 64, "f" * 64))
    confirmed = await asyncio.gather(
        *(
            each.factors.confirm_factor(factor, STEP, hashes, enabled(user))
            for each, hashes in zip((store, other), sets, strict=True)
        )
    )
    assert sorted(confirmed) == [False, True]
    kept = {row[1] for row in (await read_tables(database_url))["recovery_codes"]}
    assert kept == set(sets[confirmed.index(True)])
    assert await read_actions(store) == ["otp.enabled"]


async def test_what_is_taken_away_leaves_nothing_that_counts(
    store: SqlStore, database_url: str
) -> None:
    user = await enrol(store)
    assert await store.factors.remove_factor(user.id, disabled(user))
    tables = await read_tables(database_url)
    assert (tables["factors"], tables["recovery_codes"]) == ([], [])
    assert await log_in(store, user, StepProof("f-1", STEP + 1)) == SPENT
    assert await log_in(store, user, recovery(user)) == SPENT
    assert await log_in(store, user, None) == ()
    assert await read_actions(store) == ["otp.disabled", "otp.enabled"]
    assert not await store.factors.remove_factor(user.id, disabled(user))
    assert await read_actions(store) == ["otp.disabled", "otp.enabled"]


async def test_what_was_only_begun_is_taken_away_without_a_row(
    store: SqlStore, database_url: str
) -> None:
    user = await add_user(store)
    await store.factors.add_pending(make_factor(user))
    assert not await store.factors.remove_factor(user.id, disabled(user))
    assert (await read_tables(database_url))["factors"] == []
    assert await read_actions(store) == []


async def test_they_go_with_their_owner(store: SqlStore, database_url: str) -> None:
    user = await enrol(store)
    await store.users.remove_user(
        user.id, Author(OPERATOR), NOW, seen=None, rules=ChangeRules("admin", KEEP)
    )
    tables = await read_tables(database_url)
    assert (tables["factors"], tables["recovery_codes"]) == ([], [])


async def test_others_keep_theirs(store: SqlStore) -> None:
    alice, bob = await enrol(store), await enrol(store, "bob", "f-of-bob")
    await store.factors.remove_factor(alice.id, disabled(alice))
    assert await store.factors.has_factor(bob.id)
    assert await log_in(store, bob, recovery(bob)) == ()


async def test_nobody_waits_longer_than_an_hour_for_what_was_begun(
    store: SqlStore, database_url: str
) -> None:
    await enrol(store, "carol", "f-confirmed")
    for name, at in (("alice", NOW - ENROLMENT_TTL), ("bob", NOW - ENROLMENT_TTL + 1)):
        user = await add_user(store, name)
        await store.factors.add_pending(make_factor(user, f"f-of-{name}", at))
    await store.sweep.purge(NOW, refresh_ttl=REFRESH_TTL)
    kept = {row[0] for row in (await read_tables(database_url))["factors"]}
    assert kept == {"f-confirmed", "f-of-bob"}
    await store.sweep.purge(NOW + 10 * ENROLMENT_TTL, refresh_ttl=REFRESH_TTL)
    kept = {row[0] for row in (await read_tables(database_url))["factors"]}
    assert kept == {"f-confirmed"}
