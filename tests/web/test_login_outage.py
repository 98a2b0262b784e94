"""A database that takes no writes: logins fail, readiness says so, and nobody is slowed by it."""

import asyncio
import logging
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager

import pytest
import sqlalchemy as sa

from sidecar.core.audit import UNKNOWN_DEVICE
from sidecar.core.keyring import KeyRing
from sidecar.core.throttle import USER
from sidecar.core.verdict import Deny, Reason
from sidecar.credentials import throttle
from sidecar.web.context import CONTEXT
from tests.web.asked import GOOD, Asked, ask, bearer, change, database, log_in, refresh, rows
from tests.web.conftest import Web
from tests.web.phones import Phone, add_phone
from tests.web.test_degraded import read_gauges
from tests.web.test_login_throttle import at, know
from tests.web.test_operations import operate

pytestmark = pytest.mark.asyncio


@contextmanager
def full_disk(web: Web) -> Iterator[None]:
    """Let the database have no page more in the block, and each attempt want some."""
    execute(web, "CREATE TABLE filler (octets)")
    wanting = "INSERT INTO filler VALUES (randomblob(100000))"
    execute(web, f"CREATE TRIGGER want AFTER INSERT ON throttle BEGIN {wanting}; END")
    pages = 1  # SQLite takes what the file has, where that is more

    def limit(connection: sa.Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    used = web.serving.services.store._database
    assert used._alone is not None
    for engine in (used._engine.sync_engine, used._alone._engine):
        sa.event.listen(engine, "begin", limit)  # the limit is each connection's own
    yield
    pages = 1_000_000


def execute(web: Web, statement: str) -> None:
    with closing(sqlite3.connect(database(web))) as connection, connection:
        connection.execute(statement)


@asynccontextmanager
async def without(web: Web, table: str) -> AsyncIterator[None]:
    """Let all work but what needs this table, for the length of the block.

    By threads: the service, which may hold the file's lock, goes on meanwhile.
    """
    await asyncio.to_thread(execute, web, f"ALTER TABLE {table} RENAME TO away")
    try:
        yield
    finally:
        await asyncio.to_thread(execute, web, f"ALTER TABLE away RENAME TO {table}")


def outcomes(web: Web) -> Counter[str]:
    """Return how attempts ended so far."""
    return web.runner.app[CONTEXT].login.outcomes


async def degraded(web: Web) -> tuple[int, list[str]]:
    """Return what readiness says."""
    answer: Asked = await operate(web, "/readyz")
    return answer.status, answer.json["degraded"]


async def test_readiness_names_a_database_that_refuses_writes_until_it_takes_one(
    served: Web, caplog: pytest.LogCaptureFixture
) -> None:
    await served.add_user()
    tokens = await served.log_in()
    assert await degraded(served) == (200, [])
    with full_disk(served):
        assert (await log_in(served)).status == 503
        assert "database or disk is full" in str([vars(each) for each in caplog.records])
        assert await degraded(served) == (200, ["sql"])
        assert (await read_gauges(served))["sql"] == 1
        assert (await ask(served, "GET", "/me", bearer(tokens["access_token"]))).status == 200
    await served.serving.services.store.sweep.purge(0, refresh_ttl=0)
    assert await degraded(served) == (200, ["sql"]), "where nothing is changed nothing is proved"
    assert (await refresh(served, tokens["refresh_token"])).status == 200
    assert await degraded(served) == (200, [])
    assert (await read_gauges(served))["sql"] == 0


async def test_an_attempt_that_could_not_be_answered_is_counted_as_that(served: Web) -> None:
    await served.add_user()
    with full_disk(served):
        for cookie in (False, True):
            assert (await log_in(served, cookie=cookie)).status == 503
    assert outcomes(served) == {"unavailable": 2}


async def test_who_is_right_while_no_login_can_be_finished_is_let_in_afterwards(
    served: Web,
) -> None:
    await served.add_user()
    async with without(served, "sessions"):
        for _ in range(USER.free + 1):
            assert (await log_in(served)).status == 503
        assert (await log_in(served, password="wrong")).status == 401
    assert (await log_in(served)).status == 200
    assert outcomes(served) == {"unavailable": USER.free + 1, "invalid_credentials": 1, "ok": 1}


async def test_who_confirms_a_second_factor_meanwhile_can_do_so_afterwards(served: Web) -> None:
    await served.add_user()
    who = bearer((await served.log_in())["access_token"])
    phone = Phone.of((await ask(served, "POST", "/me/otp", who)).json["secret"])
    async with without(served, "recovery_codes"):
        for _ in range(USER.free + 1):
            answer = await ask(served, "POST", "/me/otp/confirm", who, {"otp": phone.read()})
            answer.assert_problem(503, "unavailable")
    answer = await ask(served, "POST", "/me/otp/confirm", who, {"otp": phone.read()})
    assert answer.status == 200


async def test_who_errs_meanwhile_still_counts(served: Web) -> None:
    await served.add_user()
    async with without(served, "sessions"):
        guesses = [log_in(served, password="wrong") for _ in range(4)]
        for answer in await asyncio.gather(*guesses):
            assert answer.status == 401
    assert outcomes(served) == {"invalid_credentials": 4}
    counts = dict(await served.serving.services.store.throttle.list_tallies())
    tag = served.serving.throttle.names.tag("alice")
    assert counts[f"user:{tag}"].count == 4


async def test_a_second_factor_that_does_not_open_slows_nobody(served: Web) -> None:
    phone = await add_phone(served, "alice")
    await change(served, "UPDATE factors SET secret = 'AAAA' || substr(secret, 5)")
    for _ in range(2):
        answer = await log_in(served, otp=phone.read())
        answer.assert_problem(503, "unavailable")
    tallies = await served.serving.services.store.throttle.list_tallies()
    assert {key.partition(":")[0] for key, _ in tallies} <= {"logins"}
    assert outcomes(served)["unavailable"] == 2


async def test_while_strangers_wait_for_their_turn_who_is_known_does_not(
    served: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    await served.add_user()
    cookie = await know(served)
    monkeypatch.setattr(throttle, "LONGEST_WAIT", 0.05)
    async with served.serving.throttle._pace.turn():
        (await log_in(served)).assert_problem(503, "unavailable")
        known = await ask(served, "POST", "/login", at("192.0.2.77", cookie), GOOD)
        assert known.status == 200


async def test_a_ticket_that_is_none_is_an_outcome_too(served: Web) -> None:
    login = served.runner.app[CONTEXT].login
    answer = await login.log_in_ticket("no ticket", "123456", UNKNOWN_DEVICE, 1_700_000_000, None)
    assert answer == Deny(Reason.INVALID_GRANT)
    assert outcomes(served) == {"invalid_grant": 1}


async def test_a_refusal_for_the_code_names_whose_it_is_in_the_log(
    served: Web, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sidecar")
    phone = await add_phone(served, "alice")
    for members, reason in (({}, "otp_required"), ({"otp": phone.misread()}, "otp_invalid")):
        caplog.clear()
        (await log_in(served, **members)).assert_problem(401, reason)
        (line,) = [each for each in caplog.records if each.getMessage() == "login refused"]
        (alice,) = await served.serving.services.accounts.list()
        assert (line.__dict__["reason"], line.__dict__["sub"]) == (reason, alice.id)


@pytest.mark.parametrize("cookie", [False, True])
async def test_without_a_key_that_signs_no_session_begins(served: Web, *, cookie: bool) -> None:
    await served.add_user()
    ring, served.serving.gate.ring = served.serving.gate.ring, KeyRing.of([])
    (await log_in(served, cookie=cookie)).assert_problem(503, "unavailable")
    assert served.runner.app[CONTEXT].login.outcomes == {"unavailable": 1}
    assert [row for row in await rows(served) if 'INTO "sessions"' in row] == []
    served.serving.gate.ring = ring
    assert (await log_in(served, cookie=cookie)).status == 200
