"""`PATCH /me`: what people change of themselves, and what they do not."""

import pytest
import pytest_asyncio

from tests.web.asked import (
    ask,
    bearer,
    claims_of,
    given_cookies,
    is_let_in,
    read_trail,
    refresh,
    rows,
)
from tests.web.conftest import Web
from tests.web.staff import Staff, make_staff

pytestmark = pytest.mark.asyncio

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


@pytest_asyncio.fixture
async def staff(served: Web) -> Staff:
    return await make_staff(served)


async def test_who_reads_themselves_is_told_the_version(staff: Staff) -> None:
    answer = await ask(staff.web, "GET", "/me", staff.as_alice)
    assert (answer.json["id"], answer.headers["ETag"]) == (staff.alice.id, '"0"')
    assert answer.json == (await staff.read(staff.alice)).json


async def test_a_frontend_changes_a_person_and_refreshes(staff: Staff) -> None:
    tokens = await staff.web.log_in()
    headers = bearer(tokens["access_token"]) | {"If-Match": '"0"'}
    body = {"email": "new@example.com", "name": ""}
    answer = await ask(staff.web, "PATCH", "/me", headers, body)
    assert answer.status == 200
    assert answer.headers["ETag"] == (await staff.read(staff.alice)).headers["ETag"] != '"0"'
    assert (answer.json["email"], answer.json["name"]) == ("new@example.com", None)
    assert "Set-Cookie" not in answer.headers
    assert not await is_let_in(staff.web, tokens["access_token"])
    again = await refresh(staff.web, tokens["refresh_token"])
    assert claims_of(again.json["access_token"])["email"] == "new@example.com"


async def test_a_browser_goes_on_with_the_cookie_of_the_answer(staff: Staff) -> None:
    cookie = await staff.web.log_in_cookie()
    headers = {"Cookie": cookie, "If-Match": "*", **SAME_ORIGIN}
    answer = await ask(staff.web, "PATCH", "/me", headers, {"name": "Al"})
    assert answer.status == 200
    (line,) = given_cookies(answer)
    renewed = line.partition(";")[0]
    assert renewed != cookie
    assert (await ask(staff.web, "GET", "/me", {"Cookie": cookie})).status == 401
    shown = await ask(staff.web, "GET", "/me", {"Cookie": renewed})
    assert (shown.status, shown.json["name"]) == (200, "Al")


async def test_a_change_is_told_as_ones_own(staff: Staff) -> None:
    headers = staff.as_alice | {"If-Match": "*", "User-Agent": "browser"}
    await ask(staff.web, "PATCH", "/me", headers, {"name": "Al"})
    (row,) = await read_trail(staff.web)
    assert (row.action, row.actor, row.subject) == ("user.changed", staff.alice.id, staff.alice.id)
    assert row.details == {"before": {"name": "Alice"}, "after": {"name": "Al"}}
    assert row.device.user_agent == "browser"


@pytest.mark.parametrize("field", ["username", "roles", "disabled", "password", "id"])
async def test_what_is_not_ones_own_to_change_is_named(staff: Staff, field: str) -> None:
    before = await rows(staff.web)
    headers = staff.as_alice | {"If-Match": '"0"'}
    answer = await ask(staff.web, "PATCH", "/me", headers, {"name": "Al", field: ["admin"]})
    (error,) = answer.assert_problem(422, "fields_invalid")["errors"]
    assert error == {"pointer": f"/{field}", "detail": "is not known"}
    assert await rows(staff.web) == before


async def test_an_administrator_does_not_make_themselves_another_here(staff: Staff) -> None:
    headers = staff.as_root | {"If-Match": '"0"'}
    answer = await ask(staff.web, "PATCH", "/me", headers, {"roles": ["admin", "ops"]})
    answer.assert_problem(422, "fields_invalid")


@pytest.mark.parametrize(
    ("headers", "status", "reason"),
    [
        ({}, 428, "precondition_required"),
        ({"If-Match": '"1"'}, 412, "version_mismatch"),
        ({"If-Match": 'W/"0"'}, 412, "version_mismatch"),
    ],
)
async def test_a_change_names_the_version_that_was_seen(
    staff: Staff, headers: dict[str, str], status: int, reason: str
) -> None:
    answer = await ask(staff.web, "PATCH", "/me", staff.as_alice | headers, {"name": "Al"})
    answer.assert_problem(status, reason)
    assert (await staff.read(staff.alice)).json["name"] == "Alice"


async def test_another_site_changes_nobody(staff: Staff) -> None:
    cookie = await staff.web.log_in_cookie()
    for site in ("cross-site", "same-site"):
        headers = {"Cookie": cookie, "If-Match": "*", "Sec-Fetch-Site": site}
        answer = await ask(staff.web, "PATCH", "/me", headers, {"name": "Al"})
        answer.assert_problem(403, "cross_site")
    assert (await staff.read(staff.alice)).json["name"] == "Alice"


async def test_who_has_another_name_since_is_still_themselves(staff: Staff) -> None:
    """Their token names them as they were called before, until the feed has told."""
    store = staff.web.serving.services.store
    token = bearer((await staff.web.log_in())["access_token"])
    async with store._database.write() as connection:
        await connection.exec_driver_sql(
            "UPDATE users SET username = 'alicia' WHERE name = 'Alice'"
        )
    answer = await ask(staff.web, "GET", "/me", token)
    assert (answer.status, answer.json["username"]) == (200, "alicia")


@pytest.mark.parametrize("statement", ["DELETE FROM users", "UPDATE users SET disabled = true"])
async def test_who_was_shut_out_by_another_process_is_nobody(staff: Staff, statement: str) -> None:
    store = staff.web.serving.services.store
    async with store._database.write() as connection:
        await connection.exec_driver_sql("DELETE FROM sessions")
        await connection.exec_driver_sql(f"{statement} WHERE username = 'alice'")
    answer = await ask(staff.web, "GET", "/me", staff.as_alice)
    answer.assert_problem(401, "revoked_user")
    if "DELETE" in statement:
        headers = staff.as_alice | {"If-Match": "*"}
        answer = await ask(staff.web, "PATCH", "/me", headers, {"name": "Al"})
        answer.assert_problem(401, "revoked_user")
