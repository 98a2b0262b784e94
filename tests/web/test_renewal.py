"""`GET /login` with a cookie whose rights have changed: a new cookie without a password."""

import pytest

from sidecar.clock import read_clock
from sidecar.core.audit import OPERATOR, Author
from sidecar.core.claims import TokenKind
from sidecar.core.keyring import Purpose
from sidecar.core.token import VerifiedToken, seal_token
from sidecar.credentials.opening import Credential
from tests.web.asked import Asked, age_sessions, ask, bearer, change, claims_of, given_cookies
from tests.web.conftest import Web

pytestmark = pytest.mark.asyncio

RD = "http://app.example.com/orders"


async def look(web: Web, cookie: str) -> Asked:
    """Open the login page with a cookie."""
    return await ask(web, "GET", f"/login?rd={RD}", {"Cookie": cookie})


def assert_renewed(answer: Asked) -> str:
    """Fail unless the browser goes on with a new cookie; return it."""
    assert (answer.status, answer.headers["Location"]) == (303, RD)
    return answer.headers["Set-Cookie"].partition(";")[0]


def assert_asked(answer: Asked) -> None:
    """Fail unless the person is asked for a password."""
    assert answer.status == 200
    assert 'name="password"' in answer.text
    assert given_cookies(answer) == []


async def change_roles(web: Web, *roles: str) -> None:
    """Give alice other roles."""
    await web.change_user("alice", roles=roles)


@pytest.mark.parametrize("remember", [False, True])
async def test_changed_rights_give_a_new_cookie_of_the_same_session(
    served: Web, *, remember: bool
) -> None:
    await served.add_user()
    cookie = await served.log_in_cookie(remember=remember)
    await change_roles(served, "ops")
    assert (await ask(served, "GET", "/me", {"Cookie": cookie})).status == 401
    answer = await look(served, cookie)
    renewed = assert_renewed(answer)
    old, new = claims_of(cookie.partition("=")[2]), claims_of(renewed.partition("=")[2])
    assert (new["sid"], new["exp"], new["auth_time"]) == (old["sid"], old["exp"], old["auth_time"])
    assert (old["roles"], new["roles"]) == ([], ["ops"])
    assert ("Max-Age=" in answer.headers["Set-Cookie"]) is remember
    assert (await ask(served, "GET", "/me", {"Cookie": renewed})).json["roles"] == ["ops"]
    assert (await ask(served, "GET", "/me", {"Cookie": cookie})).status == 401


async def test_a_logout_ends_a_renewed_cookie_and_the_one_before_it(served: Web) -> None:
    await served.add_user()
    cookie = await served.log_in_cookie()
    await change_roles(served, "ops")
    renewed = assert_renewed(await look(served, cookie))
    await ask(served, "POST", "/logout", {"Cookie": renewed})
    assert_asked(await look(served, renewed))
    assert_asked(await look(served, cookie))


async def test_a_cookie_that_was_revoked_by_itself_is_not_renewed(served: Web) -> None:
    await served.add_user()
    cookie = await served.log_in_cookie()
    credential = Credential(TokenKind.SESSION, cookie.partition("=")[2])
    opened = served.serving.gate.open_credential(credential)
    assert isinstance(opened, VerifiedToken)
    now = read_clock().unix
    await served.serving.services.revocations.revoke_token(opened.claims, now)
    assert_asked(await look(served, cookie))
    await change_roles(served, "ops")
    assert_asked(await look(served, cookie))


@pytest.mark.parametrize("how", ["logout", "everywhere", "everyone", "password", "disabled"])
async def test_a_session_that_was_ended_is_not_renewed(served: Web, how: str) -> None:
    await served.add_user("root", "admin")
    await served.add_user()
    services = served.serving.services
    cookie = await served.log_in_cookie()
    match how:
        case "logout":
            await ask(served, "POST", "/logout", {"Cookie": cookie})
        case "everywhere":
            await ask(served, "POST", "/logout", {"Cookie": cookie}, {"everywhere": True})
        case "everyone":
            await services.revocations.end_all_sessions(Author(OPERATOR), 0)
        case "password":
            await served.set_password("alice")
        case _:
            await served.change_user("alice", disabled=True)
    assert_asked(await look(served, cookie))


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM sessions",
        "UPDATE users SET disabled = 1",
        "UPDATE sessions SET kind = 'bearer'",
        "UPDATE sessions SET user_id = (SELECT id FROM users WHERE username = 'root')",
    ],
)
async def test_a_session_that_is_no_longer_ours_is_not_renewed(served: Web, statement: str) -> None:
    await served.add_user("root", "admin")
    await served.add_user()
    cookie = await served.log_in_cookie()
    await change_roles(served, "ops")
    await change(served, statement)
    assert_asked(await look(served, cookie))


async def test_a_session_that_is_over_is_not_renewed(served: Web) -> None:
    await served.add_user()
    cookie = await served.log_in_cookie()
    await change_roles(served, "ops")
    await age_sessions(served, 12 * 3600)
    assert_asked(await look(served, cookie))


async def test_an_access_token_opens_no_browser_session(served: Web) -> None:
    await served.add_user()
    token = (await served.log_in())["access_token"]
    cookie = await served.log_in_cookie()
    for headers in (
        bearer(token),
        {"Cookie": cookie, **bearer(token)},
        {"Cookie": f"__Host-sidecar={token}"},
        {"Cookie": f"{cookie}; __Host-sidecar=x"},
    ):
        assert_asked(await ask(served, "GET", "/login", headers))


async def test_a_session_that_is_not_as_the_gate_wants_it_is_not_renewed(served: Web) -> None:
    await served.add_user()
    cookie = await served.log_in_cookie()
    await change_roles(served, "ops")
    for query in ("amr=otp", "max_age=60&amr=otp"):
        assert_asked(await ask(served, "GET", f"/login?rd={RD}&{query}", {"Cookie": cookie}))
    query = "max_age=60&amr=pwd"
    assert_renewed(await ask(served, "GET", f"/login?rd={RD}&{query}", {"Cookie": cookie}))


def ahead_of_time(web: Web, cookie: str) -> str:
    """Return the same cookie as a clock would have sealed it that is an hour ahead."""
    credential = Credential(TokenKind.SESSION, cookie.partition("=")[2])
    opened = web.serving.gate.open_credential(credential)
    assert isinstance(opened, VerifiedToken)
    now = read_clock().unix
    key = web.serving.gate.ring.find_signing_key(Purpose.COOKIE, now)
    assert key is not None
    claims = opened.claims._replace(iat=now + 3600, nbf=now + 3600, auth_time=now + 3600)
    return f"{cookie.partition('=')[0]}={seal_token(claims, TokenKind.SESSION, key)}"


async def test_a_cookie_from_before_the_clock_was_set_back_is_renewed(served: Web) -> None:
    await served.add_user()
    ahead = ahead_of_time(served, await served.log_in_cookie())
    await change(served, "UPDATE sessions SET created_at = created_at + 3600")
    assert (await ask(served, "GET", "/me", {"Cookie": ahead})).status == 401
    renewed = assert_renewed(await look(served, ahead))
    assert (await ask(served, "GET", "/me", {"Cookie": renewed})).status == 200
    assert claims_of(renewed.partition("=")[2])["auth_time"] == 0
    # How long ago they logged in nobody knows: too long for whatever asks.
    again = await ask(served, "GET", f"/login?rd={RD}&max_age=86400", {"Cookie": renewed})
    assert_asked(again)


async def test_one_from_before_that_is_not_renewed_where_it_was_taken_back(served: Web) -> None:
    await served.add_user()
    ahead = ahead_of_time(served, await served.log_in_cookie())
    credential = Credential(TokenKind.SESSION, ahead.partition("=")[2])
    opened = served.serving.gate.open_credential(credential)
    assert isinstance(opened, VerifiedToken)
    await served.serving.services.revocations.revoke_token(opened.claims, read_clock().unix)
    assert_asked(await look(served, ahead))
    other = ahead_of_time(served, await served.log_in_cookie())
    await served.serving.services.revocations.end_all_sessions(Author(OPERATOR), read_clock().unix)
    assert_asked(await look(served, other))
