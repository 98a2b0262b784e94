"""`GET /refusals/{id}` of the operations listener: why, and what would have let the request in."""

import json
from dataclasses import replace
from typing import Final

import pytest

from sidecar.core.claims import TokenKind
from sidecar.credentials.opening import Credential
from tests.web.asked import ask
from tests.web.gated import DIALECTS, HOST, PARAMETRIC, Gated, asked, bearer, cookie, send
from tests.web.refused import find_refusals, find_why, new_id

pytestmark = pytest.mark.asyncio(loop_scope="module")

FAR: Final = ("X-Forwarded-For", "192.0.2.7")


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
        refusal = await find_why(gated, path, [*gated.credentials[who], FAR], dialect)
        assert (refusal["reason"], refusal["needs"]) == (reason, needs)


async def test_it_says_which_rule_and_which_conditions(gated: Gated) -> None:
    refusal = await find_why(gated, "/vault/a", [*gated.credentials["alice"], FAR])
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
        "unread": None,
        "needs": ["a login by one of otp"],
    }


async def test_a_rule_that_is_not_about_the_request_is_named_as_passed_over(gated: Gated) -> None:
    refusal = await find_why(gated, "/shared/x", method="OPTIONS")
    line = _line(gated, "/shared/**")
    assert [(each["line"], each["because"]) for each in refusal["passed_over"]] == [(line, "allow")]
    assert refusal["rule"]["path"] == "/**"


@pytest.mark.parametrize("host", ["x.test", "example.com"])
async def test_where_no_rule_is_about_the_request_there_is_none(gated: Gated, host: str) -> None:
    refusal = await find_why(gated, "/x", gated.credentials["root"], host=host)
    assert (refusal["reason"], refusal["entry"], refusal["rule"]) == ("no_rule", None, None)
    assert (refusal["host"], refusal["rule_stands"]) == (host, None)
    assert refusal["needs"] == ["a rule about it in the policy"]


async def test_a_path_that_is_read_in_two_ways_names_both_rules(gated: Gated) -> None:
    refusal = await find_why(gated, "/Admin/x", gated.credentials["root"])
    assert refusal["reason"] == "path_ambiguous"
    assert (refusal["rule"]["path"], refusal["folded"]["path"]) == ("/**", "/admin/**")


@pytest.mark.parametrize(
    ("path", "host", "reason"),
    [
        ("/x", "example.com", "no_rule"),
        ("/Admin/x", HOST, "path_ambiguous"),
        ("/admin/x", HOST, "role_missing"),
    ],
)
@pytest.mark.parametrize("who", ["alice", "alice's cookie"])
async def test_whose_token_is_good_is_named_whatever_they_are_refused_for(
    gated: Gated, who: str, path: str, host: str, reason: str
) -> None:
    refusal = await find_why(gated, path, gated.credentials[who], host=host)
    assert (refusal["reason"], refusal["username"]) == (reason, "alice")
    assert refusal["subject"] == gated.opened(gated.tokens["alice"]).claims.sub


async def test_to_say_who_was_refused_no_token_is_opened(gated: Gated) -> None:
    credential = Credential(TokenKind.ACCESS, gated.resealed(TokenKind.ACCESS, jti="never-shown"))
    gate = gated.web.serving.gate
    assert gate.find_opened(credential) is None
    assert (await gated.ask("traefik", "/x", [bearer(credential.unverified)])).status == 200
    assert gate.find_opened(credential) is not None
    assert gate.find_opened(replace(credential, kind=TokenKind.SESSION)) is None


async def test_a_token_in_the_place_of_another_kind_names_nobody(gated: Gated) -> None:
    swapped = [bearer(gated.tokens["alice's cookie"])], [cookie(gated.tokens["alice"])]
    for lines in swapped:
        refusal = await find_why(gated, "/admin/x", lines)
        assert (refusal["subject"], refusal["username"]) == (None, None)


async def test_what_the_gateway_asks_for_is_told_apart_from_the_rule(gated: Gated) -> None:
    for dialect in PARAMETRIC:
        request_id = new_id()
        lines = [*gated.credentials["alice"], ("X-Request-Id", request_id)]
        question = [*asked(dialect, "/public/"), *lines]
        path = f"/verify/{dialect}?roles=ops&max_age=60"
        assert (await send(gated.web.port, question, path)).status == 403
        (refusal,) = await find_refusals(gated.web, request_id)
        assert [
            (each["key"], each["asked_by"], each["held"]) for each in refusal["conditions"]
        ] == [("roles", "query", False), ("max_age", "query", True)]
        assert refusal["needs"] == ["one of the roles ops"]


async def test_a_request_from_another_site_is_refused_with_who_was_used_for_it(
    gated: Gated,
) -> None:
    lines = [*gated.credentials["alice's cookie"], ("Origin", "https://evil.test")]
    refusal = await find_why(gated, "/x", lines, method="POST")
    assert (refusal["reason"], refusal["username"]) == ("cross_site", "alice")
    assert (refusal["method"], refusal["needs"]) == (
        "POST",
        ["a page of the same origin, or a token instead of the cookie"],
    )


async def test_of_a_credential_that_does_not_open_nothing_is_believed(gated: Gated) -> None:
    for who in ("garbage", "foreign", "two bearers", "nobody"):
        refusal = await find_why(gated, "/admin/", gated.credentials[who])
        assert (refusal["subject"], refusal["username"]) == (None, None)


async def test_neither_query_nor_credential_is_remembered(gated: Gated) -> None:
    token = gated.resealed(TokenKind.SESSION)
    for who in ([bearer(gated.tokens["alice"])], [cookie(token)], [bearer("hush-garbage")]):
        lines = [*who, ("Cookie", "other=hush")]
        refusal = await find_why(gated, "/admin/", lines)
        written = json.dumps(refusal)
        for secret in ("hush", "eyJ", "?"):
            assert secret not in written


async def test_nobody_reads_refusals_at_the_public_listener(gated: Gated) -> None:
    answer = await gated.ask("traefik", "/admin/")
    for method in ("GET", "HEAD", "POST"):
        path = f"/refusals/{answer.headers['X-Request-Id']}"
        assert (await ask(gated.web, method, path)).status == 404
