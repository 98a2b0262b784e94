"""Guessing codes with a known password: after some of them each has to wait."""

from collections.abc import Awaitable, Callable

import pytest

from sidecar.clock import read_clock
from sidecar.core.audit import UNKNOWN_DEVICE
from sidecar.core.throttle import USER, Throttled
from sidecar.core.verdict import Deny
from sidecar.login import Attempt, CodeWanted, Login
from sidecar.web.context import CONTEXT
from tests.programs.service import PASSWORD
from tests.web.asked import ask, bearer, change, log_in
from tests.web.conftest import Web
from tests.web.phones import Phone, add_phone

pytestmark = pytest.mark.asyncio(loop_scope="module")

Guess = Callable[[Login, Phone, int], Awaitable[object]]


async def guess_by_form(login: Login, phone: Phone, now: int) -> object:
    """Type the password and a wrong code at once."""
    attempt = Attempt("ada", PASSWORD, UNKNOWN_DEVICE, phone.misread())
    begun = await login.log_in_cookie(attempt, now, remember=False)
    return begun.refusal if isinstance(begun, CodeWanted) else begun


async def guess_by_ticket(login: Login, phone: Phone, now: int) -> object:
    """Type a wrong code where the password was right a moment ago."""
    wanted = await login.log_in_cookie(
        Attempt("bea", PASSWORD, UNKNOWN_DEVICE), now, remember=False
    )
    if not isinstance(wanted, CodeWanted):
        return wanted
    return await login.log_in_ticket(wanted.ticket, phone.misread(), UNKNOWN_DEVICE, now, None)


async def wear_out(web: Web, name: str) -> int:
    """Have the next one wait for minutes, however slow it is; return how many counted."""
    key = f"user:{web.serving.throttle.names.tag(name)}"
    tallies = dict(await web.serving.services.store.throttle.list_tallies())
    await change(web, "UPDATE throttle SET count = 99 WHERE key = ?", key)
    return tallies[key].count


@pytest.mark.parametrize(("name", "guess"), [("ada", guess_by_form), ("bea", guess_by_ticket)])
async def test_after_some_wrong_codes_the_next_has_to_wait(
    settled: Web, name: str, guess: Guess
) -> None:
    """Also where the password alone is shown in between, which is right each time."""
    phone, login = await add_phone(settled, name), settled.runner.app[CONTEXT].login
    now = read_clock().unix  # one for all: at the next second the last of them need not wait
    outcomes = [await guess(login, phone, now) for _ in range(USER.free + 1)]
    assert all(isinstance(each, Deny) for each in outcomes[: USER.free])
    assert isinstance(outcomes[-1], Throttled)
    assert await wear_out(settled, name) == USER.free
    answer = await log_in(settled, username=name, otp=phone.read())
    answer.assert_problem(429, "too_many_attempts")
    assert int(answer.headers["Retry-After"]) >= 1


async def test_who_guesses_the_code_that_confirms_has_to_wait_too(settled: Web) -> None:
    await settled.add_user("dot")
    who = bearer((await settled.log_in("dot"))["access_token"])
    phone = Phone.of((await ask(settled, "POST", "/me/otp", who)).json["secret"])
    for _ in range(USER.free):
        body = {"otp": phone.misread()}
        (await ask(settled, "POST", "/me/otp/confirm", who, body)).assert_problem(
            401, "otp_invalid"
        )
    assert await wear_out(settled, "dot") == USER.free
    answer = await ask(settled, "POST", "/me/otp/confirm", who, {"otp": phone.read()})
    answer.assert_problem(429, "too_many_attempts")
    assert int(answer.headers["Retry-After"]) >= 1
    (await log_in(settled, username="dot")).assert_problem(429, "too_many_attempts")


async def test_codes_that_confirm_count_for_nothing(settled: Web) -> None:
    await settled.add_user("eve")
    who = bearer((await settled.log_in("eve"))["access_token"])
    for _ in range(USER.free + 1):
        phone = Phone.of((await ask(settled, "POST", "/me/otp", who)).json["secret"])
        confirmed = await ask(settled, "POST", "/me/otp/confirm", who, {"otp": phone.read()})
        assert confirmed.status == 200
        for table in ("factors", "recovery_codes"):
            await change(settled, f"DELETE FROM {table}")  # noqa: S608 - a name from above


async def test_who_types_no_code_yet_is_counted_for_nothing(settled: Web) -> None:
    phone, login = await add_phone(settled, "cat"), settled.runner.app[CONTEXT].login
    attempt, now = Attempt("cat", PASSWORD, UNKNOWN_DEVICE), read_clock().unix
    begun = [await login.log_in_cookie(attempt, now, remember=False) for _ in range(2 * USER.free)]
    assert all(isinstance(each, CodeWanted) for each in begun)
    answer = await log_in(settled, username="cat", otp=phone.read())
    assert answer.status == 200
