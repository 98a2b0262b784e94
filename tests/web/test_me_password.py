"""`POST /me/password`: another password for the present one, and one session that goes on."""

import asyncio

import pytest
import pytest_asyncio

from tests.programs.service import PASSWORD
from tests.web.asked import (
    Asked,
    ask,
    bearer,
    change,
    claims_of,
    given_cookies,
    is_let_in,
    log_in,
    read_trail,
    refresh,
    rows,
)
from tests.web.conftest import Web
from tests.web.staff import Staff, make_staff

pytestmark = pytest.mark.asyncio

NEXT = "quite another passphrase"
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


@pytest_asyncio.fixture
async def staff(served: Web) -> Staff:
    return await make_staff(served)


async def change_password(
    staff: Staff, headers: dict[str, str], current: object = PASSWORD, new: object = NEXT
) -> Asked:
    body = {"current_password": current, "new_password": new}
    return await ask(staff.web, "POST", "/me/password", headers, body)


async def test_a_frontend_goes_on_with_new_tokens_and_nobody_else(staff: Staff) -> None:
    own, other = await staff.web.log_in(), await staff.web.log_in()
    cookie = await staff.web.log_in_cookie()
    answer = await change_password(staff, bearer(own["access_token"]))
    assert (answer.status, set(answer.json)) == (200, set(own))
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers
    sids = [claims_of(each["access_token"])["sid"] for each in (own, answer.json)]
    assert sids[0] == sids[1]
    assert await is_let_in(staff.web, answer.json["access_token"])
    for tokens in (own, other):
        assert not await is_let_in(staff.web, tokens["access_token"])
    assert (await ask(staff.web, "GET", "/me", {"Cookie": cookie})).status == 401
    assert (await refresh(staff.web, other["refresh_token"])).status == 401
    again = await refresh(staff.web, answer.json["refresh_token"])
    assert again.status == 200
    assert await is_let_in(staff.web, again.json["access_token"])
    assert (await log_in(staff.web)).status == 401
    assert (await log_in(staff.web, password=NEXT)).status == 200


async def test_the_old_refresh_token_is_reuse_at_once(staff: Staff) -> None:
    """RFC 9700 section 4.14.2: whoever still has it is shut out, and with them the session."""
    own = await staff.web.log_in()
    answer = await change_password(staff, bearer(own["access_token"]))
    (await refresh(staff.web, own["refresh_token"])).assert_problem(401, "invalid_grant")
    assert (await refresh(staff.web, answer.json["refresh_token"])).status == 401
    assert not await is_let_in(staff.web, answer.json["access_token"])
    newest, *_ = await read_trail(staff.web)
    assert newest.action == "session.reused"


async def test_a_browser_goes_on_with_a_new_cookie_and_nobody_else(staff: Staff) -> None:
    own, other = await staff.web.log_in_cookie(), await staff.web.log_in_cookie()
    answer = await change_password(staff, {"Cookie": own, **SAME_ORIGIN})
    assert (answer.status, set(answer.json)) == (200, {"expires_in", "scope"})
    (line,) = given_cookies(answer)
    renewed = line.partition(";")[0]
    assert "Max-Age" not in line
    assert (await ask(staff.web, "GET", "/me", {"Cookie": renewed})).status == 200
    for cookie in (own, other):
        assert (await ask(staff.web, "GET", "/me", {"Cookie": cookie})).status == 401
    sessions = (await ask(staff.web, "GET", "/me/sessions", {"Cookie": renewed})).json["items"]
    assert [each["current"] for each in sessions] == [True]


async def test_a_copy_of_the_old_cookie_is_not_renewed(staff: Staff) -> None:
    """As it would be, were only its rights others: its session is another by now."""
    own = await staff.web.log_in_cookie()
    answer = await change_password(staff, {"Cookie": own, **SAME_ORIGIN})
    renewed = given_cookies(answer)[0].partition(";")[0]
    before, after = (claims_of(each.partition("=")[2]) for each in (own, renewed))
    assert before["sid"] != after["sid"]
    assert [before[name] for name in ("sub", "amr", "auth_time", "exp")] == [
        after[name] for name in ("sub", "amr", "auth_time", "exp")
    ]
    shown = await ask(staff.web, "GET", "/login", {"Cookie": own})
    assert (shown.status, given_cookies(shown)) == (200, [])
    assert (await ask(staff.web, "GET", "/login", {"Cookie": renewed})).status == 303
    (await ask(staff.web, "GET", "/me", {"Cookie": own})).assert_problem(401, "revoked_session")


async def test_a_remembered_cookie_stays_one(staff: Staff) -> None:
    cookie = await staff.web.log_in_cookie(remember=True)
    answer = await change_password(staff, {"Cookie": cookie, **SAME_ORIGIN})
    assert f"Max-Age={answer.json['expires_in']}" in given_cookies(answer)[0]


async def test_the_kept_session_can_still_be_ended(staff: Staff) -> None:
    own = await staff.web.log_in()
    answer = await change_password(staff, bearer(own["access_token"]))
    assert (await ask(staff.web, "POST", f"/users/{staff.alice.id}/revoke", staff.as_root)).status
    assert not await is_let_in(staff.web, answer.json["access_token"])
    assert (await refresh(staff.web, answer.json["refresh_token"])).status == 401


async def test_personal_tokens_end_with_the_old_password(staff: Staff) -> None:
    made = await ask(staff.web, "POST", "/me/tokens", staff.as_alice, {"name": "script"})
    assert made.status == 201
    answer = await change_password(staff, staff.as_alice)
    headers = bearer(answer.json["access_token"])
    assert (await ask(staff.web, "GET", "/me/tokens", headers)).json["items"] == []


async def test_it_is_told_as_ones_own_without_any_password(staff: Staff) -> None:
    await staff.web.log_in()
    await ask(staff.web, "POST", "/me/tokens", staff.as_alice, {"name": "script"})
    await change_password(staff, staff.as_alice | {"User-Agent": "browser"})
    row, *_ = await read_trail(staff.web)
    assert (row.action, row.actor, row.subject) == ("user.password", staff.alice.id, staff.alice.id)
    assert row.details == {"sessions": 1, "personal_tokens": 1}
    assert row.device.user_agent == "browser"
    written = "\n".join(await rows(staff.web))
    assert PASSWORD not in written
    assert NEXT not in written


@pytest.mark.parametrize("wrong", [PASSWORD + " ", PASSWORD.upper(), "x", NEXT + "!"])
async def test_without_the_present_password_nothing_changes(staff: Staff, wrong: str) -> None:
    answer = await change_password(staff, staff.as_alice, wrong)
    answer.assert_problem(401, "invalid_credentials")
    assert (await ask(staff.web, "GET", "/me", staff.as_alice)).status == 200
    assert (await log_in(staff.web)).status == 200
    assert [row.action for row in await read_trail(staff.web)] == []


@pytest.mark.parametrize("new", ["passwordpassword", "short", "x" * 257, "alice@example.com"])
async def test_nothing_is_judged_for_who_does_not_know_the_present_password(
    staff: Staff, new: str
) -> None:
    answer = await change_password(staff, staff.as_alice, "not it at all", new)
    answer.assert_problem(401, "invalid_credentials")


@pytest.mark.parametrize(
    ("current", "new", "pointers"),
    [
        (PASSWORD, PASSWORD, ["/new_password"]),
        (PASSWORD, "short", ["/new_password"]),
        (PASSWORD, "passwordpassword", ["/new_password"]),
        (PASSWORD, "x" * 257, ["/new_password"]),
        (PASSWORD, f"{NEXT}\n", ["/new_password"]),
        (PASSWORD, "", ["/new_password"]),
        (PASSWORD, None, ["/new_password"]),
        (PASSWORD, 1, ["/new_password"]),
        ("", NEXT, ["/current_password"]),
        (None, NEXT, ["/current_password"]),
        ("x" * 1025, NEXT, ["/current_password"]),
        (["a"], "", ["/current_password", "/new_password"]),
    ],
    ids=lambda value: str(value)[:16],
)
async def test_a_field_that_is_wrong_is_named_and_nothing_is_done(
    staff: Staff, current: object, new: object, pointers: list[str]
) -> None:
    before = await rows(staff.web)
    answer = await change_password(staff, staff.as_alice, current, new)
    members = answer.assert_problem(422, "fields_invalid")
    assert sorted(each["pointer"] for each in members["errors"]) == pointers
    assert await rows(staff.web) == before


async def test_another_member_is_named(staff: Staff) -> None:
    body = {"current_password": PASSWORD, "new_password": NEXT, "username": "root"}
    answer = await ask(staff.web, "POST", "/me/password", staff.as_alice, body)
    (error,) = answer.assert_problem(422, "fields_invalid")["errors"]
    assert error == {"pointer": "/username", "detail": "is not known"}


async def test_another_site_changes_no_password(staff: Staff) -> None:
    cookie = await staff.web.log_in_cookie()
    for site in ("cross-site", "same-site"):
        answer = await change_password(staff, {"Cookie": cookie, "Sec-Fetch-Site": site})
        answer.assert_problem(403, "cross_site")
    (await change_password(staff, {})).assert_problem(401, "no_credential")


async def test_a_session_that_another_process_ended_changes_nothing(staff: Staff) -> None:
    await change(staff.web, "DELETE FROM sessions")
    answer = await change_password(staff, staff.as_alice)
    answer.assert_problem(401, "revoked_session")
    assert (await log_in(staff.web)).status == 200


@pytest.mark.parametrize("kind", ["bearer", "cookie"])
async def test_a_session_that_is_over_does_not_go_on(staff: Staff, kind: str) -> None:
    cookie = {"Cookie": await staff.web.log_in_cookie(), **SAME_ORIGIN}
    await change(staff.web, "UPDATE sessions SET expires_at = 1 WHERE kind = ?", kind)
    answer = await change_password(staff, cookie if kind == "cookie" else staff.as_alice)
    answer.assert_problem(401, "revoked_session")
    assert (await log_in(staff.web)).status == 200


async def test_a_user_that_another_process_disabled_changes_nothing(staff: Staff) -> None:
    await change(staff.web, "UPDATE users SET disabled = true WHERE username = 'alice'")
    answer = await change_password(staff, staff.as_alice)
    answer.assert_problem(401, "invalid_credentials")


async def test_of_several_at_once_one_changes_the_password(staff: Staff) -> None:
    tokens = [await staff.web.log_in() for _ in range(5)]
    passphrases = [f"{NEXT} number {n}" for n in range(5)]
    answers = await asyncio.gather(
        *(
            change_password(staff, bearer(each["access_token"]), new=new)
            for each, new in zip(tokens, passphrases, strict=True)
        )
    )
    won = [n for n, answer in enumerate(answers) if answer.status == 200]
    assert len(won) == 1
    assert {answer.status for answer in answers} <= {200, 401, 503}
    assert (await log_in(staff.web, password=passphrases[won[0]])).status == 200
    assert await is_let_in(staff.web, answers[won[0]].json["access_token"])
