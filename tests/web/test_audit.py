"""`GET /audit`: the trail, for administrators who logged in and nobody else."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from sidecar.core.audit import OPERATOR, Action, AuditEvent, Device
from tests.contracts.trail import write_events
from tests.web.asked import ask, bearer, locked
from tests.web.conftest import Web, in_one_task, serving_web

pytestmark = pytest.mark.asyncio(loop_scope="module")

AT = 1_800_000_000  # 2027-01-15T08:00:00Z
REUSED = AuditEvent(
    at=AT,
    action=Action.SESSION_REUSED,
    actor="id-of-alice",
    subject="s-1",
    device=Device("203.0.113.7", "curl/8"),
    details={"generation": 3},
)
ADDED = AuditEvent(AT + 1, Action.CLIENT_ADDED, OPERATOR, "exporter")
FIRST = {
    "id": 3,
    "at": "2027-01-15T08:00:00Z",
    "action": "session.reused",
    "actor": "id-of-alice",
    "subject": "s-1",
    "address": "203.0.113.7",
    "user_agent": "curl/8",
    "details": {"generation": 3},
}
SECOND = {
    "id": 4,
    "at": "2027-01-15T08:00:01Z",
    "action": "client.added",
    "actor": "operator",
    "subject": "exporter",
    "address": None,
    "user_agent": None,
    "details": {},
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def audited(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Web]:
    """Run a service with an administrator, alice, and two rows in the trail after theirs."""
    async with in_one_task(serving_web(tmp_path_factory.mktemp("audited"))) as running:
        await running.add_user("root", "admin")
        await running.add_user("alice", "staff")
        await write_events(running.serving.services.store, REUSED, ADDED)
        yield running


async def log_in(web: Web, name: str = "root") -> dict[str, str]:
    return bearer((await web.log_in(name))["access_token"])


@pytest.mark.parametrize(
    ("query", "items", "following"),
    [
        ("", [SECOND, FIRST, 2, 1], None),
        ("?", [SECOND, FIRST, 2, 1], None),
        ("?limit=1", [SECOND], "4"),
        ("?limit=1&after=4", [FIRST], "3"),
        ("?limit=2", [SECOND, FIRST], "3"),
        ("?limit=2&after=3", [2, 1], None),
        ("?limit=4", [SECOND, FIRST, 2, 1], None),
        ("?limit=1000", [SECOND, FIRST, 2, 1], None),
        ("?after=1", [], None),
        ("?after=9223372036854775807", [SECOND, FIRST, 2, 1], None),
        ("?action=user.added", [2, 1], None),
        ("?action=client.added", [SECOND], None),
        ("?action=key.rotated", [], None),
        ("?actor=id-of-alice", [FIRST], None),
        ("?subject=s-1", [FIRST], None),
        ("?subject=s-1&actor=operator", [], None),
        ("?actor=%C3%A9", [], None),
    ],
)
async def test_an_administrator_reads_the_trail_from_its_newest_end(
    audited: Web, query: str, items: list[object], following: str | None
) -> None:
    answer = await ask(audited, "GET", f"/audit{query}", await log_in(audited))
    assert answer.status == 200
    added = {item["id"]: item for item in answer.json["items"] if item["action"] == "user.added"}
    expected = [added[item] if isinstance(item, int) else item for item in items]
    assert answer.json == {"items": expected, "next": following}
    assert answer.headers["Cache-Control"] == "no-store"


async def test_a_session_cookie_reads_it_too(audited: Web) -> None:
    cookie = await audited.log_in_cookie("root")
    answer = await ask(audited, "GET", "/audit", {"Cookie": cookie})
    assert [item["id"] for item in answer.json["items"]] == [4, 3, 2, 1]


NUMBER = "must be a whole number from 1 to "
IDS = f"{NUMBER}9223372036854775807"
TEXT = "must be text of 1 to 64 characters, none of them a control character"


@pytest.mark.parametrize(
    ("query", "pointer", "detail"),
    [
        ("limit=0", "/limit", f"{NUMBER}1000"),
        ("limit=1001", "/limit", f"{NUMBER}1000"),
        ("limit=-1", "/limit", f"{NUMBER}1000"),
        ("limit=", "/limit", f"{NUMBER}1000"),
        ("limit=1.0", "/limit", f"{NUMBER}1000"),
        ("limit=01", "/limit", f"{NUMBER}1000"),
        ("limit=1_0", "/limit", f"{NUMBER}1000"),
        ("limit=%20 1", "/limit", f"{NUMBER}1000"),
        ("limit=%D9%A1", "/limit", f"{NUMBER}1000"),  # a digit, but not one of ours
        ("limit=" + "9" * 5000, "/limit", f"{NUMBER}1000"),
        ("limit=1&limit=1", "/limit", "stands twice"),
        ("after=0", "/after", IDS),
        ("after=9223372036854775808", "/after", IDS),
        ("after=x", "/after", IDS),
        ("before=1", "/before", "is not known"),
        ("q=alice", "/q", "is not known"),
        ("Limit=1", "/Limit", "is not known"),
        ("actor=", "/actor", TEXT),
        ("actor=" + "a" * 65, "/actor", TEXT),
        ("subject=a%00b", "/subject", TEXT),
        ("subject=%E2%80%AE", "/subject", TEXT),
    ],
    ids=lambda value: str(value)[:24],
)
async def test_a_parameter_that_is_none_is_told(
    audited: Web, query: str, pointer: str, detail: str
) -> None:
    target = f"/audit?{query}".replace(" ", "+")
    members = (await ask(audited, "GET", target, await log_in(audited))).assert_problem(
        422, "fields_invalid"
    )
    assert members["errors"] == [{"pointer": pointer, "detail": detail}]


@pytest.mark.parametrize("action", ["", "client", "client.*", "CLIENT.ADDED", "client.added,x"])
async def test_an_action_that_there_is_not_is_told(audited: Web, action: str) -> None:
    answer = await ask(audited, "GET", f"/audit?action={action}", await log_in(audited))
    (error,) = answer.assert_problem(422, "fields_invalid")["errors"]
    assert error["pointer"] == "/action"
    assert error["detail"].startswith("must be session.reused, ")


async def test_nobody_else_reads_it(audited: Web) -> None:
    nobody = await ask(audited, "GET", "/audit?limit=0")  # who asks is looked at first
    nobody.assert_problem(401, "no_credential")
    forged = await ask(audited, "GET", "/audit", bearer("a.b.c"))
    assert forged.status == 401
    alice = await ask(audited, "GET", "/audit?limit=0", await log_in(audited, "alice"))
    alice.assert_problem(403, "role_missing")


async def test_an_administrator_who_logged_out_reads_it_no_more(audited: Web) -> None:
    headers = await log_in(audited)
    assert (await ask(audited, "POST", "/logout", headers)).status == 204
    assert (await ask(audited, "GET", "/audit", headers)).status == 401


async def test_without_the_store_there_is_no_answer(audited: Web) -> None:
    headers = await log_in(audited)
    async with locked(audited):
        (await ask(audited, "GET", "/audit", headers)).assert_problem(503, "unavailable")
