"""Every row of the outcome table, in each dialect: status, reason, challenge and way on."""

from typing import Final, NamedTuple
from urllib.parse import quote

import pytest

from tests.web.conftest import PUBLIC_URL
from tests.web.gated import (
    DIALECTS,
    HOST,
    NAVIGATION,
    PARAMETRIC,
    Answer,
    Gated,
    Lines,
    asked,
    send,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

BARE: Final = "Bearer"
TOKEN: Final = 'Bearer error="invalid_token"'
REQUEST: Final = 'Bearer error="invalid_request"'
SCOPE: Final = 'Bearer error="insufficient_scope"'
OLD: Final = 'Bearer error="insufficient_user_authentication", max_age="900"'
WEAK: Final = 'Bearer error="insufficient_user_authentication", amr="hwk,otp"'
BOTH: Final = 'Bearer error="insufficient_user_authentication", max_age="900", amr="otp"'


class Row(NamedTuple):
    """Who asks for what, and what is answered; statuses are nginx's and all others'.

    `wanted` is what the login page is told beside the way back.
    """

    who: str
    target: str
    statuses: tuple[int, int]
    reason: str | None
    challenge: str | None = None
    lines: Lines = ()
    method: str = "GET"
    host: str = HOST
    wanted: str = ""


OK, NO, GO, GO_POST, FORBIDDEN = (200, 200), (401, 401), (401, 302), (401, 303), (403, 403)
CROSS: Final = (("Sec-Fetch-Site", "cross-site"),)
ROWS: Final = (
    # allow
    Row("nobody", "/public/", OK, None),
    Row("nobody", "/public/a?b=/../c", OK, None, method="POST"),
    Row("alice", "/", OK, None),
    Row("alice", "/orders", OK, None, method="DELETE"),
    Row("alice's cookie", "/", OK, None),
    Row("alice's cookie", "/", OK, None, method="POST"),
    Row("root", "/admin/", OK, None),
    Row("root's cookie", "/admin/x", OK, None),
    Row("alice", "/", OK, None, host="a.tools.example.com"),
    Row("alice", "/public/", OK, None, lines=NAVIGATION),
    # nobody, not a navigation
    Row("nobody", "/", NO, "no_credential", BARE),
    Row("nobody", "/admin/", NO, "no_credential", BARE),
    Row("nobody", "/", NO, "no_credential", BARE, method="POST"),
    Row("nobody", "/", NO, "no_credential", BARE, host="a.tools.example.com"),
    Row("basic", "/", NO, "no_credential", BARE),
    Row("garbage", "/", NO, "token_malformed", TOKEN),
    Row("foreign", "/", NO, "unknown_key", TOKEN),
    Row("program cookie", "/", NO, "claims_invalid", TOKEN),
    Row("expired", "/", NO, "expired", TOKEN),
    Row("expired", "/admin/", NO, "expired", TOKEN),
    Row("expired cookie", "/", NO, "expired", TOKEN),
    Row("revoked", "/", NO, "revoked_session", TOKEN),
    Row("revoked cookie", "/", NO, "revoked_session", TOKEN),
    # nobody, a navigation: the challenge is for programs, nginx needs it beside the way on
    Row("nobody", "/", GO, "no_credential", BARE, NAVIGATION),
    Row("nobody", "/a?b=c&d=%20", GO, "no_credential", BARE, NAVIGATION),
    Row("nobody", "/", GO, "no_credential", BARE, NAVIGATION, method="HEAD"),
    Row("nobody", "/", GO_POST, "no_credential", BARE, NAVIGATION, method="POST"),
    Row("nobody", "/", GO, "no_credential", BARE, NAVIGATION, host="a.tools.example.com:8443"),
    Row("expired", "/", GO, "expired", TOKEN, NAVIGATION),
    Row("revoked cookie", "/", GO, "revoked_session", TOKEN, NAVIGATION),
    # somebody, and only max_age or amr is missing
    Row("alice", "/recent/", OK, None),
    Row("otp", "/strong/", OK, None),
    Row("otp cookie", "/vault/", OK, None),
    Row("stale", "/recent/", NO, "login_too_old", OLD),
    Row("stale", "/recent/", NO, "login_too_old", OLD, method="POST"),
    Row("stale cookie", "/recent/", NO, "login_too_old", OLD),
    Row("program", "/recent/", NO, "login_too_old", OLD),
    Row("alice", "/strong/", NO, "amr_missing", WEAK),
    Row("program", "/strong/", NO, "amr_missing", WEAK),
    Row("alice", "/vault/", NO, "amr_missing", BOTH),
    Row("stale otp", "/vault/", NO, "login_too_old", BOTH),
    Row("stale", "/vault/", NO, "amr_missing", BOTH),
    Row("stale cookie", "/recent/", GO, "login_too_old", OLD, NAVIGATION, wanted="&max_age=900"),
    Row(
        *("stale cookie", "/recent/?a=b&max_age=1", GO, "login_too_old", OLD, NAVIGATION),
        wanted="&max_age=900",
    ),
    Row(
        *("stale cookie", "/recent/", GO_POST, "login_too_old", OLD, NAVIGATION, "POST"),
        wanted="&max_age=900",
    ),
    Row("alice's cookie", "/strong/", GO, "amr_missing", WEAK, NAVIGATION, wanted="&amr=hwk,otp"),
    Row("stale", "/vault/", GO, "amr_missing", BOTH, NAVIGATION, wanted="&max_age=900&amr=otp"),
    # ... and a role too: no login helps
    Row("program", "/vault/", FORBIDDEN, "role_missing"),
    Row("program", "/vault/", FORBIDDEN, "role_missing", lines=NAVIGATION),
    # somebody, but not allowed: nobody is sent to log in again
    Row("alice", "/admin/", FORBIDDEN, "role_missing"),
    Row("alice's cookie", "/admin/", FORBIDDEN, "role_missing"),
    Row("alice's cookie", "/admin/", FORBIDDEN, "role_missing", lines=NAVIGATION),
    Row("alice", "/admin", FORBIDDEN, "role_missing"),
    Row("alice", "/mine/", FORBIDDEN, "user_not_listed"),
    Row("program", "/mine/", FORBIDDEN, "user_not_listed"),
    Row("alice", "/inside/", FORBIDDEN, "network_not_allowed"),
    Row("root", "/inside/", FORBIDDEN, "network_not_allowed", lines=NAVIGATION),
    Row("alice", "/scoped/", FORBIDDEN, "scope_missing", SCOPE),
    Row("half scoped", "/scoped/", FORBIDDEN, "scope_missing", SCOPE),
    Row("root's cookie", "/scoped/", FORBIDDEN, "scope_missing", SCOPE, NAVIGATION),
    Row("scoped", "/scoped/", OK, None),
    Row("program", "/scoped/", OK, None),
    # no rule: the same for everybody
    Row("nobody", "/", FORBIDDEN, "no_rule", host="api.example.com"),
    Row("nobody", "/", FORBIDDEN, "no_rule", lines=NAVIGATION, host="other.example.com"),
    Row("root", "/", FORBIDDEN, "no_rule", host="other.example.com"),
    Row("root", "/", FORBIDDEN, "no_rule", host="tools.example.com"),
    Row("expired", "/", FORBIDDEN, "no_rule", host="other.example.com"),
    # borne by a cookie from elsewhere
    Row("alice's cookie", "/", FORBIDDEN, "cross_site", lines=CROSS, method="POST"),
    Row("alice's cookie", "/public/", FORBIDDEN, "cross_site", lines=CROSS, method="POST"),
    Row("alice's cookie", "/", FORBIDDEN, "cross_site", None, (*NAVIGATION, *CROSS), "POST"),
    # two of one kind, or no Bearer: on any rule, and no login page helps
    Row("two bearers", "/", NO, "two_credentials", REQUEST),
    Row("two bearers", "/public/", NO, "two_credentials", REQUEST),
    Row("two cookies", "/", NO, "two_credentials", REQUEST),
    Row("two cookies", "/public/", NO, "two_credentials", REQUEST),
    Row("two cookies", "/", NO, "two_credentials", REQUEST, NAVIGATION),
    Row("no token", "/", NO, "credential_malformed", REQUEST),
    Row("no token", "/public/", NO, "credential_malformed", REQUEST),
    Row("no token", "/public/", NO, "credential_malformed", REQUEST, NAVIGATION),
    Row("two words", "/public/", NO, "credential_malformed", REQUEST),
    # what does not open, is over or revoked, where anyone may: nobody
    Row("garbage", "/public/", OK, None),
    Row("foreign", "/public/", OK, None),
    Row("expired", "/public/", OK, None),
    Row("expired cookie", "/public/", OK, None),
    Row("revoked", "/public/", OK, None),
    Row("revoked cookie", "/public/", OK, None),
    # a malformed or ambiguous question: before any rule, whoever asks
    Row("root", "/public/../admin/", (403, 400), "path_ambiguous"),
    Row("nobody", "/public/%2e%2e/admin/", (403, 400), "path_ambiguous"),
    Row("root", "/Admin/", (403, 400), "path_ambiguous"),
    Row("nobody", "//", (403, 400), "path_ambiguous", lines=NAVIGATION),
    Row("root", "/", (403, 400), "host_malformed", host="app.example.com:0"),
    Row("root", "/", (403, 400), "method_malformed", method="GET POST"),
    Row("two bearers", "//", (403, 400), "path_ambiguous"),
)
ENDPOINTS: Final = (("/verify", "traefik"), *((f"/verify/{each}", each) for each in DIALECTS))


def _reason(row: Row, dialect: str) -> str | None:
    """Return the reason that the body says: Envoy's question has the method of the request."""
    if dialect != "envoy":
        return row.reason
    if row.method == "HEAD":
        return None
    return "malformed" if row.reason == "method_malformed" else row.reason


def _assert_answer(answer: Answer, row: Row, dialect: str) -> None:
    status = row.statuses[0 if dialect == "nginx" else 1]
    assert (answer.status, answer.reason) == (status, _reason(row, dialect))
    assert answer.headers.getall("Cache-Control") == ["no-store"]
    assert len(answer.headers.getall("X-Request-Id")) == 1
    challenges = [] if status in {302, 303} or row.challenge is None else [row.challenge]
    assert answer.headers.getall("WWW-Authenticate", []) == challenges
    url = quote(f"http://{row.host}{row.target}", safe="")
    is_sent_on = row.statuses in {GO, GO_POST}
    expected = [f"{PUBLIC_URL}/login?rd={url}{row.wanted}"] if is_sent_on else []
    assert answer.headers.getall("Location", []) == expected
    if status == 200:
        assert answer.headers["Content-Length"] == "0"
    else:
        answer.assert_tells_nobody()


@pytest.mark.parametrize(("endpoint", "dialect"), ENDPOINTS)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.who}, {row.method} {row.target}")
async def test_the_outcome_table(gated: Gated, row: Row, endpoint: str, dialect: str) -> None:
    question = asked(dialect, row.target, method=row.method, host=row.host)
    lines = [*question, *gated.credentials[row.who], *row.lines]
    _assert_answer(await send(gated.web.port, lines, endpoint), row, dialect)


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PURGE"])
async def test_the_method_of_the_question_itself_says_nothing(gated: Gated, method: str) -> None:
    for dialect in PARAMETRIC:
        for who, status in (("nobody", 401), ("alice", 200)):
            lines = [*asked(dialect), *gated.credentials[who]]
            answer = await send(gated.web.port, lines, f"/verify/{dialect}", method)
            assert answer.status == status


@pytest.mark.parametrize("path", ["/verify/", "/verify/apache", "/verify/nginx/", "/auth/verify"])
async def test_no_other_path_answers_a_question(gated: Gated, path: str) -> None:
    for dialect in DIALECTS:
        lines = [*asked(dialect, "/public/"), *gated.credentials["root"]]
        answer = await send(gated.web.port, lines, path)
        assert answer.status == 404
        answer.assert_tells_nobody()


@pytest.mark.parametrize("given", ["0123456789abcdef0123456789abcdef", "a" * 128])
async def test_the_gateways_request_id_is_kept(gated: Gated, given: str) -> None:
    for target in ("/public/", "/", "//"):
        answer = await gated.ask("nginx", target, [("X-Request-Id", given)])
        assert answer.headers.getall("X-Request-Id") == [given]


@pytest.mark.parametrize(
    "given", ["", "short", "a" * 129, "<script>alert(1)</script>", "a b c d e"]
)
async def test_a_request_id_that_is_none_is_replaced(gated: Gated, given: str) -> None:
    answer = await gated.ask("traefik", "/", [("X-Request-Id", given)])
    assert answer.headers["X-Request-Id"] not in {given, ""}
