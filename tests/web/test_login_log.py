"""One line for each login and each refusal: who, from where, and never what was typed."""

import json
import logging
from typing import Any
from urllib.parse import urlencode

import pytest

from sidecar.clock import read_clock
from sidecar.core.audit import OPERATOR, Author
from sidecar.telemetry.log import FIELDS
from tests.programs.service import PASSWORD
from tests.web.asked import FORM, GOOD, OWN_FORM, Asked, ask, bearer, refresh
from tests.web.conftest import Web

pytestmark = pytest.mark.asyncio(loop_scope="module")

ID = "the-proxys-id-1"
FROM = {"X-Forwarded-For": "203.0.113.7", "X-Request-Id": ID}
TYPED = "correct horse battery"


@pytest.fixture(autouse=True)
def _listening(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="sidecar")


def lines(caplog: pytest.LogCaptureFixture, message: str) -> list[dict[str, Any]]:
    """Return the lines with this message, as a log of JSON would have them."""
    plain = set(vars(logging.makeLogRecord({}))) | set(FIELDS) | {"message"}
    return [
        {key: value for key, value in vars(record).items() if key not in plain}
        for record in caplog.records
        if record.getMessage() == message
    ]


def everything(caplog: pytest.LogCaptureFixture) -> str:
    """Return all that was logged, as text."""
    return json.dumps([vars(record) for record in caplog.records], default=str)


@pytest.mark.parametrize("cookie", [False, True])
async def test_a_login_says_who_and_from_where(
    settled: Web, caplog: pytest.LogCaptureFixture, *, cookie: bool
) -> None:
    body = {**GOOD, "username": "ALICE", "cookie": cookie}
    answer = await ask(settled, "POST", "/login", FROM, body)
    (user,) = await settled.serving.services.accounts.list()
    (line,) = lines(caplog, "logged in")
    assert await settled.serving.services.revocations.end_session_by(
        Author(OPERATOR), line.pop("sid"), read_clock().unix
    )
    assert line == {
        "sub": user.id,
        "username": "alice",
        "kind": "cookie" if cookie else "bearer",
        "address": "203.0.113.7",
        "request_id": ID,
    }
    assert PASSWORD not in everything(caplog)
    given = answer.headers["Set-Cookie"] if cookie else answer.json["access_token"]
    secret = given.removeprefix("__Host-sidecar=").partition(";")[0]
    assert secret not in everything(caplog)
    assert cookie or answer.json["refresh_token"] not in everything(caplog)


async def test_a_login_by_form_is_one_line_too(
    settled: Web, caplog: pytest.LogCaptureFixture
) -> None:
    await ask(settled, "POST", "/login", {**OWN_FORM, **FROM}, urlencode(GOOD))
    (line,) = lines(caplog, "logged in")
    assert (line["username"], line["kind"], line["request_id"]) == ("alice", "cookie", ID)


@pytest.mark.parametrize("kind", ["json", "cookie", "form"])
@pytest.mark.parametrize("username", ["alice", TYPED, "nobody"])
async def test_a_refused_login_says_nothing_that_was_typed(
    settled: Web, caplog: pytest.LogCaptureFixture, kind: str, username: str
) -> None:
    # Some type their password where the name belongs.
    body = {"username": username, "password": f"{TYPED} staple"}
    if kind == "form":
        await ask(settled, "POST", "/login", {**OWN_FORM, **FROM}, urlencode(body))
    else:
        await ask(settled, "POST", "/login", FROM, {**body, "cookie": kind == "cookie"})
    (line,) = lines(caplog, "login refused")
    (alice,) = await settled.serving.services.accounts.list()
    assert line == {
        "reason": "invalid_credentials",
        "address": "203.0.113.7",
        "request_id": ID,
        **({"sub": alice.id} if username == "alice" else {}),
    }
    assert lines(caplog, "logged in") == []
    assert TYPED not in everything(caplog)
    assert username not in everything(caplog)


async def test_a_login_from_another_site_is_a_refusal(
    settled: Web, caplog: pytest.LogCaptureFixture
) -> None:
    page = {**FROM, "Origin": "http://evil.example"}
    for headers, body in (({}, {**GOOD, "cookie": True}), (FORM, urlencode(GOOD))):
        await ask(settled, "POST", "/login", {**page, **headers}, body)
    assert [line["reason"] for line in lines(caplog, "login refused")] == ["cross_site"] * 2
    assert lines(caplog, "logged in") == []


async def test_a_refused_refresh_says_why_to_the_log_only(
    settled: Web, caplog: pytest.LogCaptureFixture
) -> None:
    tokens = await settled.log_in()
    second = (await refresh(settled, tokens["refresh_token"])).json
    await refresh(settled, second["refresh_token"])
    body = {"refresh_token": tokens["refresh_token"]}
    answer = await ask(settled, "POST", "/refresh", FROM, body)
    (line,) = lines(caplog, "refresh refused")
    assert line.pop("sid")
    assert line == {
        "reason": "invalid_grant",
        "cause": "an old token came back: the session was ended",
        "address": "203.0.113.7",
        "request_id": ID,
    }
    assert line["cause"] not in answer.text
    for token in (*tokens.values(), *second.values()):
        assert not isinstance(token, str) or len(token) < 20 or token not in everything(caplog)


async def ask_nobody(web: Web) -> tuple[str, Asked]:
    """Ask who is logged in without a credential."""
    return "request refused", await ask(web, "GET", "/me", FROM)


async def ask_forged(web: Web) -> tuple[str, Asked]:
    """Ask who is logged in with a token of nobody's."""
    return "request refused", await ask(web, "GET", "/me", {**FROM, **bearer(f"{TYPED[:7]}.y.z")})


async def end_nothing(web: Web) -> tuple[str, Asked]:
    """Ask for a logout without a credential."""
    return "logout refused", await ask(web, "POST", "/logout", FROM)


@pytest.mark.parametrize("act", [ask_nobody, ask_forged, end_nothing])
async def test_every_other_refusal_is_one_line(
    settled: Web, caplog: pytest.LogCaptureFixture, act: Any
) -> None:
    message, answer = await act(settled)
    (line,) = lines(caplog, message)
    asked = {"method": "GET", "path": "/me", "sub": None} if message == "request refused" else {}
    assert line == {
        "reason": answer.json["reason"],
        "address": "203.0.113.7",
        "request_id": ID,
        **asked,
    }
    assert TYPED[:7] not in everything(caplog)


@pytest.mark.parametrize(
    ("method", "path", "told"),
    [
        ("GET", "/audit", "/audit"),
        ("DELETE", f"/clients/{TYPED[:7]}", "/clients/{id}"),
        ("POST", f"/users/{TYPED[:7]}/revoke", "/users/{id}/revoke"),
    ],
)
async def test_who_may_not_do_something_is_named_with_what_they_may_not(
    settled: Web, caplog: pytest.LogCaptureFixture, method: str, path: str, told: str
) -> None:
    tokens = await settled.log_in()
    (user,) = await settled.serving.services.accounts.list()
    answer = await ask(settled, method, path, {**FROM, **bearer(tokens["access_token"])})
    answer.assert_problem(403, "role_missing")
    (line,) = lines(caplog, "request refused")
    assert line == {
        "reason": "role_missing",
        "method": method,
        "path": told,
        "sub": user.id,
        "address": "203.0.113.7",
        "request_id": ID,
    }
    assert TYPED[:7] not in everything(caplog)


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        (None, None),
        ("203.0.113.7, 127.0.0.1", "203.0.113.7"),
        ("198.51.100.1, 203.0.113.7", "203.0.113.7"),
        ("2001:db8::1", "2001:db8::1"),
        ("not an address", None),
        (f"{TYPED}, 203.0.113.7", "203.0.113.7"),
    ],
)
async def test_the_address_is_as_far_as_trusted_hops_vouch_for_it(
    settled: Web, caplog: pytest.LogCaptureFixture, forwarded: str | None, address: str | None
) -> None:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    await ask(settled, "POST", "/login", headers, {**GOOD, "password": "x"})
    (line,) = lines(caplog, "login refused")
    assert line["address"] == address
