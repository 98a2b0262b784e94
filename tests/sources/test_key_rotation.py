"""The turn of the keys as a use case: asked for, on schedule, and in an emergency."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio

from sidecar.core.audit import Action, AuditQuery
from sidecar.core.keyring import Algorithm, Key, KeyState, Purpose
from sidecar.core.revocation import RevocationView
from sidecar.core.turn import SETTLED
from sidecar.errors import DocumentInvalid, NextKeyWaits, NotFound
from sidecar.revocations import Revocations
from sidecar.rotation.keys import KeyRotation
from sidecar.sources.keyring import KeyDirectory
from sidecar.stores.sql import SqlStore
from tests.sources.keydirs import AHEAD, EVERY, NOW, SCHEDULES, put

pytestmark = pytest.mark.asyncio

KEEP = 7200
NO_TRAIL = "CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'full'); END"
TOKEN = Purpose.TOKEN


class Turning:
    """A key directory that is open, and what turns its keys."""

    def __init__(self, tmp_path: Path, store: SqlStore) -> None:
        self.path = tmp_path / "keys"
        self.store = store
        self.view = RevocationView()
        self.directory = KeyDirectory(self.path, store.ring, SCHEDULES)
        revocations = Revocations(store.revocations, store.revocations, self.view, None, KEEP)
        self.rotation = KeyRotation(
            store.ring, self.directory, SCHEDULES, revocations.publish, KEEP
        )

    async def key(self, now: int, purpose: Purpose = TOKEN) -> Key | None:
        """Return the key that signs."""
        return (await self.directory.open(now)).ring.find_signing_key(purpose, now)

    async def trail(self) -> list[tuple[str, str, str, object]]:
        """Return what stands in the audit trail, the oldest first."""
        rows = await self.store.audit.read_events(AuditQuery(limit=20))
        return [
            (row.action, row.actor, row.subject, row.details.get("alg")) for row in reversed(rows)
        ]


@pytest_asyncio.fixture
async def turning(tmp_path: Path, store: SqlStore) -> Turning:
    made = Turning(tmp_path, store)
    await made.directory.open(NOW)
    return made


async def test_the_next_key_is_published_and_signs_once_everybody_has_seen_it(
    turning: Turning,
) -> None:
    before = await turning.key(NOW)
    key = await turning.rotation.rotate(TOKEN, NOW + 9, at_once=False)
    assert key.not_before == NOW + 9 + AHEAD + 1
    still = await turning.key(key.not_before - 1)
    assert still is not None
    assert before is not None
    assert still.kid == before.kid
    signing = await turning.key(key.not_before)
    assert signing is not None
    assert signing.kid == key.kid


async def test_a_second_next_key_is_refused_while_one_waits(turning: Turning) -> None:
    key = await turning.rotation.rotate(TOKEN, NOW, at_once=False)
    with pytest.raises(NextKeyWaits, match=rf"{key.kid} \(RS256\) is published already"):
        await turning.rotation.rotate(TOKEN, key.not_before - 1, at_once=False)
    other = await turning.rotation.rotate(TOKEN, key.not_before, at_once=False)
    assert other.kid != key.kid


async def test_at_once_the_next_key_signs_when_everybody_has_read_it(turning: Turning) -> None:
    key = await turning.rotation.rotate(TOKEN, NOW + 9, at_once=True)
    assert key.not_before == NOW + 9 + SETTLED + 1


async def test_at_once_a_key_that_waits_is_brought_forward(turning: Turning) -> None:
    waiting = await turning.rotation.rotate(TOKEN, NOW, at_once=False)
    key = await turning.rotation.rotate(TOKEN, NOW + 9, at_once=True)
    assert (key.kid, key.not_before) == (waiting.kid, NOW + 9 + SETTLED + 1)
    again = await turning.rotation.rotate(TOKEN, NOW + 10, at_once=True)
    assert (again.kid, again.not_before) == (key.kid, key.not_before)
    assert len((await turning.directory.open(NOW + 10)).ring.keys) == 3


async def test_who_asks_for_another_algorithm_than_waits_is_refused(turning: Turning) -> None:
    await turning.rotation.rotate(TOKEN, NOW, at_once=False, alg=Algorithm.ES256)
    with pytest.raises(NextKeyWaits, match="ES256"):
        await turning.rotation.rotate(TOKEN, NOW, at_once=True, alg=Algorithm.RS256)
    await turning.rotation.rotate(TOKEN, NOW, at_once=True, alg=Algorithm.ES256)


@pytest.mark.parametrize("alg", Algorithm)
@pytest.mark.parametrize("purpose", Purpose)
async def test_a_key_of_any_algorithm_and_purpose_can_be_asked_for(
    turning: Turning, alg: Algorithm, purpose: Purpose
) -> None:
    key = await turning.rotation.rotate(purpose, NOW, at_once=True, alg=alg)
    found = await turning.key(key.not_before, purpose)
    assert found is not None
    assert (found.kid, found.alg) == (key.kid, alg)


async def test_on_schedule_nothing_is_done_before_its_time(turning: Turning) -> None:
    due = NOW + EVERY - AHEAD - 1
    ring = (await turning.directory.open(NOW)).ring
    for now, expected in ((NOW, False), (due - 1, False), (due, True)):
        assert turning.rotation.is_due(ring, now) is expected
        assert await turning.rotation.turn(now) is expected
    after = (await turning.directory.open(due)).ring
    assert not turning.rotation.is_due(after, due)
    assert {key.purpose for key in after.keys.values() if key.state(due) is KeyState.NEXT} == set(
        Purpose
    )


async def test_a_turn_is_overdue_once_a_key_should_have_begun(turning: Turning) -> None:
    ring = (await turning.directory.open(NOW)).ring
    assert not turning.rotation.is_overdue(ring, NOW + EVERY - 1)
    assert turning.rotation.is_overdue(ring, NOW + EVERY)


async def test_a_revoked_key_is_refused_here_at_once_and_the_next_one_takes_its_turn(
    turning: Turning,
) -> None:
    key = await turning.key(NOW)
    assert key is not None
    await turning.rotation.revoke(key.kid, NOW + 5)
    assert turning.view.revokes_key(key.kid)
    assert await turning.key(NOW + 5) is None
    ring = (await turning.directory.open(NOW + 5)).ring
    assert turning.rotation.is_due(ring, NOW + 5)
    await turning.rotation.turn(NOW + 5)
    after = await turning.key(NOW + 5 + SETTLED + 1)
    assert after is not None
    assert after.not_before == NOW + 5 + SETTLED + 1
    assert await turning.key(NOW + 5, Purpose.COOKIE) is not None


async def test_a_revocation_stands_although_no_key_can_be_made(turning: Turning) -> None:
    key = await turning.key(NOW)
    assert key is not None
    put(turning.path / "broken.pem", b"")
    await turning.rotation.revoke(key.kid, NOW)
    with pytest.raises(DocumentInvalid, match="broken"):
        await turning.rotation.turn(NOW)
    assert turning.view.revokes_key(key.kid)


@pytest.mark.parametrize("kid", ["", "nobody's", "\0", "\ud800", "x" * 1000])
async def test_a_key_that_nobody_knows_is_not_found(turning: Turning, kid: str) -> None:
    with pytest.raises(NotFound, match="there is no key"):
        await turning.rotation.revoke(kid, NOW)
    assert await turning.trail() == []


async def test_the_trail_says_who_made_and_who_revoked_which_key(turning: Turning) -> None:
    first = await turning.key(NOW)
    assert first is not None
    asked = await turning.rotation.rotate(TOKEN, NOW, at_once=False, alg=Algorithm.EDDSA)
    await turning.rotation.rotate(TOKEN, NOW, at_once=True)
    await turning.rotation.rotate(TOKEN, NOW, at_once=True)  # it changes nothing
    await turning.rotation.revoke(first.kid, NOW)
    await turning.rotation.revoke(first.kid, NOW + 1)
    await turning.rotation.turn(NOW + EVERY)
    made = {
        key.purpose: key.kid
        for key in (await turning.directory.open(NOW + EVERY)).ring.keys.values()
        if key.state(NOW + EVERY) is KeyState.NEXT
    }
    assert await turning.trail() == [
        ("key.rotated", "operator", asked.kid, "EdDSA"),
        ("key.rotated", "operator", asked.kid, "EdDSA"),  # it was brought forward
        ("key.revoked", "operator", first.kid, None),
        ("key.rotated", "service", made[TOKEN], "EdDSA"),
        ("key.rotated", "service", made[Purpose.COOKIE], "RS256"),
    ]
    rows = await turning.store.audit.read_events(AuditQuery(limit=20, action=Action.KEY_ROTATED))
    forward = [row.details.get("brought_forward") for row in reversed(rows)]
    assert forward == [None, True, None, None]


async def test_a_turn_of_which_the_trail_cannot_tell_is_made_and_a_warning(
    turning: Turning, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its files are there: who thinks that it failed would make another."""
    with closing(sqlite3.connect(tmp_path / "sidecar.db", isolation_level=None)) as database:
        database.execute(NO_TRAIL)
    assert await turning.rotation.turn(NOW + EVERY)
    key = await turning.rotation.rotate(TOKEN, NOW + 2 * EVERY, at_once=True)
    ring = (await turning.directory.open(NOW + EVERY)).ring
    assert key.kid in ring.keys
    assert len(ring.keys) == 2 * len(Purpose) + 1
    assert await turning.trail() == []
    warnings = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
    assert len(warnings) == 3
    assert warnings[-1].startswith(f"the audit trail lacks the turn to key {key.kid}: ")
