"""`GET /refusals/{id}` of the operations listener: why, and what would have let the request in."""

import itertools
import json
from typing import Any, Final
from urllib.parse import quote

import pytest

from sidecar.core.claims import TokenKind
from sidecar.web.refusals import MOST_TOLD
from tests.web.asked import ask
from tests.web.conftest import Web
from tests.web.gated import (
    DIALECTS,
    HOST,
    PARAMETRIC,
    Gated,
    Lines,
    asked,
    bearer,
    cookie,
    send,
)
from tests.web.test_operations import operate

pytestmark = pytest.mark.asyncio(loop_scope="module")

FAR: Final = ("X-Forwarded-For", "192.0.2.7")
QUERY: Final = "?hush=in-the-query"
NUMBERS: Final = itertools.count(1)


def _new_id() -> str:
    return f"why-{next(NUMBERS):08}"


async def _find(web: Web, request_id: str) -> list[dict[str, Any]]:
    answer = await operate(web, f"/refusals/{quote(request_id, safe='')}")
    assert answer.status == 200, answer.text
    items: list[dict[str, Any]] = answer.json["items"]
    return items


async def _why(
    people: Gated, path: str, lines: Lines = (), dialect: str = "traefik", **said: str
) -> dict[str, Any]:
    """Return what is remembered of a question that is refused."""
    request_id = _new_id()
    answer = await people.ask(
        dialect, f"{path}{QUERY}", [*lines, ("X-Request-Id", request_id)], **said
    )
    assert answer.status >= 300
    (only,) = await _find(people.web, request_id)
    assert (only["request_id"], only["reason"]) == (request_id, answer.reason)
    assert only["verdict"] == "deny"
    return only


def _line(people: Gated, path: str) -> int:
    """Return the line of the policy file that the rule of this path has."""
    rules = people.web.serving.gate.policy.rules_of(HOST)
    return next(rule.line for rule in rules if rule.path == path)


@pytest.mark.parametrize(
    ("who", "path", "reason", "needs"),
    [
        ("nobody", "/x", "no_credential", ["somebody who is signed in"]),
        (
            *("nobody", "/admin/x", "no_credential"),
            ["somebody who is signed in", "one of the roles admin, ops"],
        ),
        ("alice", "/admin/x", "role_missing", ["one of the roles admin, ops"]),
        ("alice's cookie", "/admin/x", "role_missing", ["one of the roles admin, ops"]),
        ("program", "/admin/x", "role_missing", ["one of the roles admin, ops"]),
        ("alice", "/mine/x", "user_not_listed", ["one of the users root"]),
        ("alice", "/inside/x", "network_not_allowed", ["an address in one of 10.0.0.0/8"]),
        (
            *("alice", "/scoped/x", "scope_missing"),
            ["the scope orders:read, orders:write"],
        ),
        ("half scoped", "/scoped/x", "scope_missing", ["the scope orders:write"]),
        ("alice", "/strong/x", "amr_missing", ["a login by one of hwk, otp"]),
        ("stale", "/recent/x", "login_too_old", ["a login that is at most so old: 15m"]),
        (
            *("stale", "/vault/x", "amr_missing"),
            ["a login by one of otp", "a login that is at most so old: 15m"],
        ),
        ("program", "/recent/x", "login_too_old", ["a login that is at most so old: 15m"]),
        ("expired", "/x", "expired", ["a new login"]),
        ("expired", "/admin/x", "expired", ["a new login", "one of the roles admin, ops"]),
        ("revoked", "/x", "revoked_session", ["a new login"]),
        ("revoked cookie", "/x", "revoked_session", ["a new login"]),
        ("garbage", "/x", "token_malformed", ["a token of this service for its gate"]),
        ("foreign", "/x", "unknown_key", ["a new login"]),
        ("two bearers", "/x", "two_credentials", ["one credential, well-formed"]),
        ("two words", "/public/", "credential_malformed", ["one credential, well-formed"]),
    ],
)
async def test_it_says_what_would_have_let_the_request_in(
    gated: Gated, who: str, path: str, reason: str, needs: list[str]
) -> None:
    for dialect in DIALECTS:
        refusal = await _why(gated, path, [*gated.credentials[who], FAR], dialect)
        assert (refusal["reason"], refusal["needs"]) == (reason, needs)


async def test_it_says_which_rule_and_which_conditions(gated: Gated) -> None:
    refusal = await _why(gated, "/vault/a", [*gated.credentials["alice"], FAR])
    sub = gated.opened(gated.tokens["alice"]).claims.sub
    del refusal["request_id"], refusal["at"]
    assert refusal == {
        "verdict": "deny",
        "reason": "amr_missing",
        "method": "GET",
        "host": HOST,
        "path": "/vault/a",
        "address": "192.0.2.7",
        "subject": sub,
        "username": "alice",
        "entry": HOST,
        "rule": {"line": _line(gated, "/vault/**"), "path": "/vault/**"},
        "folded": None,
        "passed_over": [],
        "conditions": [
            {"key": "roles", "wants": ["staff"], "held": True, "asked_by": "rule"},
            {"key": "amr", "wants": ["otp"], "held": False, "asked_by": "rule"},
            {"key": "max_age", "wants": ["15m"], "held": True, "asked_by": "rule"},
        ],
        "rule_stands": True,
        "needs": ["a login by one of otp"],
    }


async def test_a_rule_that_is_not_about_the_request_is_named_as_passed_over(gated: Gated) -> None:
    refusal = await _why(gated, "/shared/x", method="OPTIONS")
    line = _line(gated, "/shared/**")
    assert [(each["line"], each["because"]) for each in refusal["passed_over"]] == [(line, "allow")]
    assert refusal["rule"]["path"] == "/**"


@pytest.mark.parametrize("host", ["x.test", "example.com"])
async def test_where_no_rule_is_about_the_request_there_is_none(gated: Gated, host: str) -> None:
    refusal = await _why(gated, "/x", gated.credentials["root"], host=host)
    assert (refusal["reason"], refusal["entry"], refusal["rule"]) == ("no_rule", None, None)
    assert (refusal["host"], refusal["rule_stands"]) == (host, None)
    assert refusal["needs"] == ["a rule about it in the policy"]


async def test_a_path_that_is_read_in_two_ways_names_both_rules(gated: Gated) -> None:
    refusal = await _why(gated, "/Admin/x", gated.credentials["root"])
    assert refusal["reason"] == "path_ambiguous"
    assert (refusal["rule"]["path"], refusal["folded"]["path"]) == ("/**", "/admin/**")


async def test_a_question_that_cannot_be_read_has_its_reason_alone(gated: Gated) -> None:
    for dialect in DIALECTS:
        refusal = await _why(gated, "//x", gated.credentials["root"], dialect)
        assert refusal["reason"] == "path_ambiguous"
        for name in ("method", "host", "path", "address", "subject", "entry", "rule"):
            assert refusal[name] is None
        assert len(refusal["needs"]) == 1


async def test_what_the_gateway_asks_for_is_told_apart_from_the_rule(gated: Gated) -> None:
    for dialect in PARAMETRIC:
        request_id = _new_id()
        lines = [*gated.credentials["alice"], ("X-Request-Id", request_id)]
        question = [*asked(dialect, "/public/"), *lines]
        path = f"/verify/{dialect}?roles=ops&max_age=60"
        assert (await send(gated.web.port, question, path)).status == 403
        (refusal,) = await _find(gated.web, request_id)
        assert [
            (each["key"], each["asked_by"], each["held"]) for each in refusal["conditions"]
        ] == [("roles", "query", False), ("max_age", "query", True)]
        assert refusal["needs"] == ["one of the roles ops"]


async def test_a_request_from_another_site_is_refused_with_who_was_used_for_it(
    gated: Gated,
) -> None:
    lines = [*gated.credentials["alice's cookie"], ("Origin", "https://evil.test")]
    refusal = await _why(gated, "/x", lines, method="POST")
    assert (refusal["reason"], refusal["username"]) == ("cross_site", "alice")
    assert (refusal["method"], refusal["needs"]) == (
        "POST",
        ["a page of the same origin, or a token instead of the cookie"],
    )


async def test_of_a_credential_that_does_not_open_nothing_is_believed(gated: Gated) -> None:
    for who in ("garbage", "foreign", "two bearers", "nobody"):
        refusal = await _why(gated, "/admin/", gated.credentials[who])
        assert (refusal["subject"], refusal["username"]) == (None, None)


async def test_neither_query_nor_credential_is_remembered(gated: Gated) -> None:
    token = gated.resealed(TokenKind.SESSION)
    for who in ([bearer(gated.tokens["alice"])], [cookie(token)], [bearer("hush-garbage")]):
        lines = [*who, ("Cookie", "other=hush")]
        refusal = await _why(gated, "/admin/", lines)
        written = json.dumps(refusal)
        for secret in ("hush", "eyJ", "?"):
            assert secret not in written


async def test_what_is_let_in_is_not_remembered(gated: Gated) -> None:
    request_id = _new_id()
    answer = await gated.ask(
        "traefik", "/", [*gated.credentials["alice"], ("X-Request-Id", request_id)]
    )
    assert answer.status == 200
    unknown = await operate(gated.web, f"/refusals/{request_id}")
    unknown.assert_problem(404, "not_remembered")


async def test_a_new_id_is_made_where_the_gateway_gives_none(gated: Gated) -> None:
    for given in ((), [("X-Request-Id", "short")], [("X-Request-Id", "not an id at all")]):
        answer = await gated.ask("traefik", "/admin/", given)
        (refusal,) = await _find(gated.web, answer.headers["X-Request-Id"])
        assert refusal["path"] == "/admin/"


async def test_an_id_that_was_given_to_several_requests_tells_all_the_newest_first(
    gated: Gated,
) -> None:
    request_id = _new_id()
    for number in range(MOST_TOLD + 1):
        await gated.ask("traefik", f"/{number}", [("X-Request-Id", request_id)])
    found = await _find(gated.web, request_id)
    assert [each["path"] for each in found] == [f"/{n}" for n in range(MOST_TOLD, 0, -1)]


@pytest.mark.parametrize("request_id", ["a/b/c/d/e/f", "../../../x", "a+b=c:d.e_f-g", "/////////"])
async def test_every_id_that_a_gateway_may_give_is_found(gated: Gated, request_id: str) -> None:
    await gated.ask("traefik", "/admin/", [("X-Request-Id", request_id)])
    found = await _find(gated.web, request_id)
    assert found[0]["request_id"] == request_id


@pytest.mark.parametrize(
    "asked_for",
    ["short", "x" * 129, "with%20space", "with%00null", "%ff%fe%fd%fc%fb%fa%f9%f8", "caf%C3%A9caf",
     "%25%25%25%25%25%25%25%25", "<script>", "a" * 4000],
)  # fmt: skip
async def test_what_is_no_id_is_malformed(gated: Gated, asked_for: str) -> None:
    answer = await send(gated.web.operations, (), f"/refusals/{asked_for}")
    assert (answer.status, answer.reason) == (400, "malformed")
    answer.assert_tells_nobody()


@pytest.mark.parametrize("path", ["/refusals", "/refusals/", "/refusals/aaaaaaaa/bbbbbbbb"])
async def test_there_is_no_list_of_refusals(gated: Gated, path: str) -> None:
    (await operate(gated.web, path)).assert_problem(404, "not_found")


async def test_an_id_that_nobody_was_given_is_unknown(gated: Gated) -> None:
    answer = await operate(gated.web, f"/refusals/{_new_id()}")
    answer.assert_problem(404, "not_remembered")


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT"])
async def test_refusals_are_only_read(gated: Gated, method: str) -> None:
    answer = await operate(gated.web, "/refusals/aaaaaaaa", method)
    answer.assert_problem(405, "method_not_allowed")
    assert answer.headers["Allow"] == "GET, HEAD"


async def test_nobody_reads_refusals_at_the_public_listener(gated: Gated) -> None:
    answer = await gated.ask("traefik", "/admin/")
    for method in ("GET", "HEAD", "POST"):
        path = f"/refusals/{answer.headers['X-Request-Id']}"
        assert (await ask(gated.web, method, path)).status == 404
