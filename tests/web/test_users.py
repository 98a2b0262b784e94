"""`/users`: people, for administrators."""

import pytest
import pytest_asyncio

from tests.programs.service import PASSWORD
from tests.web.asked import ask, bearer, is_let_in, log_in, read_trail, refresh
from tests.web.conftest import PUBLIC_URL, Web
from tests.web.staff import NEW, Staff, make_staff, path_of

pytestmark = pytest.mark.asyncio

MEMBERS = {"id", "username", "email", "name", "roles", "disabled", "created_at", "updated_at"}
ANOTHER = "quite another passphrase"


@pytest_asyncio.fixture
async def staff(served: Web) -> Staff:
    return await make_staff(served)


async def test_somebody_new_is_there_with_an_address_and_a_version(staff: Staff) -> None:
    body = {**NEW, "email": "bob@example.com", "name": "Bob B", "roles": ["b", "a", "b"]}
    answer = await staff.manage("POST", "/users", body)
    assert answer.status == 201
    assert answer.headers["Cache-Control"] == "no-store"
    assert set(answer.json) == MEMBERS
    told = {name: answer.json[name] for name in ("username", "email", "name", "roles", "disabled")}
    assert told == {
        "username": "bob",
        "email": "bob@example.com",
        "name": "Bob B",
        "roles": ["a", "b"],
        "disabled": False,
    }
    path = f"/users/{answer.json['id']}"
    assert answer.headers["Location"] == f"{PUBLIC_URL}{path}"
    shown = await staff.manage("GET", path)
    assert (shown.status, shown.json) == (200, answer.json)
    assert shown.headers["ETag"] == answer.headers["ETag"]
    assert (await log_in(staff.web, username="bob")).status == 200


async def test_what_is_left_out_is_nothing(staff: Staff) -> None:
    answer = await staff.add("bob", email=None)
    assert (answer.json["email"], answer.json["name"], answer.json["roles"]) == (None, None, [])


async def test_a_name_is_kept_in_its_one_form(staff: Staff) -> None:
    answer = await staff.add("E\u0301LISE", email="E\u0301@example.com", name="E\u0301lise")
    assert answer.json["username"] == "\u00e9lise"
    assert answer.json["email"] == "\u00c9@example.com"
    assert answer.json["name"] == "\u00c9lise"


async def test_a_change_is_of_the_version_that_was_seen(staff: Staff) -> None:
    path, seen = path_of(staff.alice), (await staff.read(staff.alice)).headers["ETag"]
    answer = await staff.manage("PATCH", path, {"roles": ["ops"]}, seen=seen)
    assert (answer.status, answer.json["roles"], answer.json["username"]) == (200, ["ops"], "alice")
    assert answer.headers["ETag"] != seen
    assert (await staff.read(staff.alice)).json == answer.json
    stale = await staff.manage("PATCH", path, {"roles": []}, seen=seen)
    stale.assert_problem(412, "version_mismatch")
    stale = await staff.manage("DELETE", path, seen=seen)
    stale.assert_problem(412, "version_mismatch")
    assert (await staff.read(staff.alice)).json["roles"] == ["ops"]
    assert (await staff.manage("PATCH", path, {"name": "Al"}, seen="*")).status == 200


async def test_changed_rights_hold_at_once_and_nobody_is_logged_out(staff: Staff) -> None:
    tokens = await staff.web.log_in()
    await staff.manage("PATCH", path_of(staff.alice), {"roles": ["admin"]}, seen='"0"')
    assert not await is_let_in(staff.web, tokens["access_token"])
    again = await refresh(staff.web, tokens["refresh_token"])
    answer = await ask(staff.web, "GET", "/users", bearer(again.json["access_token"]))
    assert answer.status == 200


@pytest.mark.parametrize("change", [{}, {"name": "Alice"}, {"roles": ["staff", "staff"]}])
async def test_a_change_of_nothing_moves_no_version(staff: Staff, change: dict[str, str]) -> None:
    answer = await staff.manage("PATCH", path_of(staff.alice), change, seen='"0"')
    assert (answer.status, answer.headers["ETag"]) == (200, '"0"')
    assert (await ask(staff.web, "GET", "/me", staff.as_alice)).status == 200
    assert await read_trail(staff.web) == []


@pytest.mark.parametrize("nothing", [None, ""])
async def test_what_somebody_has_is_taken_away(staff: Staff, nothing: str | None) -> None:
    change: dict[str, object] = {"email": nothing, "name": nothing, "roles": []}
    answer = await staff.manage("PATCH", path_of(staff.alice), change, seen='"0"')
    assert (answer.json["email"], answer.json["name"], answer.json["roles"]) == (None, None, [])


@pytest.mark.parametrize("change", [{"disabled": True}, {"password": ANOTHER}])
async def test_who_is_shut_out_is_so_everywhere(staff: Staff, change: dict[str, object]) -> None:
    tokens = await staff.web.log_in()
    answer = await staff.manage("PATCH", path_of(staff.alice), change, seen='"0"')
    assert (answer.status, answer.json["disabled"]) == (200, "disabled" in change)
    assert not await is_let_in(staff.web, tokens["access_token"])
    assert (await refresh(staff.web, tokens["refresh_token"])).status == 401
    assert (await log_in(staff.web)).status == 401
    logged_in = await log_in(staff.web, password=ANOTHER)
    assert logged_in.status == (200 if "password" in change else 401)


async def test_who_is_enabled_again_logs_in_again(staff: Staff) -> None:
    path = path_of(staff.alice)
    await staff.manage("PATCH", path, {"disabled": True}, seen='"0"')
    answer = await staff.manage("PATCH", path, {"disabled": False}, seen="*")
    assert (answer.status, answer.json["disabled"]) == (200, False)
    assert (await log_in(staff.web)).status == 200


@pytest.mark.parametrize("seen", [None, '"0"', "*"])
async def test_who_is_removed_is_gone(staff: Staff, seen: str | None) -> None:
    path, tokens = path_of(staff.alice), await staff.web.log_in()
    answer = await staff.manage("DELETE", path, seen=seen)
    assert (answer.status, answer.body) == (204, b"")
    assert not await is_let_in(staff.web, tokens["access_token"])
    assert (await refresh(staff.web, tokens["refresh_token"])).status == 401
    assert (await log_in(staff.web)).status == 401
    for method, body in (("GET", None), ("PATCH", {}), ("DELETE", None)):
        answer = await staff.manage(method, path, body, seen="*")
        answer.assert_problem(404, "not_found")
    again = await staff.add("alice")
    assert again.json["id"] != staff.alice.id


async def test_every_change_is_told_with_what_was_before_and_after(staff: Staff) -> None:
    device = {"User_Agent": "browser", "X_Forwarded_For": "203.0.113.7"}
    body = {**NEW, "roles": ["staff"]}
    made = (await staff.manage("POST", "/users", body, **device)).json["id"]
    await staff.web.log_in("bob")
    path = f"/users/{made}"
    await staff.manage("PATCH", path, {"username": "rob", "name": "Rob"}, seen="*", **device)
    change = {"disabled": True, "password": ANOTHER}
    await staff.manage("PATCH", path, change, seen="*", **device)
    await staff.manage("DELETE", path, **device)
    items = (await staff.manage("GET", f"/audit?subject={made}")).json["items"]
    told = {"email": None, "name": None, "roles": ["staff"], "disabled": False}
    ended, nothing = {"sessions": 1, "personal_tokens": 0}, {"sessions": 0, "personal_tokens": 0}
    assert [(each["action"], each["details"]) for each in reversed(items)] == [
        ("user.added", {"after": {"username": "bob", **told}}),
        (
            "user.changed",
            {
                "before": {"username": "bob", "name": None},
                "after": {"username": "rob", "name": "Rob"},
            },
        ),
        ("user.changed", {"before": {"disabled": False}, "after": {"disabled": True}, **ended}),
        ("user.password", ended),
        (
            "user.removed",
            {"before": {"username": "rob", **told, "name": "Rob", "disabled": True}, **nothing},
        ),
    ]
    assert {(each["actor"], each["address"], each["user_agent"]) for each in items} == {
        (staff.root.id, "203.0.113.7", "browser")
    }
    assert PASSWORD not in repr(items)
    assert "argon2" not in repr(items)


async def test_head_is_get_without_a_body(staff: Staff) -> None:
    for path in ("/users", path_of(staff.alice), "/me"):
        asked, headed = [await staff.manage(method, path) for method in ("GET", "HEAD")]
        assert (headed.status, headed.body) == (200, b"")
        assert headed.headers.get("ETag") == asked.headers.get("ETag")
        assert headed.headers["Content-Length"] == str(len(asked.body))
