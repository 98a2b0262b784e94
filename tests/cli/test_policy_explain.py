"""`sidecar policy explain`: which rule decides about a request, and what is missing."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from tests.cli.people import add_people
from tests.cli.policies import APP, POLICY, write_policy
from tests.cli.running import Ran, sidecar_each

pytestmark = pytest.mark.asyncio


async def _explain(folder: Path, *calls: str) -> list[Ran]:
    return await sidecar_each(folder, *(("policy", "explain", *call.split(" ")) for call in calls))


EXPLAINED: Final[Mapping[str, str | None]] = {
    f"GET {APP}/home/ --scope x": None,
    f"PUT {APP}/orders/1 --scope orders:write": "role_missing",
    f"GET {APP}/orders/1 --role staff": "scope_missing",
    f"GET {APP}/admin/ --role admin": "amr_missing",
    f"GET {APP}/admin/ --role admin --amr pwd --amr otp --auth-age 15m": None,
    f"GET {APP}/admin/ --role admin --amr otp --auth-age 901s": "login_too_old",
    f"GET {APP}/inside/ --role staff": "network_not_allowed",
    f"GET {APP}/inside/ --role staff --address 10.1.2.3": None,
    "GET https://APP.example.com.:8443/public/%41?q#f": None,
    f"GET {APP}/public//x": "path_ambiguous",
    f"OPTIONS {APP}/shared/": "no_rule",
    f"OPTIONS {APP}/shared/ --preflight": None,
    f"OPTIONS {APP}/home/ --preflight": "no_credential",
    "GET ftp://app.example.com/": "scheme_malformed",
    f"G@T {APP}/public/": "method_malformed",
}


async def test_it_says_whether_the_policy_lets_a_request_in(tmp_path: Path) -> None:
    calls = [f"{call} --json" for call in EXPLAINED]
    for (call, reason), ran in zip(
        EXPLAINED.items(), await _explain(write_policy(tmp_path), *calls), strict=True
    ):
        assert (ran.status, ran.err) == (3 if reason else 0, ""), call
        told = json.loads(ran.out)
        assert (told["verdict"], told["reason"]) == ("deny" if reason else "allow", reason), call
        assert bool(told["needs"]) is (reason is not None), call
    assert not (tmp_path / "data").exists()


async def test_it_names_the_rule_and_what_is_missing(tmp_path: Path) -> None:
    allowed, denied, passed, ambiguous, nowhere = await _explain(
        write_policy(tmp_path, POLICY + "    - {path: /HOME/x, allow: anyone}\n"),
        f"GET {APP}/public/x",
        f"GET {APP}/admin/x --amr pwd --auth-age 1h",
        f"POST {APP}/orders/1 --scope orders:write --role staff",
        f"GET {APP}/home/X --role x",
        "GET https://other.example.com/",
    )
    assert allowed.out.splitlines() == [
        "allow",
        "host: app.example.com",
        "rule: line 3, /public/**",
    ]
    assert denied.out.splitlines() == [
        "deny: role_missing",
        "host: app.example.com",
        "rule: line 6, /admin/**",
        "roles: admin: missing",
        "amr: otp: missing",
        "max_age: 15m: missing",
        "needs: one of the roles admin",
        "needs: a login by one of otp",
        "needs: a login that is at most so old: 15m",
    ]
    assert passed.out.splitlines() == [
        "allow",
        "host: app.example.com",
        "passed over: line 4, /orders/**, which is about methods GET, HEAD",
        "rule: line 5, /orders/**",
        "roles: staff: held",
        "scope: orders:write: held",
    ]
    assert ambiguous.out.splitlines()[0] == "allow"
    assert nowhere.out.splitlines() == [
        "deny: no_rule",
        "host: the policy has no entry that holds it",
        "needs: a rule about it in the policy",
    ]


async def test_a_path_that_falls_under_another_rule_in_another_case_names_both(
    tmp_path: Path,
) -> None:
    policy = POLICY + "    - {path: /**, allow: signed-in}\n"
    (ran,) = await _explain(write_policy(tmp_path, policy), f"GET {APP}/Admin/x --role admin")
    assert (ran.status, ran.out.splitlines()) == (
        3,
        [
            "deny: path_ambiguous",
            "host: app.example.com",
            "rule: line 11, /**",
            "where case is ignored: line 6, /admin/**",
            "needs: a spelling of the path that every server reads alike",
        ],
    )


async def test_it_says_what_a_rule_says_for_itself_of_an_outage(tmp_path: Path) -> None:
    policy = (
        "hosts:\n  app.example.com:\n"
        "    - {path: /a, max_staleness: 5s, allow: signed-in}\n"
        "    - {path: /b, max_staleness: 60m, when_stale: allow, allow: signed-in}\n"
    )
    strict, lax, both = await _explain(
        write_policy(tmp_path, policy),
        f"GET {APP}/a --role x",
        f"GET {APP}/b --role x",
        f"GET {APP}/b --role x --json",
    )
    assert strict.out.splitlines()[2:] == ["rule: line 3, /a, max_staleness: 5s"]
    assert lax.out.splitlines()[2:] == [
        "rule: line 4, /b, max_staleness: 1h, when_stale: allow",
    ]
    rule = {"line": 4, "path": "/b", "max_staleness": "1h", "when_stale": "allow"}
    assert json.loads(both.out)["rule"] == rule


async def test_what_is_asked_for_does_nothing_to_a_terminal(tmp_path: Path) -> None:
    policy = 'hosts: {a.test: [{path: "/\u200e\u202e/**", allow: signed-in}]}\n'
    (ran,) = await _explain(
        write_policy(tmp_path, policy), "GET https://a.test/%e2%80%8e%e2%80%ae/x"
    )
    assert ran.out.splitlines()[:3] == [
        "deny: no_credential",
        "host: a.test",
        "rule: line 1, /\\u200e\\u202e/**",
    ]


WRONG: Final[Mapping[str, str]] = {
    "GET /admin": "URL must be absolute, such as https://app.example.com/path",
    "GET app.example.com/admin": "URL must be absolute, such as https://app.example.com/path",
    "GET https://": "URL must be absolute, such as https://app.example.com/path",
    "GET": "Missing argument 'URL'.",
    f"GET {APP}/ --user a --role b": (
        "--user has the roles and scopes of that user: leave the others out"
    ),
    f"GET {APP}/ --user a --scope b": (
        "--user has the roles and scopes of that user: leave the others out"
    ),
    f"GET {APP}/ --role -x": "Invalid value for '--role': must be 1 to 64 of A-Z a-z 0-9 . _ :",
    f'GET {APP}/ --scope "': "Invalid value for '--scope': must be a scope: visible ASCII",
    f"GET {APP}/ --auth-age 15": "Invalid value for '--auth-age': must be a duration such as 30s,",
    f"GET {APP}/ --address 10.0.0.0/8": "Invalid value for '--address': must be an IP address",
    f"GET {APP}/ --amr {'x' * 33}": "Invalid value for '--amr': must be one word, such as pwd",
    f"GET {APP}/ --amr a,b": "Invalid value for '--amr': must be one word, such as pwd or otp",
    f"GET {APP}/ --amr -a": "Invalid value for '--amr': must be one word, such as pwd or otp",
    f"GET {APP}/ --amr a\u00a0b": "Invalid value for '--amr': must be one word, such as pwd or otp",
    f"GET {APP}/ --preflight": "--preflight is for OPTIONS alone: no preflight has another method",
}


async def test_who_calls_it_wrongly_is_told_in_one_line(tmp_path: Path) -> None:
    for (call, problem), ran in zip(
        WRONG.items(), await _explain(write_policy(tmp_path), *WRONG), strict=True
    ):
        assert (ran.status, ran.out, len(ran.problems)) == (2, "", 1), call
        assert ran.err.startswith(f"sidecar policy explain: {problem}"), call
    assert not (tmp_path / "data").exists()


async def test_a_user_is_asked_for_with_the_roles_and_scopes_that_they_have(
    tmp_path: Path,
) -> None:
    write_policy(tmp_path)
    people = {"alice": ["guest"], "bob": ["staff"], "carol": ["staff"]}
    await add_people(tmp_path, people, disabled=["carol"])
    expected = {
        f"GET {APP}/mine/ --user ALICE": 0,
        f"GET {APP}/mine/ --user bob": 3,
        f"GET {APP}/orders/1 --user alice": 0,
        f"PUT {APP}/orders/1 --user alice": 3,
        f"PUT {APP}/orders/1 --user bob": 0,
        f"GET {APP}/inside/ --user bob --address 10.0.0.1": 0,
        f"GET {APP}/admin/ --user bob --amr otp": 3,
    }
    for (call, status), ran in zip(
        expected.items(), await _explain(tmp_path, *expected), strict=True
    ):
        assert (ran.status, ran.err) == (status, ""), call
    disabled, anyone, nobody, never = await _explain(
        tmp_path,
        f"PUT {APP}/orders/1 --user carol",
        f"GET {APP}/public/ --user carol",
        f"GET {APP}/home/ --user nobody",
        f"GET {APP}/home/ --user a:b",
    )
    warning = "warning: carol is disabled, and asked for as nobody"
    assert (disabled.status, disabled.problems) == (3, [warning])
    assert disabled.out.splitlines()[0] == "deny: no_credential"
    assert (anyone.status, anyone.problems) == (0, [warning])
    assert (nobody.status, nobody.problems) == (1, ["there is no user 'nobody'"])
    assert (never.status, never.problems) == (1, ["there is no user 'a:b'"])


async def test_a_user_is_not_looked_for_where_there_is_no_database(tmp_path: Path) -> None:
    (ran,) = await _explain(write_policy(tmp_path), f"GET {APP}/home/ --user alice")
    database = tmp_path / "data" / "sidecar.db"
    assert (ran.status, ran.out, ran.problems) == (
        1,
        "",
        [f"there is no database {database} (database.url): name the settings of the service"],
    )
    assert not (tmp_path / "data").exists()
