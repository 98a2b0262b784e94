"""Setting a second factor up, and what is kept of it."""

import re
from dataclasses import replace
from urllib.parse import unquote

import pytest

from sidecar.accounts.factors import SecondFactors
from sidecar.core.audit import UNKNOWN_DEVICE, Action, AuditEvent, Author
from sidecar.core.encoding import from_base64url, to_base64url
from sidecar.core.recovery import hash_recovery_code
from sidecar.core.totp import ENROLMENT_TTL, STEP, make_code
from sidecar.core.user import User
from sidecar.credentials.factors import FactorKeys, make_recovery_codes
from sidecar.errors import FactorExists, FactorUnreadable, NotFound
from sidecar.ports import Factor, RecoveryProof, StepProof
from sidecar.stores.sql import SqlStore
from tests.contracts.sql_stores import NOW, add_user, make_user, read_tables

pytestmark = pytest.mark.asyncio

KEYS = FactorKeys(b"s" * 32, b"r" * 32)
SECRET = b"12345678901234567890"
ISSUER = "auth.example.com"


def seal(user_id: str = "id-of-alice", factor_id: str = "f-1", last_step: int = 0) -> Factor:
    return Factor(factor_id, user_id, KEYS.seal(SECRET, user_id, factor_id), last_step, NOW)


async def begin(store: SqlStore, user: User) -> tuple[SecondFactors, bytes]:
    """Let somebody begin to set up a second factor, and return its secret."""
    factors = SecondFactors(store.factors, KEYS, ISSUER)
    await factors.enrol(user, NOW)
    pending = await store.factors.find_pending(user.id)
    assert pending is not None
    return factors, KEYS.open(pending)


async def test_a_second_factor_is_set_up_and_confirmed(store: SqlStore) -> None:
    user = await add_user(store)
    factors = SecondFactors(store.factors, KEYS, ISSUER)
    spelled, uri = await factors.enrol(user, NOW)
    assert re.fullmatch("[A-Z2-7]{32}", spelled)
    assert unquote(uri).startswith(f"otpauth://totp/{ISSUER}:alice?secret={spelled}&")
    assert not await factors.has(user.id)
    pending = await store.factors.find_pending(user.id)
    assert pending is not None
    code = make_code(KEYS.open(pending), NOW // STEP)
    codes = await factors.confirm(user.id, code, Author(user.id), NOW)
    assert codes is not None
    assert len(set(codes)) == 10
    assert all(re.fullmatch("([0-9a-z]{4}-){3}[0-9a-z]{4}", each) for each in codes)
    assert await factors.has(user.id)
    with pytest.raises(FactorExists):
        await factors.enrol(user, NOW)
    assert await factors.confirm(user.id, code, Author(user.id), NOW) is None
    assert await factors.disable(user.id, Author(user.id), NOW)
    assert not await factors.disable(user.id, Author(user.id), NOW)


async def test_the_code_that_confirms_is_used_up(store: SqlStore) -> None:
    user = await add_user(store)
    factors, secret = await begin(store, user)
    code = make_code(secret, NOW // STEP)
    assert await factors.confirm(user.id, code, Author(user.id), NOW)
    account = await store.sessions.find_account("alice")
    assert account is not None
    assert account.factor is not None
    assert KEYS.prove(account.factor, code, UNKNOWN_DEVICE, NOW) is None
    later = make_code(secret, NOW // STEP + 1)
    proof = StepProof(account.factor.id, NOW // STEP + 1)
    assert KEYS.prove(account.factor, later, UNKNOWN_DEVICE, NOW) == proof


@pytest.mark.parametrize(
    ("later", "confirmed"), [(0, True), (ENROLMENT_TTL - 1, True), (ENROLMENT_TTL, False)]
)
async def test_what_was_begun_waits_for_an_hour(
    store: SqlStore, later: int, confirmed: bool
) -> None:
    user = await add_user(store)
    factors, secret = await begin(store, user)
    code = make_code(secret, (NOW + later) // STEP)
    codes = await factors.confirm(user.id, code, Author(user.id), NOW + later)
    assert (codes is not None) is confirmed


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "x", "0000-0000-0000-0000", None])
async def test_what_is_not_the_code_confirms_nothing(
    store: SqlStore, database_url: str, typed: str | None
) -> None:
    user = await add_user(store)
    factors, secret = await begin(store, user)
    good = {make_code(secret, NOW // STEP + drift) for drift in (-1, 0, 1)}
    wrong = next(code for code in ("000000", "111111", "222222", "333333") if code not in good)
    before = await read_tables(database_url)
    assert (
        await factors.confirm(user.id, wrong if typed is None else typed, Author(user.id), NOW)
        is None
    )
    assert await read_tables(database_url) == before


async def test_nobody_confirms_what_they_have_not_begun_or_begins_who_is_gone(
    store: SqlStore,
) -> None:
    factors = SecondFactors(store.factors, KEYS, ISSUER)
    assert await factors.confirm("id-of-alice", "123456", Author("id-of-alice"), NOW) is None
    with pytest.raises(NotFound):
        await factors.enrol(make_user(), NOW)


async def test_neither_secret_nor_codes_are_kept_as_they_are(
    store: SqlStore, database_url: str
) -> None:
    user = await add_user(store)
    factors, secret = await begin(store, user)
    code = make_code(secret, NOW // STEP)
    codes = await factors.confirm(user.id, code, Author(user.id), NOW)
    assert codes is not None
    kept = repr(await read_tables(database_url)).lower()
    for hidden in (secret.hex(), to_base64url(secret).lower(), *codes):
        assert hidden not in kept
        assert hidden.replace("-", "") not in kept
    hashes = {row[1] for row in (await read_tables(database_url))["recovery_codes"]}
    assert hashes == {
        hash_recovery_code(KEYS.recovery, user.id, each.replace("-", "")) for each in codes
    }


async def test_one_secret_is_never_kept_alike_twice() -> None:
    assert len({KEYS.seal(SECRET, "id-of-alice", "f-1") for _ in range(100)}) == 100


async def test_a_secret_opens_for_its_factor_and_user_under_its_key() -> None:
    factor = seal()
    assert KEYS.open(factor) == SECRET
    for moved in (
        replace(factor, user_id="id-of-bob"),
        replace(factor, id="f-2"),
        replace(factor, user_id="id-of-alicef-1", id=""),
        replace(factor, sealed=seal("id-of-bob").sealed),
    ):
        with pytest.raises(FactorUnreadable):
            KEYS.open(moved)
    for keys in (FactorKeys(b"x" * 32, KEYS.recovery), FactorKeys(KEYS.recovery, KEYS.sealing)):
        with pytest.raises(FactorUnreadable, match="id-of-alice"):
            keys.open(factor)


async def test_what_was_changed_does_not_open() -> None:
    octets = from_base64url(seal().sealed)
    assert octets is not None
    for index in range(len(octets)):
        changed = bytearray(octets)
        changed[index] ^= 1
        with pytest.raises(FactorUnreadable):
            KEYS.open(replace(seal(), sealed=to_base64url(bytes(changed))))


@pytest.mark.parametrize("sealed", ["", "A", "====", "AAAA", "A" * 15, "A" * 16, "\u00e9" * 48])
async def test_what_was_never_sealed_does_not_open(sealed: str) -> None:
    with pytest.raises(FactorUnreadable):
        KEYS.open(replace(seal(), sealed=sealed))


async def test_a_factor_that_does_not_open_is_not_as_if_there_were_none() -> None:
    """Neither for a code nor, in the same breath, for something that is no code at all."""
    broken = replace(seal(), sealed=seal("id-of-bob").sealed)
    with pytest.raises(FactorUnreadable):
        KEYS.prove(broken, "123456", UNKNOWN_DEVICE, NOW)
    assert KEYS.prove(broken, "no code", UNKNOWN_DEVICE, NOW) is None


async def test_a_recovery_code_proves_what_the_store_has_to_say() -> None:
    factor = seal()
    (code, *_) = make_recovery_codes()
    event = AuditEvent(NOW, Action.OTP_RECOVERED, "id-of-alice", "id-of-alice")
    kept = hash_recovery_code(KEYS.recovery, "id-of-alice", code.replace("-", ""))
    for typed in (code, code.upper(), code.replace("-", " ")):
        assert KEYS.prove(factor, typed, UNKNOWN_DEVICE, NOW) == RecoveryProof(kept, event)


async def test_nothing_secret_is_shown_by_what_holds_it() -> None:
    shown = repr(
        (KEYS, seal(), RecoveryProof("a" * 64, AuditEvent(NOW, Action.OTP_RECOVERED, "x", "x")))
    )
    for hidden in (KEYS.sealing, KEYS.recovery, b"a" * 64):
        assert hidden.decode() not in shown
    assert "sealed=" not in shown
