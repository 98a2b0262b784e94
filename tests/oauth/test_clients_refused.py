"""`/clients`: what is refused, and changes nothing."""

import pytest

from tests.oauth.programs import Oauth, manage, path_of, read_client
from tests.web.asked import FORM, ask, bearer, head, locked, rows, send

pytestmark = pytest.mark.asyncio(loop_scope="module")

NEW = {"name": "exporter"}


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"name": None}, "/name"),
        ({"name": ""}, "/name"),
        ({"name": " x"}, "/name"),
        ({"name": "x" * 65}, "/name"),
        ({"name": "a\nb"}, "/name"),
        ({"name": "App-" + "A" * 22}, "/name"),
        ({"name": 1}, "/name"),
        ({"scopes": "a"}, "/scopes"),
        ({"scopes": None}, "/scopes"),
        ({"scopes": ["a b"]}, "/scopes/0"),
        ({"scopes": ["a", ""]}, "/scopes/1"),
        ({"scopes": ['"']}, "/scopes/0"),
        ({"scopes": [1]}, "/scopes/0"),
        ({"scopes": [f"{n:04}" + "x" * 200 for n in range(20)]}, "/scopes"),
        ({"audience": []}, "/audience"),
        ({"audience": ["api", "api"]}, "/audience"),
        ({"audience": [""]}, "/audience/0"),
        ({"audience": ["x" * 513]}, "/audience/0"),
        ({"audience": "api"}, "/audience"),
        ({"audience": [f"{n:04}" + "x" * 500 for n in range(9)]}, "/audience"),
        ({"client_id": "App-x"}, "/client_id"),
        ({"client_secret": "x"}, "/client_secret"),
        ({"epoch": 1}, "/epoch"),
    ],
)
async def test_a_field_that_is_wrong_is_named_and_nothing_is_done(
    shared: Oauth, change: dict[str, object], pointer: str
) -> None:
    before = await rows(shared.web)
    added = await manage(shared, "POST", "/clients", NEW | change)
    changed = await manage(shared, "PATCH", path_of(shared.reports), change, If_Match='"0"')
    for answer in (added, changed):
        members = answer.assert_problem(422, "fields_invalid")
        assert [each["pointer"] for each in members["errors"]] == [pointer]
    assert await rows(shared.web) == before


async def test_a_name_that_is_missing_is_named(shared: Oauth) -> None:
    answer = await manage(shared, "POST", "/clients", {"scopes": []})
    (error,) = answer.assert_problem(422, "fields_invalid")["errors"]
    assert error == {"pointer": "/name", "detail": "is missing"}


async def test_a_taken_name_is_a_conflict(shared: Oauth) -> None:
    before = await rows(shared.web)
    added = await manage(shared, "POST", "/clients", {"name": "reports"})
    changed = await manage(
        shared, "PATCH", path_of(shared.files), {"name": "reports"}, If_Match='"0"'
    )
    for answer in (added, changed):
        answer.assert_problem(409, "name_taken")
    assert await rows(shared.web) == before


async def test_a_change_without_a_version_is_not_made(shared: Oauth) -> None:
    answer = await manage(shared, "PATCH", path_of(shared.reports), {"name": "x"})
    answer.assert_problem(428, "precondition_required")
    assert (await read_client(shared, shared.reports))["name"] == "reports"


@pytest.mark.parametrize(
    "version",
    ['"1"', "0", 'W/"0"', '"0", "1"', '""', '"x"', "", '"-0"', '"\u0660"', "'0'", '"0" x'],
)
async def test_what_is_not_its_version_matches_nothing(shared: Oauth, version: str) -> None:
    path = path_of(shared.reports)
    for method, body in (("PATCH", {"name": "x"}), ("DELETE", None)):
        answer = await manage(shared, method, path, body, If_Match=version)
        answer.assert_problem(412, "version_mismatch")
    assert (await read_client(shared, shared.reports))["name"] == "reports"


@pytest.mark.parametrize("unknown", ["App-x", "reports", "%00", "App-%C3%A9", "%ff", "x" * 900])
async def test_who_is_not_there_is_not_found(shared: Oauth, unknown: str) -> None:
    (await manage(shared, "GET", f"/clients/{unknown}")).assert_problem(404, "not_found")
    (await manage(shared, "POST", f"/clients/{unknown}/rotate")).assert_problem(404, "not_found")


async def test_what_cannot_be_a_client_id_costs_no_read(shared: Oauth) -> None:
    async with locked(shared.web):
        for client_id, status in (("App-x", 404), ("%00", 404), ("App-" + "A" * 22, 503)):
            for method in ("GET", "DELETE"):
                answer = await manage(shared, method, f"/clients/{client_id}")
                assert answer.status == status


@pytest.mark.parametrize("body", [{"drop_previous": 1}, {"drop_previous": None}, {"other": True}])
async def test_a_turn_that_is_not_understood_is_not_made(
    shared: Oauth, body: dict[str, object]
) -> None:
    answer = await manage(shared, "POST", f"{path_of(shared.reports)}/rotate", body)
    answer.assert_problem(422, "fields_invalid")
    await shared.log_in(shared.reports)


async def test_only_administrators_see_or_change_programs(shared: Oauth) -> None:
    before = await rows(shared.web)
    program = bearer(await shared.log_in(shared.reports))
    path = path_of(shared.reports)
    for headers, status, reason in (
        ({}, 401, "no_credential"),
        (shared.alice, 403, "role_missing"),
        (program, 403, "user_not_listed"),
        (shared.reports.basic, 401, "no_credential"),
    ):
        for method, asked in (
            ("GET", "/clients"),
            ("POST", "/clients"),
            ("GET", path),
            ("PATCH", path),
            ("DELETE", path),
            ("POST", f"{path}/rotate"),
        ):
            answer = await ask(shared.web, method, asked, headers, None)
            answer.assert_problem(status, reason)
    assert await rows(shared.web) == before


async def test_a_body_of_another_kind_is_not_read(shared: Oauth) -> None:
    path = path_of(shared.reports)
    for method, asked in (("POST", "/clients"), ("PATCH", path), ("POST", f"{path}/rotate")):
        headers = shared.root | FORM | {"If-Match": '"0"'}
        answer = await ask(shared.web, method, asked, headers, "name=x")
        answer.assert_problem(415, "unsupported_media_type")
        headers = shared.root | {"Content-Type": "application/json", "If-Match": '"0"'}
        answer = await ask(shared.web, method, asked, headers, '{"name": "a", "name": "b"}')
        answer.assert_problem(400, "body_malformed")


async def test_a_body_of_no_kind_is_not_waited_for(shared: Oauth) -> None:
    """Whoever sends it may be disabled meanwhile, and is judged no more."""
    lines = [f"{name}: {value}" for name, value in shared.root.items()]
    path = f"{path_of(shared.reports)}/rotate"
    octets = head("POST", path, *lines, "Transfer-Encoding: chunked")
    answer = await send(shared.web.port, octets + b"2\r\n{}\r\n")
    assert int(answer.split()[1]) == 415, answer
