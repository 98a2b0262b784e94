"""The OpenAPI document: it names each route and no other, and is what OpenAPI 3.1 calls valid."""

import json
from typing import Any

import pytest
import schemathesis

from sidecar.schemas.oauth import GRANT_TYPES
from sidecar.web.documented import ROWS, UNDOCUMENTED
from sidecar.web.oauth.grants import GRANTS
from sidecar.web.openapi import dump_openapi
from sidecar.web.routes import PUBLIC
from tests.web.asked import ask
from tests.web.conftest import Web

BASE = "https://auth.example.com/auth"
DOCUMENT: dict[str, Any] = json.loads(dump_openapi(BASE, "__Host-sidecar"))
OPERATIONS = [
    (method.upper(), path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]
NAMES = [f"{method} {path}" for method, path, _ in OPERATIONS]


def test_each_route_is_documented_or_left_out_by_name() -> None:
    routes = [(method, path) for method, path, _ in PUBLIC]
    assert len(set(routes)) == len(routes)
    assert set(routes) == set(ROWS) | UNDOCUMENTED
    assert set(ROWS).isdisjoint(UNDOCUMENTED)
    assert {(method, path) for method, path, _ in OPERATIONS} == set(ROWS)


def test_it_is_made_once_for_all_who_ask() -> None:
    """It takes tens of milliseconds, and anybody may ask for it as often as they like."""
    assert dump_openapi(BASE, "__Host-sidecar") is dump_openapi(BASE, "__Host-sidecar")


def test_what_is_left_out_is_for_browsers() -> None:
    pages = ("/login", "/logout", "/reset", "/account", "/admin", "/static/", "/openapi.json")
    assert [path for _, path in UNDOCUMENTED if not path.startswith(pages)] == []


def test_it_is_valid() -> None:
    schemathesis.openapi.from_dict(DOCUMENT).validate()
    assert DOCUMENT["openapi"].startswith("3.1.")
    assert DOCUMENT["servers"] == [{"url": BASE}]


def test_each_reference_has_something_at_its_end() -> None:
    def walk(value: object) -> list[str]:
        match value:
            case {"$ref": str(found)}:
                return [found]
            case dict():
                return [each for inner in value.values() for each in walk(inner)]
            case list():
                return [each for inner in value for each in walk(inner)]
            case _:
                return []

    ends = {
        f"#/components/{kind}/{name}"
        for kind in ("schemas", "responses")
        for name in DOCUMENT["components"][kind]
    }
    assert set(walk(DOCUMENT)) == ends


def test_each_operation_has_a_name_of_its_own() -> None:
    names = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=NAMES)
def test_each_operation_says_what_it_does_and_how_it_fails(
    method: str, path: str, operation: dict[str, Any]
) -> None:
    assert 5 < len(operation["summary"]) < 120
    assert not operation["summary"].endswith(".")
    statuses = set(operation["responses"])
    assert any(status.startswith("2") for status in statuses)
    if operation["security"] != [{}]:
        assert {"401", "403"} <= statuses
    if "{" in path:
        assert "404" in statuses
    if method == "PATCH":
        assert {"412", "428", "422", "400", "415"} <= statuses


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("User", False),
        ("Client", False),
        ("Token", False),
        ("NewUser", True),
        ("UserChange", True),
        ("OwnChange", True),
        ("NewClient", True),
        ("ClientChange", True),
        ("NewToken", True),
    ],
)
def test_ids_and_dates_are_shown_and_passwords_are_sent(name: str, *, sent: bool) -> None:
    schema = DOCUMENT["components"]["schemas"][name]
    members = set(schema["properties"])
    shown = {"id", "client_id", "created_at", "updated_at", "used_at"}
    assert bool(members & shown) is not sent
    assert (schema.get("additionalProperties") is False) is sent
    if not sent:
        assert "password" not in members
        assert set(schema["required"]) == members


def test_a_change_needs_no_member() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert {
        name for name in schemas if name.endswith("Change") and "required" in schemas[name]
    } == (set())
    assert set(schemas["NewUser"]["required"]) == {"username", "password"}


def test_what_is_sent_is_described_as_sent() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    told = [schema["description"] for schema in schemas.values() if "description" in schema]
    assert len(set(told)) == len(told)


def test_no_description_is_a_complaint() -> None:
    def walk(value: object) -> list[str]:
        match value:
            case dict():
                told = value.get("description")
                own = [told] if isinstance(told, str) else []
                return own + [text for inner in value.values() for text in walk(inner)]
            case list():
                return [text for inner in value for text in walk(inner)]
            case _:
                return []

    told = walk(DOCUMENT)
    assert "an e-mail address" in told
    assert [text for text in told if text.startswith(("must ", "is not ", "is no "))] == []


def test_a_confirmation_is_of_nothing_that_could_be_missing() -> None:
    assert "404" not in DOCUMENT["paths"]["/me/otp/confirm"]["post"]["responses"]


def test_the_grants_are_those_that_there_are() -> None:
    assert set(GRANT_TYPES) == set(GRANTS)


@pytest.mark.asyncio(loop_scope="module")
async def test_it_is_answered_with_a_version_that_saves_the_next_answer(settled: Web) -> None:
    answer = await ask(settled, "GET", "/openapi.json")
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
    assert json.loads(answer.body)["paths"].keys() == DOCUMENT["paths"].keys()
    assert json.loads(answer.body)["servers"] == [{"url": "http://auth.example.com"}]
    again = await ask(settled, "GET", "/openapi.json", {"If-None-Match": answer.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")
    other = await ask(settled, "GET", "/openapi.json", {"If-None-Match": '"other"'})
    assert other.status == 200
