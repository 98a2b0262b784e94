"""`/me/otp`: a second factor is set up, confirmed with a code, and taken away for the password."""

import json
import re
from base64 import b32decode
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from sidecar.core.totp import LONGEST_OTP
from tests.programs.service import PASSWORD
from tests.web.asked import JSON, ask, bearer, change, claims_of, log_in, read_trail, rows
from tests.web.conftest import Web
from tests.web.phones import Phone, give_phone

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATHS = ("/me/otp", "/me/otp/confirm", "/me/otp/disable")
BODIES = {
    "/me/otp/confirm": {"otp": "123456"},
    "/me/otp/disable": {"password": PASSWORD},
}


async def sign_up(web: Web, name: str) -> dict[str, str]:
    """Add somebody, and return the header of who is logged in."""
    await web.add_user(name)
    return bearer((await web.log_in(name))["access_token"])


async def test_somebody_sets_a_second_factor_up(settled: Web) -> None:
    who = await sign_up(settled, "ada")
    begun = await ask(settled, "POST", "/me/otp", who)
    assert (begun.status, begun.headers["Cache-Control"]) == (200, "no-store")
    assert set(begun.json) == {"secret", "otpauth_uri"}
    assert len(b32decode(begun.json["secret"])) == 20
    uri = urlsplit(begun.json["otpauth_uri"])
    assert (uri.scheme, unquote(uri.path)) == ("otpauth", "/auth.example.com:ada")
    assert parse_qs(uri.query)["secret"] == [begun.json["secret"]]
    assert (await log_in(settled, username="ada")).status == 200, "not confirmed: not asked for"
    phone = Phone.of(begun.json["secret"])
    confirmed = await ask(settled, "POST", "/me/otp/confirm", who, {"otp": phone.read()})
    assert (confirmed.status, confirmed.headers["Cache-Control"]) == (200, "no-store")
    codes = confirmed.json.pop("recovery_codes")
    assert len(set(codes)) == 10
    assert all(re.fullmatch("([0-9a-z]{4}-){3}[0-9a-z]{4}", code) for code in codes)
    (await log_in(settled, username="ada")).assert_problem(401, "otp_required")
    assert (await ask(settled, "GET", "/me", who)).status == 200, "the session goes on"
    event = (await read_trail(settled))[0]
    sub = (await ask(settled, "GET", "/me", who)).json["id"]
    assert (event.action, event.actor, event.subject) == ("otp.enabled", sub, sub)


async def test_a_new_attempt_replaces_the_secret_of_the_last(settled: Web) -> None:
    who = await sign_up(settled, "bea")
    first, second = [
        Phone.of((await ask(settled, "POST", "/me/otp", who)).json["secret"]) for _ in range(2)
    ]
    refused = await ask(settled, "POST", "/me/otp/confirm", who, {"otp": first.read()})
    refused.assert_problem(401, "otp_invalid")
    confirmed = await ask(settled, "POST", "/me/otp/confirm", who, {"otp": second.read()})
    assert confirmed.status == 200


async def test_who_has_one_sets_no_other_up(settled: Web) -> None:
    who = await sign_up(settled, "cat")
    await give_phone(settled, who["Authorization"].split()[1])
    before = await rows(settled)
    (await ask(settled, "POST", "/me/otp", who)).assert_problem(409, "otp_enabled")
    assert await rows(settled) == before


async def test_what_was_not_begun_or_too_long_ago_is_not_confirmed(settled: Web) -> None:
    who = await sign_up(settled, "dot")
    refused = await ask(settled, "POST", "/me/otp/confirm", who, {"otp": "123456"})
    refused.assert_problem(401, "otp_invalid")
    phone = Phone.of((await ask(settled, "POST", "/me/otp", who)).json["secret"])
    await change(settled, "UPDATE factors SET created_at = created_at - 3600")
    refused = await ask(settled, "POST", "/me/otp/confirm", who, {"otp": phone.read()})
    refused.assert_problem(401, "otp_invalid")


@pytest.mark.parametrize("typed", ["wrong", "old", "1", "a b", "0000-0000-0000-0000", "-"])
async def test_what_is_not_the_code_confirms_nothing(settled: Web, typed: str) -> None:
    who = bearer((await settled.log_in())["access_token"])
    phone = Phone.of((await ask(settled, "POST", "/me/otp", who)).json["secret"])
    otp = {"wrong": phone.misread(), "old": phone.read(-3)}.get(typed, typed)
    before = await rows(settled)
    refused = await ask(settled, "POST", "/me/otp/confirm", who, {"otp": otp})
    members = refused.assert_problem(401, "otp_invalid")
    assert set(members) == {"title", "status", "reason", "request_id"}
    assert await rows(settled) == before
    assert (await log_in(settled)).status == 200


@pytest.mark.parametrize(
    ("path", "body", "pointers"),
    [
        ("/me/otp/confirm", {}, ["/otp"]),
        ("/me/otp/confirm", {"otp": ""}, ["/otp"]),
        ("/me/otp/confirm", {"otp": None}, ["/otp"]),
        ("/me/otp/confirm", {"otp": 123456}, ["/otp"]),
        ("/me/otp/confirm", {"otp": ["123456"]}, ["/otp"]),
        ("/me/otp/confirm", {"otp": "1" * (LONGEST_OTP + 1)}, ["/otp"]),
        ("/me/otp/confirm", {"otp": "123456\n"}, ["/otp"]),
        ("/me/otp/confirm", {"otp": "\x00"}, ["/otp"]),
        ("/me/otp/confirm", {"otp": "123456", "code": "1"}, ["/code"]),
        ("/me/otp/disable", {}, ["/password"]),
        ("/me/otp/disable", {"password": ""}, ["/password"]),
        ("/me/otp/disable", {"password": 1}, ["/password"]),
        ("/me/otp/disable", {"password": "p" * 1025}, ["/password"]),
        ("/me/otp/disable", {"otp": "123456"}, ["/otp", "/password"]),
    ],
)
async def test_each_field_is_judged(
    settled: Web, path: str, body: dict[str, object], pointers: list[str]
) -> None:
    who = bearer((await settled.log_in())["access_token"])
    members = (await ask(settled, "POST", path, who, body)).assert_problem(422, "fields_invalid")
    assert sorted(error["pointer"] for error in members["errors"]) == pointers


@pytest.mark.parametrize(
    ("octets", "content_type", "status", "reason"),
    [
        (b'{"otp": "1", "otp": "2"}', "application/json", 400, "body_malformed"),
        (b"[]", "application/json", 400, "body_malformed"),
        (b"", "application/json", 400, "body_malformed"),
        (b'{"otp": "\xff"}', "application/json", 400, "body_malformed"),
        (b"otp=123456", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (b'{"otp": "1"}', "text/plain", 415, "unsupported_media_type"),
        (b'{"otp": "1"}', None, 415, "unsupported_media_type"),
    ],
)
async def test_what_is_no_json_is_refused(
    settled: Web, octets: bytes, content_type: str | None, status: int, reason: str
) -> None:
    who = bearer((await settled.log_in())["access_token"])
    headers = who if content_type is None else {**who, "Content-Type": content_type}
    answer = await ask(settled, "POST", "/me/otp/confirm", headers, octets)
    answer.assert_problem(status, reason)


async def test_it_is_taken_away_for_the_password_alone(settled: Web) -> None:
    who = await sign_up(settled, "eve")
    await give_phone(settled, who["Authorization"].split()[1])
    before = await rows(settled)
    for wrong in (PASSWORD + "x", "x", PASSWORD.upper()):
        refused = await ask(settled, "POST", "/me/otp/disable", who, {"password": wrong})
        refused.assert_problem(401, "invalid_credentials")
    (await log_in(settled, username="eve")).assert_problem(401, "otp_required")
    assert [row for row in await rows(settled) if "throttle" not in row] == [
        row for row in before if "throttle" not in row
    ]
    done = await ask(settled, "POST", "/me/otp/disable", who, {"password": PASSWORD})
    assert (done.status, done.body) == (204, b"")
    event = (await read_trail(settled))[0]
    assert (event.action, event.actor) == ("otp.disabled", event.subject)
    assert claims_of((await log_in(settled, username="eve")).json["access_token"])["amr"] == ["pwd"]
    again = await ask(settled, "POST", "/me/otp/disable", who, {"password": PASSWORD})
    again.assert_problem(404, "not_found")


@pytest.mark.parametrize("path", PATHS)
async def test_nobody_does_it_for_somebody_else(settled: Web, path: str) -> None:
    body = json.dumps(BODIES.get(path, {}))
    cookie = await settled.log_in_cookie()
    before = await rows(settled)
    for headers, status, reason in (
        ({}, 401, "no_credential"),
        (bearer("a.b.c"), 401, "token_malformed"),
        ({"Cookie": cookie, "Origin": "https://evil.example.net"}, 403, "cross_site"),
        ({"Cookie": cookie, "Sec-Fetch-Site": "cross-site"}, 403, "cross_site"),
        ({"Cookie": cookie, "Sec-Fetch-Site": "same-site"}, 403, "cross_site"),
    ):
        answer = await ask(settled, "POST", path, {**JSON, **headers}, body)
        answer.assert_problem(status, reason)
    assert await rows(settled) == before


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
async def test_no_other_method_is_there(settled: Web, path: str, method: str) -> None:
    answer = await ask(settled, method, path)
    answer.assert_problem(405, "method_not_allowed")
    assert answer.headers["Allow"] == "POST"


async def test_a_personal_token_sets_nothing_up(settled: Web) -> None:
    who = bearer((await settled.log_in())["access_token"])
    made = await ask(settled, "POST", "/me/tokens", who, {"name": "a script"})
    assert made.status == 201
    for path in PATHS:
        answer = await ask(settled, "POST", path, bearer(made.json["token"]), BODIES.get(path, {}))
        answer.assert_problem(401, "token_type")


async def test_who_is_somebody_else_by_now_does_nothing(settled: Web) -> None:
    """What another process did a moment ago: ahead of the feed."""
    who = await sign_up(settled, "moe")
    await change(settled, "UPDATE users SET username = 'moe-2' WHERE username = 'moe'")
    await settled.add_user("moe")
    refused = await ask(settled, "POST", "/me/otp/disable", who, {"password": PASSWORD})
    refused.assert_problem(401, "revoked_user")
    await change(settled, "DELETE FROM users WHERE username = 'moe-2'")
    (await ask(settled, "POST", "/me/otp", who)).assert_problem(401, "revoked_user")
