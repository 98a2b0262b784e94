"""Guessing wears out, and tells nothing; who logged in here before gets in."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import urlencode

import pytest
import pytest_asyncio

from sidecar.core.throttle import USER
from sidecar.credentials import throttle
from sidecar.web.credentials import DEVICE_COOKIE
from sidecar.web.devices import DEVICE_TTL
from tests.programs.service import PASSWORD
from tests.web.asked import FORM, Asked, ask, bearer, change, log_in
from tests.web.conftest import Web, in_one_task, serving_web

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATIENCE = 60.0  # seconds; what takes longer on any machine has failed
WAITED_FOR = 6  # attempts behind the free ones: the last of them is a minute behind the first
GUESS = {"username": "alice", "password": "not the passphrase"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def guessed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Web]:
    """Run a service with two people, one of whom is disabled; each test adds its own."""
    directory = tmp_path_factory.mktemp("guessed")
    async with in_one_task(serving_web(directory)) as running:
        for name in ("guessed", "former"):
            await running.add_user(name)
        await running.change_user("former", disabled=True)
        yield running


def at(address: str, cookie: str | None = None) -> dict[str, str]:
    """Return the headers of somebody at this address."""
    return {"X-Forwarded-For": address} | ({} if cookie is None else {"Cookie": cookie})


async def guess(web: Web, name: str, address: str = "198.51.100.1") -> Asked:
    return await ask(web, "POST", "/login", at(address), {**GUESS, "username": name})


async def until_refused(attempt: Callable[[], Awaitable[Asked]], free: int) -> None:
    """Guess one after the other until told to wait: not before the free ones have been made.

    On a slow machine the first waits are over meanwhile, but never the long ones.
    """
    statuses: list[int] = []
    while 429 not in statuses and len(statuses) <= free + WAITED_FOR:
        statuses.append((await attempt()).status)
    assert statuses[:-1] == [401] * (len(statuses) - 1)
    assert statuses[-1] == 429
    assert len(statuses) > free


async def wear_out(web: Web, name: str) -> None:
    """Let strangers have guessed so often that the next one waits for minutes."""
    key = f"user:{web.serving.throttle.names.tag(name)}"
    await guess(web, name, "198.51.100.250")
    await change(web, "UPDATE throttle SET count = 99 WHERE key = ?", key)


async def know(web: Web, name: str = "alice", address: str = "203.0.113.7") -> str:
    """Log in and return the cookie by which the device is known."""
    members = {"username": name, "password": PASSWORD, "cookie": True}
    answer = await ask(web, "POST", "/login", at(address), members)
    assert answer.status == 200
    return device_line(answer).partition(";")[0]


def device_line(answer: Asked) -> str:
    (line,) = [
        each for each in answer.headers.getall("Set-Cookie") if each.startswith(f"{DEVICE_COOKIE}=")
    ]
    return line


@pytest.mark.parametrize("name", ["guessed", "former", "nobody", "no name at all"])
async def test_after_some_guesses_nobody_is_told_more_than_to_wait(
    guessed: Web, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # All of them are to be counted, however slow the machine: else the last are told 503.
    monkeypatch.setattr(throttle, "LONGEST_WAIT", PATIENCE)
    guesses = [guess(guessed, name, f"198.51.100.{number}") for number in range(USER.free + 6)]
    answers = await asyncio.gather(*guesses)
    refused = [answer for answer in answers if answer.status != 401]
    assert len(refused) in range(1, 7)  # all at once; on a slow machine a second is over meanwhile
    late = 6 - len(refused)  # behind the free ones: each of them doubles what the next one waits
    longest = (USER.first << late) + 1  # whoever asked first may be counted a second behind others
    for answer in refused:
        members = answer.assert_problem(429, "too_many_attempts")
        assert set(members) == {"title", "status", "reason", "request_id"}
        assert set(answer.headers) == {
            *("Content-Type", "Content-Length", "Cache-Control", "Connection", "Date", "Server"),
            *("Retry-After", "X-Request-ID"),
        }
        assert 1 <= int(answer.headers["Retry-After"]) <= longest


async def test_while_strangers_wait_the_right_password_is_no_different(guessed: Web) -> None:
    await guessed.add_user("user3")
    await wear_out(guessed, "user3")
    members = {"username": "user3", "password": PASSWORD}
    for _ in range(2):
        answer = await ask(guessed, "POST", "/login", at("192.0.2.200"), members)
        answer.assert_problem(429, "too_many_attempts")


async def test_a_device_that_logged_in_before_gets_in_wherever_it_is(guessed: Web) -> None:
    await guessed.add_user("user4")
    cookie = await know(guessed, "user4")
    await wear_out(guessed, "user4")
    members = {"username": "user4", "password": PASSWORD}
    with_cookie = await ask(guessed, "POST", "/login", at("192.0.2.201", cookie), members)
    at_home = await ask(guessed, "POST", "/login", at("203.0.113.7"), members)
    elsewhere = await ask(guessed, "POST", "/login", at("192.0.2.205"), members)
    assert [each.status for each in (with_cookie, at_home, elsewhere)] == [200, 200, 429]


async def test_with_another_password_whoever_was_known_is_a_stranger_everywhere(
    guessed: Web,
) -> None:
    await guessed.add_user("insider")
    cookie = await know(guessed, "insider")
    await guessed.set_password("insider")
    await wear_out(guessed, "insider")
    members = {"username": "insider", "password": PASSWORD}
    for address in ("192.0.2.206", "203.0.113.7"):
        answer = await ask(guessed, "POST", "/login", at(address, cookie), members)
        answer.assert_problem(429, "too_many_attempts")


async def test_the_cookie_is_the_hosts_own_for_thirty_days_and_no_script_reads_it(
    guessed: Web,
) -> None:
    await guessed.add_user("user5")
    answer = await log_in(guessed, username="user5", cookie=True)
    pair, *attributes = device_line(answer).split("; ")
    assert len(pair) < 128
    assert set(attributes) == {
        f"Max-Age={DEVICE_TTL}",
        *("Path=/", "Secure", "HttpOnly", "SameSite=Lax"),
    }
    assert "user5" not in pair


async def test_a_device_stays_the_same_at_its_next_login_and_is_another_for_another_user(
    guessed: Web,
) -> None:
    await guessed.add_user("user6")
    cookie = await know(guessed, "user6")
    again = await ask(
        *(guessed, "POST", "/login", at("203.0.113.7", cookie)),
        {"username": "user6", "password": PASSWORD, "cookie": True},
    )
    assert device_line(again).partition(";")[0] == cookie
    await guessed.add_user("other")
    other = await ask(
        *(guessed, "POST", "/login", at("203.0.113.7", cookie)),
        {"username": "other", "password": PASSWORD, "cookie": True},
    )
    assert device_line(other).partition(";")[0] != cookie


async def test_what_was_not_asked_for_sets_no_cookie(guessed: Web) -> None:
    await guessed.add_user("user7")
    bearer_login = await log_in(guessed, username="user7")
    refused = await log_in(guessed, username="user7", password="wrong", cookie=True)
    assert (bearer_login.status, refused.status) == (200, 401)
    assert "Set-Cookie" not in bearer_login.headers
    assert "Set-Cookie" not in refused.headers


async def test_two_devices_at_once_are_none(guessed: Web) -> None:
    await guessed.add_user("user8")
    one, two = await know(guessed, "user8"), await know(guessed, "user8")
    await wear_out(guessed, "user8")
    members = {"username": "user8", "password": PASSWORD}
    answer = await ask(guessed, "POST", "/login", at("192.0.2.202", f"{one}; {two}"), members)
    assert answer.status == 429


async def test_upstreams_are_handed_none_of_our_cookies(guessed: Web) -> None:
    await guessed.add_user("user9")
    cookie = await know(guessed, "user9")
    asked = {
        "X-Forwarded-Method": "GET",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "app.example.com",
        "X-Forwarded-Uri": "/public/",
        "Cookie": f"a=1; {cookie}; __Host-sidecar-csrf=x; __Host-sidecar-return=y; b=2",
    }
    answer = await ask(guessed, "GET", "/verify", asked)
    assert (answer.status, answer.headers["Cookie"]) == (200, "a=1; b=2")


async def test_a_form_is_told_to_wait_by_the_page(guessed: Web) -> None:
    await guessed.add_user("user10")
    await wear_out(guessed, "user10")
    form = urlencode({"username": "user10", "password": "wrong"})
    headers = {**FORM, **at("192.0.2.203"), "Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
    answer = await ask(guessed, "POST", "/login", headers, form)
    assert (answer.status, answer.headers.get("Retry-After")) == (
        429,
        answer.headers["Retry-After"],
    )
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "wrong" not in answer.text


async def test_who_is_logged_in_cannot_guess_the_present_password_either(guessed: Web) -> None:
    await guessed.add_user("thief")
    tokens = await guessed.log_in("thief")
    headers = {**bearer(tokens["access_token"]), **at("192.0.2.204")}
    body = {"current_password": "wrong", "new_password": "another long passphrase"}
    await until_refused(lambda: ask(guessed, "POST", "/me/password", headers, body), USER.free)
    # They were counted where guesses at the login are.
    key = f"user:{guessed.serving.throttle.names.tag('thief')}"
    statement = "UPDATE throttle SET count = 99 WHERE key = ? AND count >= ?"
    await change(guessed, statement, key, USER.free)
    right = {"current_password": PASSWORD, "new_password": "another long passphrase"}
    for tried in (body, right):
        answer = await ask(guessed, "POST", "/me/password", headers, tried)
        answer.assert_problem(429, "too_many_attempts")


async def test_each_refusal_is_counted_by_what_took_no_more(guessed: Web) -> None:
    throttled = guessed.serving.throttle.throttled
    await wear_out(guessed, "counted")
    before = throttled["user"]
    await guess(guessed, "counted")
    assert throttled["user"] == before + 1
