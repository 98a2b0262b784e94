"""`/users`: what is refused, and changes nothing."""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.programs.service import PASSWORD
from tests.web.asked import FORM, JSON, ask, locked, rows
from tests.web.conftest import in_one_task, serving_web
from tests.web.staff import NEW, Staff, make_staff, path_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAMES = {
    "empty": "",
    "too long": "x" * 65,
    "a space": "a b",
    "a comma": "a,b",
    "a colon": "a:b",
    "a line": "a\nb",
    "a bidirectional control": "a\u202eb",
    "nothing to be seen": "a\u200bb",
    "two scripts": "\u0430lice",
    "half a character": "a\udcff",
    "a number": 1,
    "a list": ["a"],
    "nothing": None,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def staffed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Staff]:
    async with in_one_task(serving_web(tmp_path_factory.mktemp("staffed"))) as running:
        yield await make_staff(running)


@pytest.mark.parametrize(
    ("field", "value", "pointer"),
    [
        *(("username", value, "/username") for value in NAMES.values()),
        ("email", "nobody", "/email"),
        ("email", "a@b\n", "/email"),
        ("email", "a\u202e@b", "/email"),
        ("email", "x" * 250 + "@b.org", "/email"),
        ("email", ["a@b"], "/email"),
        ("name", " A", "/name"),
        ("name", "A\x07", "/name"),
        ("name", "A\u2066B", "/name"),
        ("name", "\u0301\u0302", "/name"),
        ("name", "x" * 257, "/name"),
        ("name", {"first": "A"}, "/name"),
        ("roles", "admin", "/roles"),
        ("roles", None, "/roles"),
        ("roles", ["a b"], "/roles/0"),
        ("roles", ["a", ""], "/roles/1"),
        ("roles", [1], "/roles/0"),
        ("roles", [f"r{n}" for n in range(257)], "/roles"),
        ("roles", [f"{n:03}" + "x" * 61 for n in range(65)], "/roles"),
        ("password", "", "/password"),
        ("password", "short", "/password"),
        ("password", "x" * 1025, "/password"),
        ("password", f"{PASSWORD}\n", "/password"),
        ("password", f"{PASSWORD}\udcff", "/password"),
        ("password", "password123456", "/password"),
        ("password", 123_456_789_012, "/password"),
        ("password", None, "/password"),
        ("id", "x", "/id"),
        ("created_at", 1, "/created_at"),
        ("password_hash", "$argon2id$", "/password_hash"),
        ("epoch", 1, "/epoch"),
    ],
    ids=lambda value: ascii(value)[:30],
)
async def test_a_field_that_is_wrong_is_named_and_nothing_is_done(
    staffed: Staff, field: str, value: object, pointer: str
) -> None:
    before = await rows(staffed.web)
    added = await staffed.manage("POST", "/users", {**NEW, field: value})
    changed = await staffed.manage("PATCH", path_of(staffed.alice), {field: value}, seen='"0"')
    for answer in (added, changed):
        members = answer.assert_problem(422, "fields_invalid")
        assert [each["pointer"] for each in members["errors"]] == [pointer]
        assert all(each["detail"] for each in members["errors"])
    assert await rows(staffed.web) == before


@pytest.mark.parametrize("value", [0, 1, "true", None, []])
async def test_disabled_is_a_boolean(staffed: Staff, value: object) -> None:
    path = path_of(staffed.alice)
    answer = await staffed.manage("PATCH", path, {"disabled": value}, seen='"0"')
    (error,) = answer.assert_problem(422, "fields_invalid")["errors"]
    assert error["pointer"] == "/disabled"


async def test_nobody_is_made_disabled(staffed: Staff) -> None:
    answer = await staffed.manage("POST", "/users", {**NEW, "disabled": True})
    (error,) = answer.assert_problem(422, "fields_invalid")["errors"]
    assert error == {"pointer": "/disabled", "detail": "is not known"}


async def test_what_is_missing_is_named(staffed: Staff) -> None:
    errors = (await staffed.manage("POST", "/users", {})).assert_problem(422, "fields_invalid")
    assert sorted(each["pointer"] for each in errors["errors"]) == ["/password", "/username"]


async def test_every_wrong_field_is_named_at_once(staffed: Staff) -> None:
    body = {"username": "", "email": "x", "name": " ", "roles": [""], "more": 1}
    answer = await staffed.manage("POST", "/users", body)
    pointers = {each["pointer"] for each in answer.assert_problem(422, "fields_invalid")["errors"]}
    assert pointers == {"/username", "/email", "/name", "/roles/0", "/more", "/password"}


async def test_a_password_is_not_told_back(staffed: Staff) -> None:
    answer = await staffed.manage("POST", "/users", {**NEW, "password": "hunter2"})
    assert b"hunter2" not in answer.body


async def test_a_password_is_judged_by_the_names_that_somebody_has_then(staffed: Staff) -> None:
    password = "Quetzalcoatlus-27"
    added = await staffed.manage(
        "POST", "/users", {"username": "quetzalcoatlus", "password": password}
    )
    change = {"username": "quetzalcoatlus", "password": password}
    changed = await staffed.manage("PATCH", path_of(staffed.alice), change, seen='"0"')
    for answer in (added, changed):
        (error,) = answer.assert_problem(422, "fields_invalid")["errors"]
        assert error["pointer"] == "/password"


@pytest.mark.parametrize("spelling", ["alice", "ALICE", "\uff21lice", "Alice"])
async def test_a_taken_name_is_a_conflict_in_every_spelling(staffed: Staff, spelling: str) -> None:
    before = await rows(staffed.web)
    added = await staffed.manage("POST", "/users", {**NEW, "username": spelling})
    path = path_of(staffed.root)
    changed = await staffed.manage("PATCH", path, {"username": spelling}, seen='"0"')
    for answer in (added, changed):
        answer.assert_problem(409, "name_taken")
    assert await rows(staffed.web) == before


@pytest.mark.parametrize(
    "change", [{"disabled": True}, {"roles": []}, {"roles": ["Admin"]}, {"disabled": True} | NEW]
)
async def test_the_last_administrator_stays_one(staffed: Staff, change: dict[str, object]) -> None:
    before = await rows(staffed.web)
    answer = await staffed.manage("PATCH", path_of(staffed.root), change, seen='"0"')
    answer.assert_problem(409, "last_administrator")
    assert await rows(staffed.web) == before


async def test_the_last_administrator_is_not_removed(staffed: Staff) -> None:
    before = await rows(staffed.web)
    for seen in (None, '"0"', "*"):
        answer = await staffed.manage("DELETE", path_of(staffed.root), seen=seen)
        answer.assert_problem(409, "last_administrator")
    assert await rows(staffed.web) == before


async def test_a_change_without_a_version_is_not_made(staffed: Staff) -> None:
    answer = await staffed.manage("PATCH", path_of(staffed.alice), {"name": "X"})
    answer.assert_problem(428, "precondition_required")
    assert (await staffed.read(staffed.alice)).json["name"] == "Alice"


@pytest.mark.parametrize(
    "seen", ['"1"', "0", 'W/"0"', '"0", "1"', '""', '"x"', "", '"-0"', '"\u0660"', '"0" x']
)
async def test_what_is_not_its_version_matches_nothing(staffed: Staff, seen: str) -> None:
    path = path_of(staffed.alice)
    for method, body in (("PATCH", {"name": "X"}), ("DELETE", None)):
        answer = await staffed.manage(method, path, body, seen=seen)
        answer.assert_problem(412, "version_mismatch")
    assert (await staffed.read(staffed.alice)).json["name"] == "Alice"


ODD_IDS = ("%00", "%ff", "%C3%A9", "a%20b", "x" * 65, "a%0Ab", "%2e%2e%2fme", "a%2Fb", "'")


@pytest.mark.parametrize("user_id", ["x", "alice", "x" * 64, *ODD_IDS])
async def test_who_is_not_there_is_not_found(staffed: Staff, user_id: str) -> None:
    for method, body in (("GET", None), ("PATCH", {"name": "X"}), ("DELETE", None)):
        answer = await staffed.manage(method, f"/users/{user_id}", body, seen="*")
        answer.assert_problem(404, "not_found")
    answer = await staffed.manage("POST", f"/users/{user_id}/revoke")
    answer.assert_problem(404, "not_found")


async def test_what_cannot_be_an_id_costs_no_read(staffed: Staff) -> None:
    async with locked(staffed.web):
        for user_id in ODD_IDS:
            (await staffed.manage("GET", f"/users/{user_id}")).assert_problem(404, "not_found")
        (await staffed.manage("GET", "/users/x")).assert_problem(503, "unavailable")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/users", "GET, HEAD, POST"),
        ("/users/x", "DELETE, GET, HEAD, PATCH"),
        ("/me", "GET, HEAD, PATCH"),
        ("/me/password", "POST"),
    ],
)
async def test_a_method_that_there_is_not_is_told_what_there_is(
    staffed: Staff, path: str, allowed: str
) -> None:
    for method in ("PUT", "TRACE", "OPTIONS"):
        answer = await staffed.manage(method, path)
        answer.assert_problem(405, "method_not_allowed")
        assert answer.headers["Allow"] == allowed


WRITES = (("POST", "/users"), ("PATCH", "/users/{alice}"), ("PATCH", "/me"))


@pytest.mark.parametrize(("method", "path"), [*WRITES, ("POST", "/me/password")])
async def test_a_body_of_another_kind_is_not_read(staffed: Staff, method: str, path: str) -> None:
    target = path.format(alice=staffed.alice.id)
    before = await rows(staffed.web)
    for headers, body in ((FORM, "username=bob"), ({}, json.dumps(NEW)), ({}, "")):
        answer = await ask(
            staffed.web, method, target, staffed.as_root | {"If-Match": "*"} | headers, body
        )
        answer.assert_problem(415, "unsupported_media_type")
    assert await rows(staffed.web) == before


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "null",
        '"x"',
        "{",
        '{"name": "a", "name": "b"}',
        '{"username": "bob", "username": "eve", "password": "a long enough passphrase"}',
        '{"name": NaN}',
        '{"name": "a"}{"name": "b"}',
        "{'name': 'a'}",
        "[" * 5000,
        "\ufeff{}",
    ],
    ids=lambda body: body[:24],
)
@pytest.mark.parametrize(("method", "path"), [*WRITES, ("POST", "/me/password")])
async def test_a_body_that_two_would_read_differently_is_malformed(
    staffed: Staff, method: str, path: str, body: str
) -> None:
    target = path.format(alice=staffed.alice.id)
    headers = staffed.as_root | {"If-Match": "*"} | JSON
    answer = await ask(staffed.web, method, target, headers, body.encode())
    answer.assert_problem(400, "body_malformed")


async def test_only_administrators_see_or_change_people(staffed: Staff) -> None:
    before = await rows(staffed.web)
    path = path_of(staffed.alice)
    requests = [
        *(("GET", "/users"), ("HEAD", "/users"), ("POST", "/users"), ("GET", path)),
        *(("PATCH", path), ("DELETE", path), ("POST", f"{path}/revoke")),
    ]
    for headers, status in (({}, 401), (staffed.as_alice, 403)):
        for method, target in requests:
            sent = headers | {"If-Match": "*"}
            assert (await ask(staffed.web, method, target, sent, None)).status == status
    assert await rows(staffed.web) == before
