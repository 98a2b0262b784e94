"""A login with a second factor: each code once, and nothing said before the password was right."""

import asyncio

import pytest

from sidecar.core.totp import LONGEST_OTP
from tests.programs.service import PASSWORD
from tests.web.asked import (
    ask,
    bearer,
    change,
    claims_of,
    is_let_in,
    log_in,
    read_trail,
    refresh,
    rows,
)
from tests.web.conftest import Web
from tests.web.phones import add_phone, forget_step

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_login_needs_the_code_too_and_says_so_in_its_token(settled: Web) -> None:
    phone = await add_phone(settled, "ada")
    (await log_in(settled, username="ada")).assert_problem(401, "otp_required")
    answer = await log_in(settled, username="ada", otp=phone.read())
    assert answer.status == 200
    token = answer.json["access_token"]
    assert claims_of(token)["amr"] == ["pwd", "otp"]
    assert await is_let_in(settled, token)
    refreshed = await refresh(settled, answer.json["refresh_token"])
    assert claims_of(refreshed.json["access_token"])["amr"] == ["pwd", "otp"]


async def test_a_cookie_needs_the_code_too(settled: Web) -> None:
    phone = await add_phone(settled, "bea")
    refused = await log_in(settled, username="bea", cookie=True)
    refused.assert_problem(401, "otp_required")
    assert "Set-Cookie" not in refused.headers
    cookie = await settled.log_in_cookie("bea", otp=phone.read())
    assert claims_of(cookie.partition("=")[2])["amr"] == ["pwd", "otp"]


async def test_a_code_counts_once_whatever_it_opened(settled: Web) -> None:
    phone = await add_phone(settled, "cat")
    code = phone.read()
    assert (await log_in(settled, username="cat", otp=code, cookie=True)).status == 200
    for members in ({}, {"cookie": True}, {"remember": True}):
        again = await log_in(settled, username="cat", otp=code, **members)
        again.assert_problem(401, "otp_invalid")
    later = await log_in(settled, username="cat", otp=phone.read(1))
    assert later.status == 200
    earlier = await log_in(settled, username="cat", otp=phone.read())
    earlier.assert_problem(401, "otp_invalid")


@pytest.mark.parametrize(
    ("name", "otp"),
    [
        ("dan", "wrong"),
        ("deb", "old"),
        ("dee", "new"),
        ("dom", "12345"),
        ("don", "x"),
        ("dot", "0000-0000-0000-0000"),
        ("dov", "\u0661" * 6),
    ],
)
async def test_what_is_not_the_code_lets_nobody_in(settled: Web, name: str, otp: str) -> None:
    phone = await add_phone(settled, name)
    typed = {"wrong": phone.misread(), "old": phone.read(-3), "new": phone.read(3)}.get(otp, otp)
    answer = await log_in(settled, username=name, otp=typed)
    members = answer.assert_problem(401, "otp_invalid")
    assert set(members) == {"title", "status", "reason", "request_id"}
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert (await log_in(settled, username=name, otp=phone.read())).status == 200


async def test_nothing_is_said_of_the_code_before_the_password_was_right(settled: Web) -> None:
    phone, former = await add_phone(settled, "eve"), await add_phone(settled, "former")
    await settled.change_user("former", disabled=True)
    told = set()
    for name, password, codes in (
        ("eve", PASSWORD + "x", (phone.read(), phone.misread(), phone.codes[0], None)),
        ("nobody", PASSWORD, (phone.read(), phone.misread(), None)),
        ("former", PASSWORD, (former.read(), former.misread(), former.codes[0], None)),
    ):
        for otp in codes:
            typed = {} if otp is None else {"otp": otp}
            answer = await log_in(settled, username=name, password=password, **typed)
            answer.assert_problem(401, "invalid_credentials")
            told.add((frozenset(answer.json), frozenset(answer.headers)))
    assert len(told) == 1
    for otp in (phone.read(), phone.codes[0]):
        assert (await log_in(settled, username="eve", otp=otp)).status == 200, "not spent"


async def test_a_recovery_code_stands_in_once(settled: Web) -> None:
    phone = await add_phone(settled, "fay")
    for left, typed in (
        (9, phone.codes[0]),
        (8, phone.codes[1].upper().replace("-", " ")),
        (7, phone.codes[2].replace("-", "")),
    ):
        answer = await log_in(settled, username="fay", otp=typed)
        claims = claims_of(answer.json["access_token"])
        assert claims["amr"] == ["pwd", "otp"]
        event = (await read_trail(settled))[0]
        assert (event.action, event.actor) == ("otp.recovered", claims["sub"])
        assert (event.subject, event.details) == (claims["sub"], {"left": left})
        again = await log_in(settled, username="fay", otp=typed)
        again.assert_problem(401, "otp_invalid")


async def test_of_logins_at_once_with_one_code_one_wins(settled: Web) -> None:
    phone = await add_phone(settled, "gil")
    for code in (phone.read(), phone.codes[0]):
        answers = await asyncio.gather(
            *(log_in(settled, username="gil", otp=code) for _ in range(5))
        )
        reasons = sorted(answer.json.get("reason", "") for answer in answers)
        assert reasons == ["", *["otp_invalid"] * 4]


async def test_who_has_no_second_factor_need_not_show_one(settled: Web) -> None:
    answer = await log_in(settled, otp="123456")
    assert claims_of(answer.json["access_token"])["amr"] == ["pwd"]


@pytest.mark.parametrize(
    "otp", ["", None, 123456, ["123456"], True, "1" * (LONGEST_OTP + 1), "12\n", "\ud800"]
)
async def test_a_code_that_cannot_be_read_is_a_field_error(settled: Web, otp: object) -> None:
    members = (await log_in(settled, otp=otp)).assert_problem(422, "fields_invalid")
    assert [error["pointer"] for error in members["errors"]] == ["/otp"]


async def test_another_password_leaves_the_second_factor_as_it_is(settled: Web) -> None:
    phone = await add_phone(settled, "hal")
    await settled.set_password("hal", PASSWORD * 2)
    said = {"username": "hal", "password": PASSWORD * 2}
    (await log_in(settled, **said)).assert_problem(401, "otp_required")
    assert (await log_in(settled, **said, otp=phone.read())).status == 200


async def test_a_second_factor_that_does_not_open_is_not_as_if_there_were_none(
    settled: Web, caplog: pytest.LogCaptureFixture
) -> None:
    phone = await add_phone(settled, "ida")
    await change(settled, "UPDATE factors SET secret = 'AAAA' || substr(secret, 5)")
    answer = await log_in(settled, username="ida", otp=phone.read())
    answer.assert_problem(503, "unavailable")
    assert answer.headers["Retry-After"]
    (line,) = [each for each in caplog.records if each.message == "unavailable"]
    assert "does not open" in line.__dict__["cause"]
    (await log_in(settled, username="ida")).assert_problem(401, "otp_required")
    recovered = await log_in(settled, username="ida", otp=phone.codes[0])
    assert recovered.status == 200, "what stands in for it does not need it"
    await change(settled, "DELETE FROM factors")


async def test_no_code_is_written_down(settled: Web, caplog: pytest.LogCaptureFixture) -> None:
    phone = await add_phone(settled, "joy")
    code, wrong = phone.read(), phone.misread()
    typed = (code, wrong, phone.codes[0], phone.codes[1])
    for otp in typed:
        await log_in(settled, username="joy", otp=otp)
    told = "\n".join(str(each.__dict__) for each in caplog.records)
    kept = "\n".join(await rows(settled))
    for otp in typed:
        assert otp not in told
        assert otp.replace("-", "") not in told
        if "-" in otp:
            assert otp.replace("-", "") not in kept
    assert phone.secret.hex() not in kept.lower()


async def test_an_administrator_takes_it_away_from_who_has_lost_it(settled: Web) -> None:
    await settled.add_user("root", "admin")
    await add_phone(settled, "kim")
    kim = await settled.serving.services.accounts.show("kim")
    admin = bearer((await settled.log_in("root"))["access_token"])
    done = await ask(settled, "DELETE", f"/users/{kim.id}/otp", admin)
    assert (done.status, done.body) == (204, b"")
    event = (await read_trail(settled))[0]
    root = await settled.serving.services.accounts.show("root")
    assert (event.action, event.actor, event.subject) == ("otp.disabled", root.id, kim.id)
    assert claims_of((await settled.log_in("kim"))["access_token"])["amr"] == ["pwd"]
    for gone in (kim.id, "nobody", "%00", "%E2%80%AE", "a" * 300):
        answer = await ask(settled, "DELETE", f"/users/{gone}/otp", admin)
        answer.assert_problem(404, "not_found")
    assert (await read_trail(settled))[0] == event


async def test_nobody_else_takes_it_away(settled: Web) -> None:
    phone = await add_phone(settled, "lea")
    lea = await settled.serving.services.accounts.show("lea")
    own = (await log_in(settled, username="lea", otp=phone.read())).json["access_token"]
    await forget_step(settled)
    other = (await settled.log_in())["access_token"]
    path = f"/users/{lea.id}/otp"
    (await ask(settled, "DELETE", path)).assert_problem(401, "no_credential")
    for token in (own, other):
        (await ask(settled, "DELETE", path, bearer(token))).assert_problem(403, "role_missing")
    for method in ("GET", "POST", "PUT", "PATCH"):
        answer = await ask(settled, method, path, bearer(other))
        answer.assert_problem(405, "method_not_allowed")
        assert answer.headers["Allow"] == "DELETE"
    (await log_in(settled, username="lea")).assert_problem(401, "otp_required")
