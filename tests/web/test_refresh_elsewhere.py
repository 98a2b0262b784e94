"""A refresh token that two devices hold: what is noted, what is ended, and what it costs."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from sidecar.core.audit import Device
from sidecar.core.token import seal_token
from sidecar.credentials import mint as mint_module
from sidecar.rotation.refresh import MOST_NOTED
from sidecar.web.context import CONTEXT
from tests.web.asked import Asked, age_sessions, ask, claims_of, is_let_in, read_trail
from tests.web.conftest import Web

pytestmark = pytest.mark.asyncio

GRACE = 30  # seconds, tokens.refresh_grace
DESK = {"User-Agent": "desk/1", "X-Forwarded-For": "192.0.2.1"}
PHONE = {"User-Agent": "phone/2", "X-Forwarded-For": "2001:db8::2"}
MOVED = {"User-Agent": "desk/1", "X-Forwarded-For": "198.51.100.7"}
UPDATED = {"User-Agent": "desk/2", "X-Forwarded-For": "192.0.2.1"}


async def turn(web: Web, token: str, device: dict[str, str]) -> Asked:
    """Show a refresh token from a device."""
    return await ask(web, "POST", "/refresh", device, {"refresh_token": token})


async def replays(web: Web) -> float:
    """Return what the metric says."""
    octets = await asyncio.to_thread(web.runner.app[CONTEXT].health.render_metrics)
    (line,) = [
        line
        for line in octets.decode().splitlines()
        if line.startswith("sidecar_refresh_replays_elsewhere_t")
    ]
    return float(line.rpartition(" ")[2])


async def test_the_same_device_again_within_the_grace_is_nothing_to_note(served: Web) -> None:
    await served.add_user()
    first = (await served.log_in())["refresh_token"]
    for _ in range(3):
        assert (await turn(served, first, DESK)).status == 200
    assert await read_trail(served) == []
    assert await replays(served) == 0


def noted(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Return what was logged of refresh tokens; a machine that is busy has other things to say."""
    return [record for record in caplog.records if record.name == "sidecar.rotation"]


@pytest.mark.parametrize("elsewhere", [PHONE, MOVED, UPDATED, {}])
async def test_another_device_within_the_grace_gets_the_successor_and_is_noted(
    served: Web, elsewhere: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "sidecar.rotation")
    user = await served.add_user()
    first = await served.log_in()
    here = (await turn(served, first["refresh_token"], DESK)).json
    answer = await turn(served, first["refresh_token"], elsewhere)
    assert answer.json["refresh_token"] == here["refresh_token"]
    (record,) = await read_trail(served)
    sid = claims_of(first["access_token"])["sid"]
    assert (record.action, record.actor, record.subject) == ("session.replayed", "service", sid)
    address = elsewhere.get("X-Forwarded-For")
    assert record.device == Device(address, elsewhere.get("User-Agent"))
    assert record.details == {
        "sub": user.id,
        "last_address": "192.0.2.1",
        "last_user_agent": "desk/1",
    }
    assert await replays(served) == 1
    (line,) = noted(caplog)
    assert (line.levelname, vars(line)["sid"]) == ("WARNING", sid)
    assert vars(line)["address"] == address


async def test_a_device_that_shows_a_spent_token_again_and_again_is_noted_once(
    served: Web, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "sidecar.rotation")
    await served.add_user()
    first = (await served.log_in())["refresh_token"]
    second = (await turn(served, first, DESK)).json["refresh_token"]
    for device in (PHONE, MOVED) * 3:
        assert (await turn(served, first, device)).status == 200
    assert len(await read_trail(served)) == len(noted(caplog)) == 2
    assert await replays(served) == 6
    # What comes back of the next generation is news.
    assert (await turn(served, second, DESK)).status == 200
    assert (await turn(served, second, PHONE)).status == 200
    assert len(await read_trail(served)) == len(noted(caplog)) == 3


async def test_however_many_devices_one_calls_itself_few_are_noted(
    served: Web, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "sidecar.rotation")
    await served.add_user()
    first = (await served.log_in())["refresh_token"]
    await turn(served, first, DESK)
    for number in range(MOST_NOTED + 3):
        answer = await turn(served, first, {"User-Agent": f"thief/{number}"})
        assert answer.status == 200
    assert len(await read_trail(served)) == len(noted(caplog)) == MOST_NOTED
    # Nobody else goes unnoticed for that.
    other = (await served.log_in())["refresh_token"]
    await turn(served, other, DESK)
    await turn(served, other, PHONE)
    assert len(await read_trail(served)) == MOST_NOTED + 1


async def test_where_the_trail_cannot_be_written_nobody_is_logged_out(
    served: Web, caplog: pytest.LogCaptureFixture
) -> None:
    await served.add_user()
    first = (await served.log_in())["refresh_token"]
    here = (await turn(served, first, DESK)).json
    await change_schema(served, "ALTER TABLE audit RENAME TO away")
    answer = await turn(served, first, PHONE)
    assert (answer.status, answer.json["refresh_token"]) == (200, here["refresh_token"])
    assert await replays(served) == 1
    assert "a refresh token was shown again from elsewhere" in caplog.text
    assert "the audit trail lacks it" in caplog.text


async def test_an_old_token_ends_the_session_and_both_devices_are_noted(
    served: Web, caplog: pytest.LogCaptureFixture
) -> None:
    user = await served.add_user()
    first = await served.log_in()
    second = (await turn(served, first["refresh_token"], DESK)).json
    await age_sessions(served, GRACE)
    for _ in range(3):
        refused = await turn(served, first["refresh_token"], PHONE)
        refused.assert_problem(401, "invalid_grant")
    assert not await is_let_in(served, second["access_token"])
    (record,) = await read_trail(served)
    sid = claims_of(first["access_token"])["sid"]
    assert (record.action, record.actor, record.subject) == ("session.reused", "service", sid)
    assert record.device == Device("2001:db8::2", "phone/2")
    assert record.details == {
        "sub": user.id,
        "last_address": "192.0.2.1",
        "last_user_agent": "desk/1",
    }
    (line,) = [each for each in caplog.records if each.name == "sidecar.rotation"]
    assert (line.levelname, vars(line)["sid"]) == ("WARNING", sid)
    for token in (first["refresh_token"], second["refresh_token"]):
        assert token not in caplog.text
        assert token not in str(record)
    assert await replays(served) == 0


async def test_a_session_whose_end_cannot_be_noted_is_not_ended_yet(served: Web) -> None:
    await served.add_user()
    first = await served.log_in()
    second = (await turn(served, first["refresh_token"], DESK)).json
    await age_sessions(served, GRACE)
    await change_schema(served, "ALTER TABLE audit RENAME TO away")
    (await turn(served, first["refresh_token"], PHONE)).assert_problem(503, "unavailable")
    assert await is_let_in(served, second["access_token"])
    await change_schema(served, "ALTER TABLE away RENAME TO audit")
    (await turn(served, first["refresh_token"], PHONE)).assert_problem(401, "invalid_grant")
    assert not await is_let_in(served, second["access_token"])


async def test_a_refused_refresh_notes_nothing(served: Web) -> None:
    await served.add_user()
    first = await served.log_in()
    await ask(served, "POST", "/logout", body={"refresh_token": first["refresh_token"]})
    for token in (first["refresh_token"], "x", "A" * 70):
        (await turn(served, token, PHONE)).assert_problem(401, "invalid_grant")
    assert await read_trail(served) == []


async def change_schema(web: Web, statement: str) -> None:
    """Change the tables as nobody should."""
    async with web.serving.services.store._database.write() as connection:
        await connection.execute(sa.text(statement))


@contextmanager
def counting(web: Web, statements: list[str]) -> Iterator[None]:
    """Note every statement but those that begin and end transactions."""
    engine = web.serving.services.store._database._engine.sync_engine

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith("BEGIN"):
            statements.append(statement.partition(" ")[0])

    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


async def test_a_refresh_costs_two_statements_and_one_signature(
    served: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    await served.add_user()
    first = (await served.log_in())["refresh_token"]
    seals: list[str] = []
    real = seal_token

    def seal(*arguments: object) -> str:
        seals.append("signature")
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(mint_module, "seal_token", seal)
    for device, expected in (
        (DESK, ["SELECT", "UPDATE"]),
        (DESK, ["SELECT"]),  # again, within the grace
        (PHONE, ["SELECT", "INSERT"]),  # with the row of the trail
    ):
        statements: list[str] = []
        seals.clear()
        with counting(served, statements):
            assert (await turn(served, first, device)).status == 200
        assert (statements, seals) == (expected, ["signature"])


async def test_a_refused_refresh_costs_no_signature_and_at_most_one_statement(
    served: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    await served.add_user()
    ended = await served.log_in()
    await ask(served, "POST", "/logout", body={"refresh_token": ended["refresh_token"]})
    monkeypatch.delattr(mint_module, "seal_token")
    for token, expected in ((ended["refresh_token"], ["SELECT"]), ("x", []), ("A" * 70, [])):
        statements: list[str] = []
        with counting(served, statements):
            (await turn(served, token, DESK)).assert_problem(401, "invalid_grant")
        assert statements == expected
