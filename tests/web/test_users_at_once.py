"""`/users`: what several administrators do at the same moment."""

import asyncio

import pytest
import pytest_asyncio

from tests.web.asked import ask, bearer
from tests.web.conftest import Web
from tests.web.staff import NEW, Staff, make_staff, path_of

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def staff(served: Web) -> Staff:
    return await make_staff(served)


async def test_of_two_changes_of_one_version_one_is_made(staff: Staff) -> None:
    changes = [{"name": f"Name {n}"} for n in range(8)]
    answers = await asyncio.gather(
        *(staff.manage("PATCH", path_of(staff.alice), each, seen='"0"') for each in changes)
    )
    won = [each for each in answers if each.status == 200]
    assert len(won) == 1
    for answer in answers:
        if answer is not won[0]:
            answer.assert_problem(412, "version_mismatch")
    shown = await staff.read(staff.alice)
    assert shown.json == won[0].json
    assert shown.headers["ETag"] == won[0].headers["ETag"] != '"0"'


async def test_of_many_who_want_one_name_one_gets_it(staff: Staff) -> None:
    bodies = [{**NEW, "username": name} for name in ("bob", "BOB", "Bob", "\uff42ob")]
    answers = await asyncio.gather(*(staff.manage("POST", "/users", body) for body in bodies))
    assert sorted(each.status for each in answers) == [201, 409, 409, 409]


@pytest.mark.parametrize("method", ["DELETE", "PATCH"])
async def test_of_two_administrators_one_is_left_however_often_both_are_to_go(
    staff: Staff, method: str
) -> None:
    other = await staff.web.add_user("other", "admin")
    as_other = bearer((await staff.web.log_in("other"))["access_token"])
    callers = (staff.as_root, as_other)
    asked = [
        ask(
            staff.web,
            method,
            path_of(user),
            callers[n % 2] | {"If-Match": "*"},
            {"disabled": True} if method == "PATCH" else None,
        )
        for n in range(10)
        for user in (staff.root, other)
    ]
    answers = await asyncio.gather(*asked)
    assert {each.status for each in answers} <= {200, 204, 401, 404, 409}
    left = await staff.web.serving.services.accounts.list()
    assert sum("admin" in user.roles and not user.disabled for user in left) == 1
