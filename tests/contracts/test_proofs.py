"""What a login spends of a second factor: each code once, whoever asks at the same moment."""

import asyncio

import pytest

from sidecar.core.audit import Action, AuditQuery
from sidecar.ports import Proof, StepProof
from sidecar.stores.sql import SqlStore
from tests.contracts.enrolled import (
    DESK,
    HASHES,
    SPENT,
    STEP,
    enabled,
    enrol,
    find_factor,
    list_sids,
    log_in,
    make_factor,
    recovery,
)
from tests.contracts.sql_stores import (
    BOUND,
    add_user,
    make_session,
    read_tables,
)

pytestmark = pytest.mark.asyncio


async def test_nobody_but_its_owner_has_it(store: SqlStore) -> None:
    await enrol(store)
    bob = await add_user(store, "bob")
    assert not await store.factors.has_factor(bob.id)
    assert await store.factors.find_pending(bob.id) is None
    assert await find_factor(store, "bob") is None
    assert await log_in(store, bob, StepProof("f-1", STEP + 1)) == SPENT
    assert await log_in(store, bob, recovery(bob)) == SPENT
    assert await log_in(store, bob, None) == ()


@pytest.mark.parametrize(
    ("step", "counts"),
    [(STEP - 1, False), (STEP, False), (STEP + 1, True), (STEP + 2, True)],
)
async def test_a_step_counts_only_behind_the_last_one(
    store: SqlStore, database_url: str, step: int, counts: bool
) -> None:
    user = await enrol(store)
    before = await read_tables(database_url)
    opened = await log_in(store, user, StepProof("f-1", step))
    if not counts:
        assert opened == SPENT
        assert await read_tables(database_url) == before
        return
    assert opened == ()
    factor = await find_factor(store)
    assert factor is not None
    assert factor.last_step == step
    assert await log_in(store, user, StepProof("f-1", step), "s-2") == SPENT
    assert await list_sids(store, user) == {"s-1"}


async def test_a_recovery_code_counts_once_and_the_trail_says_how_many_are_left(
    store: SqlStore,
) -> None:
    user = await enrol(store)
    for sid, code_hash, expected in (
        ("s-1", HASHES[1], ()),
        ("s-2", HASHES[1], SPENT),
        ("s-3", "d" * 64, SPENT),
        ("s-4", HASHES[0], ()),
    ):
        assert await log_in(store, user, recovery(user, code_hash), sid) == expected
    assert await list_sids(store, user) == {"s-1", "s-4"}
    records = await store.audit.read_events(AuditQuery(9, action=Action.OTP_RECOVERED))
    assert [each.details for each in records] == [{"left": 1}, {"left": 2}]
    assert {(each.actor, each.subject, each.device) for each in records} == {
        (user.id, user.id, DESK)
    }


async def test_a_recovery_code_of_somebody_else_does_not_count(store: SqlStore) -> None:
    alice, bob = await enrol(store), await add_user(store, "bob")
    factor = make_factor(bob, "f-of-bob")
    await store.factors.add_pending(factor)
    assert await store.factors.confirm_factor(factor, STEP, ("d" * 64,), enabled(bob))
    assert await log_in(store, bob, recovery(bob, HASHES[0])) == SPENT
    assert await log_in(store, alice, recovery(alice, "d" * 64)) == SPENT


async def test_who_has_a_second_factor_since_does_not_get_in_without(
    store: SqlStore, database_url: str
) -> None:
    """The password was checked before it was confirmed."""
    user = await enrol(store)
    before = await read_tables(database_url)
    assert await log_in(store, user, None) is None
    assert await read_tables(database_url) == before


@pytest.mark.parametrize("most", [1, 2])
async def test_a_proof_that_does_not_count_ends_no_session_for_the_sake_of_the_bound(
    store: SqlStore, database_url: str, most: int
) -> None:
    user = await enrol(store)
    for number in range(most):
        step = StepProof("f-1", STEP + 1 + number)
        assert await log_in(store, user, step, f"s-{number}", most) == ()
    before = await read_tables(database_url)
    assert await log_in(store, user, StepProof("f-1", STEP), "new", most) == SPENT
    assert await log_in(store, user, recovery(user, "d" * 64), "new", most) == SPENT
    assert await log_in(store, user, None, "new", most) is None
    assert await read_tables(database_url) == before
    ended = await log_in(store, user, recovery(user), "new", most)
    assert isinstance(ended, tuple)
    assert len(ended) == 1
    assert "new" in await list_sids(store, user)
    assert len(await list_sids(store, user)) == most


async def test_a_proof_is_not_spent_by_a_login_that_opens_nothing(
    store: SqlStore, database_url: str
) -> None:
    user = await enrol(store)
    before = await read_tables(database_url)
    for proof in (StepProof("f-1", STEP + 1), recovery(user)):
        moved = await store.sessions.add_session(make_session(user), (0, 1), BOUND, proof)
        assert moved is None
    assert await read_tables(database_url) == before


@pytest.mark.parametrize("kind", ["step", "recovery"])
async def test_of_many_logins_at_once_with_one_code_one_wins(
    store: SqlStore, other: SqlStore, kind: str
) -> None:
    user = await enrol(store)
    proof: Proof = StepProof("f-1", STEP + 1) if kind == "step" else recovery(user)
    logins = [
        log_in((store, other)[number % 2], user, proof, f"s-{number}") for number in range(20)
    ]
    outcomes = await asyncio.gather(*logins)
    assert outcomes.count(()) == 1
    assert outcomes.count(SPENT) == 19
    assert await list_sids(store, user) == {f"s-{outcomes.index(())}"}


async def test_whoever_logs_in_while_it_is_confirmed_was_first_or_is_turned_away(
    store: SqlStore, other: SqlStore
) -> None:
    for number in range(10):
        user = await add_user(store, f"user{number}")
        factor = make_factor(user, f"f-{number}")
        await store.factors.add_pending(factor)
        opened, confirmed = await asyncio.gather(
            log_in(store, user, None, f"s-{number}"),
            other.factors.confirm_factor(factor, STEP, [f"{number}".zfill(64)], enabled(user)),
        )
        assert confirmed
        assert await list_sids(store, user) == ({f"s-{number}"} if opened == () else set())
        assert opened in {(), None}
