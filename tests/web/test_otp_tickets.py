"""Between password and code: the ticket is worth nothing by itself, later, or to anybody else."""

import pytest

from sidecar.clock import read_clock
from sidecar.core.audit import UNKNOWN_DEVICE
from sidecar.core.throttle import Throttled
from sidecar.core.ticket import TICKET_TTL
from sidecar.core.totp import STEP, make_code
from sidecar.core.verdict import Deny, Reason
from sidecar.login import Attempt, Begun, CodeWanted, Login
from sidecar.web.context import CONTEXT
from tests.programs.service import PASSWORD
from tests.web.asked import claims_of, read_trail, rows
from tests.web.conftest import BY, Web
from tests.web.phones import Phone, add_phone

pytestmark = pytest.mark.asyncio(loop_scope="module")

OVER = Deny(Reason.INVALID_GRANT)


def find_login(web: Web) -> Login:
    """Return the use case behind the pages."""
    return web.runner.app[CONTEXT].login


async def begin(
    web: Web, name: str, now: int, *, otp: str | None = None, remember: bool = False
) -> Begun | CodeWanted:
    """Type the right password, and perhaps a code, into the form."""
    attempt = Attempt(name, PASSWORD, UNKNOWN_DEVICE, otp)
    begun = await find_login(web).log_in_cookie(attempt, now, remember=remember)
    assert isinstance(begun, Begun | CodeWanted)
    return begun


async def get_ticket(web: Web, name: str, now: int, *, remember: bool = False) -> str:
    """Type the right password alone, and return what the second page holds."""
    wanted = await begin(web, name, now, remember=remember)
    assert isinstance(wanted, CodeWanted)
    assert wanted.refusal == Deny(Reason.OTP_REQUIRED)
    return wanted.ticket


async def go_on(web: Web, ticket: str, otp: str, now: int) -> Begun | Deny | Throttled:
    """Type a code into the second page."""
    return await find_login(web).log_in_ticket(ticket, otp, UNKNOWN_DEVICE, now, None)


def code_at(phone: Phone, now: int) -> str:
    return make_code(phone.secret, now // STEP)


async def test_a_ticket_and_a_code_are_a_login(settled: Web) -> None:
    phone, now = await add_phone(settled, "ada"), read_clock().unix
    ticket = await get_ticket(settled, "ada", now)
    begun = await go_on(settled, ticket, code_at(phone, now), now)
    assert isinstance(begun, Begun)
    assert (begun.user.username, begun.amr, begun.grant.max_age) == ("ada", ("pwd", "otp"), None)
    claims = claims_of(begun.grant.cookie)
    assert (claims["amr"], claims["auth_time"]) == (["pwd", "otp"], now)


async def test_who_wants_to_be_remembered_is(settled: Web) -> None:
    phone, now = await add_phone(settled, "bea"), read_clock().unix
    ticket = await get_ticket(settled, "bea", now, remember=True)
    begun = await go_on(settled, ticket, code_at(phone, now), now)
    assert isinstance(begun, Begun)
    assert begun.grant.max_age == 30 * 86_400


async def test_a_code_with_the_password_needs_no_ticket(settled: Web) -> None:
    phone, now = await add_phone(settled, "cat"), read_clock().unix
    begun = await begin(settled, "cat", now, otp=code_at(phone, now))
    assert isinstance(begun, Begun)
    assert begun.amr == ("pwd", "otp")
    wanted = await begin(settled, "cat", now, otp=code_at(phone, now))
    assert isinstance(wanted, CodeWanted)
    assert wanted.refusal == Deny(Reason.OTP_INVALID)
    assert isinstance(await go_on(settled, wanted.ticket, phone.codes[0], now), Begun)
    assert (await read_trail(settled))[0].details == {"left": 9}


async def test_without_a_code_a_ticket_is_worth_nothing(settled: Web) -> None:
    phone, now = await add_phone(settled, "dot"), read_clock().unix
    ticket = await get_ticket(settled, "dot", now)
    before = [row for row in await rows(settled) if "throttle" not in row]
    assert await go_on(settled, ticket, "", now) == Deny(Reason.OTP_REQUIRED)
    for typed in (phone.misread(), "x", "0000-0000-0000-0000", ticket[:60]):
        assert await go_on(settled, ticket, typed, now) == Deny(Reason.OTP_INVALID)
    assert [row for row in await rows(settled) if "throttle" not in row] == before
    assert isinstance(await go_on(settled, ticket, code_at(phone, now), now), Begun)


async def test_neither_a_ticket_nor_another_lets_a_code_count_twice(settled: Web) -> None:
    phone, now = await add_phone(settled, "eve"), read_clock().unix
    ticket, other = [await get_ticket(settled, "eve", now) for _ in range(2)]
    code = code_at(phone, now)
    assert isinstance(await go_on(settled, ticket, code, now), Begun)
    for each in (ticket, other):
        assert await go_on(settled, each, code, now) == Deny(Reason.OTP_INVALID)
    assert isinstance(await go_on(settled, other, code_at(phone, now + STEP), now), Begun)


@pytest.mark.parametrize(
    ("name", "later", "good"),
    [("fay", TICKET_TTL - 1, True), ("flo", TICKET_TTL, False), ("fox", 86_400, False)],
)
async def test_a_ticket_lasts_for_five_minutes(
    settled: Web, name: str, later: int, good: bool
) -> None:
    phone, now = await add_phone(settled, name), read_clock().unix
    ticket = await get_ticket(settled, name, now)
    begun = await go_on(settled, ticket, code_at(phone, now + later), now + later)
    assert isinstance(begun, Begun) if good else begun == OVER


@pytest.mark.parametrize(
    ("name", "happened"),
    [
        ("gil", "password"),
        ("gus", "roles"),
        ("guy", "disabled"),
        ("gwen", "renamed"),
        ("gina", "removed"),
        ("greg", "unenrolled"),
    ],
)
async def test_a_ticket_of_before_is_worth_nothing(settled: Web, name: str, happened: str) -> None:
    phone, now = await add_phone(settled, name), read_clock().unix
    ticket = await get_ticket(settled, name, now)
    user = await settled.serving.services.accounts.show(name)
    match happened:
        case "password":
            await settled.set_password(name)
        case "roles":
            await settled.change_user(name, roles=("staff",))
        case "disabled":
            await settled.change_user(name, disabled=True)
        case "renamed":
            await settled.change_user(name, username=f"{name}-2")
            await settled.add_user(name)
        case "removed":
            await settled.remove_user(name)
            await add_phone(settled, name)
        case "unenrolled":
            context = settled.runner.app[CONTEXT]
            assert await context.factors.disable(user.id, BY, now)
        case _:
            raise AssertionError(happened)
    for typed in (code_at(phone, now), phone.codes[0], ""):
        assert await go_on(settled, ticket, typed, now) == OVER


async def test_a_ticket_of_somebody_else_takes_their_code(settled: Web) -> None:
    alice, bob = await add_phone(settled, "hal"), await add_phone(settled, "hugo")
    now = read_clock().unix
    ticket = await get_ticket(settled, "hal", now)
    for typed in (code_at(bob, now), bob.codes[0]):
        assert await go_on(settled, ticket, typed, now) == Deny(Reason.OTP_INVALID)
    begun = await go_on(settled, ticket, code_at(alice, now), now)
    assert isinstance(begun, Begun)
    assert begun.user.username == "hal"


@pytest.mark.parametrize("text", ["", "x", "A" * 100, "A" * 2000, "\u00e9", "\ud800"])
async def test_what_we_did_not_seal_is_no_ticket(settled: Web, text: str) -> None:
    assert await go_on(settled, text, "123456", read_clock().unix) == OVER
