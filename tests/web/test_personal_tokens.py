"""`/me/tokens`: what people may give their scripts, and who may not give any."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest
import pytest_asyncio

from sidecar.core.claims import TokenKind
from tests.web.asked import Asked, ask, bearer
from tests.web.conftest import PUBLIC_URL, in_one_task
from tests.web.gated import PROGRAM, Gated
from tests.web.scripts import Scripts, basic, serving_scripts, shown

pytestmark = pytest.mark.asyncio(loop_scope="module")

DAY = 86_400


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scripts(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scripts]:
    """Run a service for all questions of a module."""
    async with in_one_task(serving_scripts(tmp_path_factory.mktemp("scripts"))) as running:
        yield running


async def post(scripts: Scripts, body: object, name: str = "alice") -> Asked:
    return await scripts.call("POST", "/me/tokens", name, body)


async def ids(scripts: Scripts) -> set[str]:
    return {each["id"] for each in (await scripts.call("GET", "/me/tokens")).json["items"]}


def seconds_between(first: str, second: str) -> float:
    return (datetime.fromisoformat(second) - datetime.fromisoformat(first)).total_seconds()


async def test_a_token_is_told_once_with_all_that_it_is(scripts: Scripts) -> None:
    body = {
        "name": "nightly backup",
        "scopes": ["reports", "orders:read", "reports"],
        "networks": ["10.0.0.0/8", "2001:db8::1", "10.0.0.0/8"],
        "expires_in": 3600,
    }
    made = await post(scripts, body)
    assert made.status == 201
    told: dict[str, Any] = made.json
    text = told.pop("token")
    assert text.startswith("sidecar_pat_")
    assert made.headers.getall("Cache-Control") == ["no-store"]
    assert made.headers["Location"] == f"{PUBLIC_URL}/me/tokens/{told['id']}"
    assert seconds_between(told["created_at"], told["expires_at"]) == 3600
    assert told == {
        "id": told["id"],
        "name": "nightly backup",
        "scopes": ["orders:read", "reports"],
        "networks": ["10.0.0.0/8", "2001:db8::1/128"],
        "created_at": told["created_at"],
        "expires_at": told["expires_at"],
        "used_at": None,
    }
    listed = (await scripts.call("GET", "/me/tokens")).json
    assert listed["next"] is None
    assert told in listed["items"]


async def test_what_is_left_out_is_nothing_and_ninety_days(scripts: Scripts) -> None:
    told = (await post(scripts, {"name": "a"})).json
    assert (told["scopes"], told["networks"]) == ([], None)
    assert seconds_between(told["created_at"], told["expires_at"]) == 90 * DAY


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["/name"]),
        ({"name": ""}, ["/name"]),
        ({"name": " a"}, ["/name"]),
        ({"name": "a" * 65}, ["/name"]),
        ({"name": "a\nb"}, ["/name"]),
        ({"name": "a\u202eb"}, ["/name"]),
        ({"name": "\ud800"}, ["/name"]),
        ({"name": None}, ["/name"]),
        ({"name": 1}, ["/name"]),
        ({"name": "a", "scopes": None}, ["/scopes"]),
        ({"name": "a", "scopes": "orders:read"}, ["/scopes"]),
        ({"name": "a", "scopes": [""]}, ["/scopes/0"]),
        ({"name": "a", "scopes": ["orders:read reports"]}, ["/scopes/0"]),
        ({"name": "a", "scopes": ["orders:read", 'a"b']}, ["/scopes/1"]),
        ({"name": "a", "scopes": ["audit"]}, ["/scopes/0"]),
        ({"name": "a", "scopes": ["orders:read", "Orders:Read"]}, ["/scopes/1"]),
        ({"name": "a", "scopes": ["*"]}, ["/scopes/0"]),
        ({"name": "a", "networks": []}, ["/networks"]),
        ({"name": "a", "networks": "10.0.0.0/8"}, ["/networks"]),
        ({"name": "a", "networks": ["10.0.0.1/8"]}, ["/networks/0"]),
        ({"name": "a", "networks": ["10.0.0.0/33"]}, ["/networks/0"]),
        ({"name": "a", "networks": ["::ffff:10.0.0.1"]}, ["/networks/0"]),
        ({"name": "a", "networks": ["app.example.com"]}, ["/networks/0"]),
        ({"name": "a", "networks": ["10.0.0.1", ""]}, ["/networks/1"]),
        ({"name": "a", "networks": [f"10.0.0.{n}" for n in range(33)]}, ["/networks"]),
        ({"name": "a", "expires_in": 0}, ["/expires_in"]),
        ({"name": "a", "expires_in": -1}, ["/expires_in"]),
        ({"name": "a", "expires_in": 400 * DAY + 1}, ["/expires_in"]),
        ({"name": "a", "expires_in": 10**30}, ["/expires_in"]),
        ({"name": "a", "expires_in": 3600.0}, ["/expires_in"]),
        ({"name": "a", "expires_in": "3600"}, ["/expires_in"]),
        ({"name": "a", "expires_in": True}, ["/expires_in"]),
        ({"name": "a", "expires_in": None}, ["/expires_in"]),
        ({"name": "a", "id": "x"}, ["/id"]),
        ({"name": "a", "token": "x"}, ["/token"]),
        ({"name": "a", "created_at": 1}, ["/created_at"]),
        ({"name": "a", "owner": "root"}, ["/owner"]),
        ({"name": "", "scopes": 1, "expires_in": 0}, ["/expires_in", "/name", "/scopes"]),
    ],
    ids=ascii,
)
async def test_what_no_token_can_be_is_refused_field_by_field(
    scripts: Scripts, body: dict[str, Any], pointers: list[str]
) -> None:
    before = await ids(scripts)
    problem = (await post(scripts, body)).assert_problem(422, "fields_invalid")
    assert sorted(each["pointer"] for each in problem["errors"]) == pointers
    assert await ids(scripts) <= before  # one that ends meanwhile is listed no more


@pytest.mark.parametrize(
    ("body", "name", "status"),
    [
        ({"name": "x" * 64}, "alice", 201),
        ({"name": "a", "expires_in": 1}, "alice", 201),
        ({"name": "a", "expires_in": 400 * DAY}, "alice", 201),
        ({"name": "a", "networks": [f"10.0.0.{n}" for n in range(32)]}, "alice", 201),
        ({"name": "a", "networks": None}, "alice", 201),
        ({"name": "a", "scopes": ["audit"]}, "root", 201),
        (b'{"name": "a", "name": "b"}', "alice", 400),
        (b"", "alice", 415),
        (b"name=a", "alice", 415),
    ],
    ids=ascii,
)
async def test_bounds_and_bodies(scripts: Scripts, body: object, name: str, status: int) -> None:
    headers = dict(scripts.callers[name])
    if status == 400:
        headers["Content-Type"] = "application/json"
    assert (await ask(scripts.web, "POST", "/me/tokens", headers, body)).status == status


async def test_a_token_that_was_taken_back_is_listed_no_more(scripts: Scripts) -> None:
    given = await scripts.give()
    await scripts.remove(given)
    listed = (await scripts.call("GET", "/me/tokens")).json["items"]
    assert given.id not in {each["id"] for each in listed}
    again = await scripts.call("DELETE", f"/me/tokens/{given.id}")
    again.assert_problem(404, "not_found")


async def test_other_peoples_tokens_are_not_there(scripts: Scripts) -> None:
    given = await scripts.give("root")
    listed = (await scripts.call("GET", "/me/tokens")).json["items"]
    assert given.id not in {each["id"] for each in listed}
    for token_id in (given.id, "x", "%00", "a" * 2000):
        refused = await scripts.call("DELETE", f"/me/tokens/{token_id}")
        refused.assert_problem(404, "not_found")
    assert (await scripts.verify("/", shown(given.text))).status == 200


async def test_nobody_gives_more_than_the_token_has_that_asks(scripts: Scripts) -> None:
    own = scripts.callers["alice"]["Authorization"].partition(" ")[2]
    narrowed = Gated(scripts.web, {}, {"alice": own}).resealed(
        TokenKind.ACCESS, jti="narrowed", scope="orders:read reports"
    )
    scopes = ["orders:read", "orders:write", "audit"]
    body = {"name": "a", "scopes": scopes}
    problem = (await ask(scripts.web, "POST", "/me/tokens", bearer(narrowed), body)).assert_problem(
        422, "fields_invalid"
    )
    assert problem["errors"] == [
        {"pointer": "/scopes/1", "detail": "is none of the scopes of the token that asks"},
        {"pointer": "/scopes/2", "detail": "is none of the owner's scopes"},
    ]
    body["scopes"] = ["orders:read"]
    assert (await ask(scripts.web, "POST", "/me/tokens", bearer(narrowed), body)).status == 201


ENDPOINTS = [
    ("GET", "/me"),
    ("GET", "/me/tokens"),
    ("POST", "/me/tokens"),
    ("DELETE", "/me/tokens/x"),
    ("GET", "/me/sessions"),
    ("GET", "/clients"),
    ("GET", "/audit"),
]


@pytest.mark.parametrize(("method", "path"), [*ENDPOINTS, ("POST", "/logout")])
async def test_a_personal_token_is_no_credential_here(
    scripts: Scripts, method: str, path: str
) -> None:
    token = await scripts.give("root")
    for name, value in (shown(token.text), basic(token.text)):
        body = {"name": "a"} if path == "/me/tokens" else None
        answer = await ask(scripts.web, method, path, {name: str(value)}, body)
        answer.assert_problem(401, "token_type")
    assert (await scripts.verify("/", shown(token.text))).status == 200


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
async def test_neither_program_nor_what_was_exchanged_gives_itself_more(
    scripts: Scripts, method: str, path: str
) -> None:
    own = scripts.callers["root"]["Authorization"].partition(" ")[2]
    people = Gated(scripts.web, {}, {"alice": own})
    for changes, reason in ((PROGRAM, "user_not_listed"), ({"amr": ("pat",)}, "amr_missing")):
        token = people.resealed(TokenKind.ACCESS, jti=f"{path}{reason}", **changes)
        answer = await ask(scripts.web, method, path, bearer(token), {"name": "a"})
        answer.assert_problem(403 if reason == "user_not_listed" else 401, reason)


async def test_nobody_is_given_a_token(scripts: Scripts) -> None:
    for method, path in ENDPOINTS[:4]:
        answer = await ask(scripts.web, method, path, {}, {"name": "a"})
        answer.assert_problem(401, "no_credential")
        assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_another_site_cannot_make_or_take_back_one_with_a_visitors_cookie(
    scripts: Scripts,
) -> None:
    given = await scripts.give()
    visitor = {"Cookie": await scripts.web.log_in_cookie(), "Origin": "https://evil.example"}
    made = await ask(scripts.web, "POST", "/me/tokens", visitor, {"name": "a"})
    made.assert_problem(403, "cross_site")
    gone = await ask(scripts.web, "DELETE", f"/me/tokens/{given.id}", visitor)
    gone.assert_problem(403, "cross_site")
    own = {**visitor, "Origin": PUBLIC_URL}
    assert (await ask(scripts.web, "POST", "/me/tokens", own, {"name": "a"})).status == 201
    assert (await ask(scripts.web, "DELETE", f"/me/tokens/{given.id}", own)).status == 204
