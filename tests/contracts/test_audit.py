"""The port AuditStore: the trail is written with what it tells, and read from its newest end."""

from dataclasses import replace
from typing import Any

import pytest

from sidecar.core.audit import (
    OPERATOR,
    SERVICE,
    Action,
    AuditEvent,
    AuditQuery,
    AuditRecord,
    Device,
)
from sidecar.stores.sql import SqlStore
from tests.contracts.sql_stores import NOW, read_tables, run_sql
from tests.contracts.trail import UndoneError, write_events, write_in_vain

pytestmark = pytest.mark.asyncio

ALL = AuditQuery(limit=1000)
REUSED = AuditEvent(
    at=NOW,
    action=Action.SESSION_REUSED,
    actor="id-of-alice",
    subject="s-1",
    device=Device("203.0.113.7", "curl/8 \u00e9"),
    details={"first": {"address": "2001:db8::1", "user_agent": None}, "generation": 3},
)
ADDED = AuditEvent(NOW + 1, Action.CLIENT_ADDED, OPERATOR, "exporter")
ROTATED = AuditEvent(NOW + 2, Action.KEY_ROTATED, SERVICE, "k-1")
REMOVED = AuditEvent(NOW + 2, Action.CLIENT_REMOVED, "id-of-alice", "exporter")
TRAIL = (REUSED, ADDED, ROTATED, REMOVED)


def as_written(record: AuditRecord) -> AuditEvent:
    return AuditEvent(
        record.at,
        Action(record.action),
        record.actor,
        record.subject,
        record.device,
        record.details,
    )


async def test_an_empty_trail_has_no_rows(store: SqlStore) -> None:
    assert await store.audit.read_events(ALL) == []


async def test_what_was_written_is_read_as_it_was_the_newest_first(store: SqlStore) -> None:
    await write_events(store, *TRAIL)
    found = await store.audit.read_events(ALL)
    assert [as_written(each) for each in found] == list(reversed(TRAIL))
    ids = [each.id for each in found]
    assert ids == sorted(set(ids), reverse=True)


@pytest.mark.parametrize(
    ("conditions", "places"),
    [
        ({}, [3, 2, 1, 0]),
        ({"limit": 1}, [3]),
        ({"limit": 4}, [3, 2, 1, 0]),
        ({"limit": 3}, [3, 2, 1]),
        ({"action": Action.CLIENT_ADDED}, [1]),
        ({"action": Action.TOKEN_ADDED}, []),
        ({"actor": "id-of-alice"}, [3, 0]),
        ({"actor": "id-of-alice", "limit": 1}, [3]),
        ({"actor": "id-of-alic"}, []),
        ({"actor": "ID-OF-ALICE"}, []),
        ({"actor": "id_of_alice"}, []),  # no pattern of LIKE
        ({"actor": ""}, []),
        ({"subject": "exporter"}, [3, 1]),
        ({"subject": "%"}, []),
        ({"subject": "exporter", "actor": OPERATOR}, [1]),
        ({"subject": "exporter", "actor": SERVICE}, []),
        ({"subject": "exporter", "actor": OPERATOR, "action": Action.CLIENT_REMOVED}, []),
    ],
    ids=str,
)
async def test_every_condition_of_a_query_holds(
    store: SqlStore, conditions: dict[str, Any], places: list[int]
) -> None:
    await write_events(store, *TRAIL)
    found = await store.audit.read_events(replace(ALL, **conditions))
    assert [as_written(each) for each in found] == [TRAIL[place] for place in places]


async def test_pages_have_every_row_once_also_while_others_write(store: SqlStore) -> None:
    await write_events(store, *TRAIL)
    pages: list[AuditRecord] = []
    before = None
    while found := await store.audit.read_events(AuditQuery(limit=1, before=before)):
        pages += found
        before = found[-1].id
        await write_events(store, ADDED)
    assert [as_written(each) for each in pages] == list(reversed(TRAIL))


async def test_no_row_is_older_than_the_first(store: SqlStore) -> None:
    await write_events(store, REUSED, ADDED)
    newest, first = await store.audit.read_events(ALL)
    assert await store.audit.read_events(replace(ALL, before=newest.id)) == [first]
    assert await store.audit.read_events(replace(ALL, before=first.id)) == []
    assert await store.audit.read_events(replace(ALL, before=1)) == []


async def test_a_transaction_that_fails_leaves_no_row(store: SqlStore, database_url: str) -> None:
    before = await read_tables(database_url)
    with pytest.raises(UndoneError):
        await write_in_vain(store, REUSED)
    assert await read_tables(database_url) == before
    assert await store.audit.read_events(ALL) == []


async def test_an_action_of_a_newer_version_is_read_as_it_stands(
    store: SqlStore, database_url: str
) -> None:
    await run_sql(
        database_url,
        "INSERT INTO audit (at, action, actor, subject, details)"
        " VALUES (1, 'moon.landed', 'operator', 'apollo', '{}')",
    )
    (found,) = await store.audit.read_events(ALL)
    assert (found.action, found.device, found.details) == ("moon.landed", Device(), {})
