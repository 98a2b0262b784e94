"""`sidecar policy`: what is wrong with it, who may do what, and whether it is as it was meant."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from tests.cli.people import add_people
from tests.cli.running import Ran, sidecar, sidecar_each

pytestmark = pytest.mark.asyncio

POLICY: Final = """\
hosts:
  app.example.com:
    - {path: /public/**, allow: anyone}
    - {path: /orders/**, methods: [GET], allow: {scope: [orders:read]}}
    - {path: /orders/**, allow: {scope: [orders:write], roles: [staff]}}
    - {path: /admin/**, allow: {roles: [admin], max_age: 15m, amr: [otp]}}
    - {path: /inside/**, allow: {roles: [staff], networks: [10.0.0.0/8]}}
    - {path: /mine/**, allow: {users: [alice]}}
    - {path: /shared/**, allow: preflight}
    - {path: /home/**, allow: signed-in}
"""
SETTINGS: Final = """\
tokens: {role_scopes: {staff: [orders:read, orders:write], guest: [orders:read]}}
"""
APP: Final = "https://app.example.com"


def _write(folder: Path, policy: str = POLICY) -> Path:
    (folder / "policy.yaml").write_text(policy)
    (folder / "sidecar.yaml").write_text(SETTINGS)
    return folder


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
    "GET ftp://app.example.com/": "scheme_malformed",
    f"G@T {APP}/public/": "method_malformed",
}


async def test_it_says_whether_the_policy_lets_a_request_in(tmp_path: Path) -> None:
    calls = [f"{call} --json" for call in EXPLAINED]
    for (call, reason), ran in zip(
        EXPLAINED.items(), await _explain(_write(tmp_path), *calls), strict=True
    ):
        assert (ran.status, ran.err) == (3 if reason else 0, ""), call
        told = json.loads(ran.out)
        assert (told["verdict"], told["reason"]) == ("deny" if reason else "allow", reason), call
        assert bool(told["needs"]) is (reason is not None), call
    assert not (tmp_path / "data").exists()


async def test_it_names_the_rule_and_what_is_missing(tmp_path: Path) -> None:
    allowed, denied, passed, ambiguous, nowhere = await _explain(
        _write(tmp_path, POLICY + "    - {path: /HOME/x, allow: anyone}\n"),
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
    (ran,) = await _explain(_write(tmp_path, policy), f"GET {APP}/Admin/x --role admin")
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


async def test_what_is_asked_for_does_nothing_to_a_terminal(tmp_path: Path) -> None:
    policy = 'hosts: {a.test: [{path: "/\u200e\u202e/**", allow: signed-in}]}\n'
    (ran,) = await _explain(_write(tmp_path, policy), "GET https://a.test/%e2%80%8e%e2%80%ae/x")
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
}


async def test_who_calls_it_wrongly_is_told_in_one_line(tmp_path: Path) -> None:
    for (call, problem), ran in zip(
        WRONG.items(), await _explain(_write(tmp_path), *WRONG), strict=True
    ):
        assert (ran.status, ran.out, len(ran.problems)) == (2, "", 1), call
        assert ran.err.startswith(f"sidecar policy explain: {problem}"), call
    assert not (tmp_path / "data").exists()


async def test_a_user_is_asked_for_with_the_roles_and_scopes_that_they_have(
    tmp_path: Path,
) -> None:
    _write(tmp_path)
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


async def test_a_policy_that_is_wrong_explains_nothing(tmp_path: Path) -> None:
    _write(tmp_path, "hosts: []\n")
    (tmp_path / "t.yaml").write_text(f"- {{request: GET {APP}/, expect: deny}}\n")
    for ran in await sidecar_each(
        tmp_path,
        ("policy", "explain", "GET", f"{APP}/"),
        ("policy", "who", "GET", f"{APP}/"),
        ("policy", "test", "t.yaml"),
        ("policy", "check"),
    ):
        assert (ran.status, ran.out, len(ran.problems)) == (1, "", 1)
        assert "policy.yaml:1: hosts" in ran.err


async def test_the_right_policy_is_counted_and_what_may_not_be_meant_is_a_warning(
    tmp_path: Path,
) -> None:
    _write(tmp_path)
    (tmp_path / "other.yaml").write_text("hosts: {a.test: [{path: /, allow: anyone}]}\n")
    default, other, none = await sidecar_each(
        tmp_path,
        ("policy", "check"),
        ("policy", "check", "other.yaml"),
        ("policy", "check", "none.yaml"),
    )
    assert (default.status, default.out) == (0, "the policy is right (hosts: 1, rules: 8)\n")
    (warning,) = default.problems
    place = f"warning: {tmp_path / 'policy.yaml'}:6: hosts.app.example.com: admin is the role"
    assert warning.startswith(place)
    assert (other.status, other.out) == (0, "the policy is right (hosts: 1, rules: 1)\n")
    assert other.problems == []
    assert (none.status, none.problems) == (1, ["none.yaml: there is no such file"])


async def test_help_names_what_there_is(tmp_path: Path) -> None:
    ran = await sidecar(tmp_path, "policy", "--help")
    for name in ("check", "explain", "test", "who"):
        assert f"\n  {name} " in ran.out


EXPECTATIONS: Final[tuple[tuple[str, str, str], ...]] = (
    (f"GET {APP}/public/x", "{}", "allow"),
    (f"GET {APP}/home/", "{}", "deny"),
    (f"GET {APP}/home/", "{user: bob}", "allow"),
    (f"GET {APP}/home/", "{address: 10.0.0.1}", "deny"),
    (f"HEAD {APP}/orders/1", "{scope: [orders:read]}", "allow"),
    (f"get {APP}/orders/1", "{scope: [orders:read]}", "deny"),
    (f"PUT {APP}/orders/1", "{scope: [orders:write], roles: [staff]}", "allow"),
    (f"PUT {APP}/orders/1", "{roles: [staff]}", "deny"),
    (f"GET {APP}/admin/", "{roles: [admin]}", "deny"),
    (f"GET {APP}/admin/", "{roles: [admin], amr: [otp]}", "allow"),
    (f"GET {APP}/admin/", "{roles: [admin], amr: [otp], auth_age: 15m}", "allow"),
    (f"GET {APP}/admin/", "{roles: [admin], amr: [otp], auth_age: 901s}", "deny"),
    (f"GET {APP}/inside/", "{roles: [staff], address: 10.1.2.3}", "allow"),
    (f"GET {APP}/inside/", "{roles: [staff], address: 11.1.2.3}", "deny"),
    (f"GET {APP}/inside/", "{roles: [staff]}", "deny"),
    (f"GET {APP}/mine/", "{user: Alice}", "allow"),
    (f"GET {APP}/mine/", "{user: bob}", "deny"),
    (f"OPTIONS {APP}/shared/", "{}", "deny"),
    (f"GET {APP}/nowhere", "{user: alice}", "deny"),
    ("GET https://other.example.com/", "{user: alice}", "deny"),
    ("GET https://user@app.example.com/public/", "{}", "deny"),
    (f"GET {APP}/public/../x", "{}", "deny"),
)


def _expect(folder: Path, *rows: tuple[str, str, str]) -> None:
    lines = (f"- {{request: '{request}', as: {who}, expect: {e}}}" for request, who, e in rows)
    (folder / "expected.yaml").write_text("\n".join(lines) + "\n")


async def test_expectations_that_hold_are_counted(tmp_path: Path) -> None:
    """What holds is what the policy says; no user is looked up, so no database is made."""
    _expect(_write(tmp_path), *EXPECTATIONS)
    ran = await sidecar(tmp_path, "policy", "test", "expected.yaml")
    count = len(EXPECTATIONS)
    assert (ran.status, ran.out, ran.err) == (0, f"{count} of {count} expectations held\n", "")
    assert not (tmp_path / "data").exists()


async def test_each_expectation_that_differs_is_named_with_its_line(tmp_path: Path) -> None:
    other = {"allow": "deny", "deny": "allow"}
    _expect(_write(tmp_path), *((*row[:2], other[row[2]]) for row in EXPECTATIONS))
    ran = await sidecar(tmp_path, "policy", "test", "expected.yaml")
    count = len(EXPECTATIONS)
    assert (ran.status, ran.out) == (1, f"0 of {count} expectations held\n")
    assert [line.split(": ")[0] for line in ran.problems] == [
        f"expected.yaml:{line}" for line in range(1, count + 1)
    ]
    assert ran.problems[0] == (
        f"expected.yaml:1: GET {APP}/public/x: expected deny, but is allowed"
        " by the rule of line 3, /public/**"
    )
    assert ran.problems[8] == (
        f"expected.yaml:9: GET {APP}/admin/: expected allow, but is denied"
        " by the rule of line 6, /admin/**: amr_missing (needs a login by one of otp)"
    )
    assert ran.problems[-1] == (
        f"expected.yaml:{count}: GET {APP}/public/../x: expected allow, but is denied:"
        " path_ambiguous (needs a spelling of the path that every server reads alike)"
    )


async def test_one_that_differs_among_others_fails(tmp_path: Path) -> None:
    _expect(_write(tmp_path), (f"GET {APP}/home/", "{}", "allow"), *EXPECTATIONS)
    ran = await sidecar(tmp_path, "policy", "test", "expected.yaml")
    held = f"{len(EXPECTATIONS)} of {len(EXPECTATIONS) + 1} expectations held\n"
    assert (ran.status, ran.out, len(ran.problems)) == (1, held, 1)


async def test_expectations_that_are_wrong_are_told_with_their_lines(tmp_path: Path) -> None:
    _write(tmp_path)
    (tmp_path / "wrong.yaml").write_text(
        f"- {{request: GET {APP}/, as: {{role: [a]}}, expect: allow}}\n"
        f"- {{request: GET {APP}/, expects: allow}}\n"
    )
    (tmp_path / "empty.yaml").write_text("[]\n")
    (tmp_path / "octets.yaml").write_bytes(b"- {request: \xff}\n")
    wrong, empty, octets, none, missing = await sidecar_each(
        tmp_path,
        *(("policy", "test", f"{name}.yaml") for name in ("wrong", "empty", "octets", "none")),
        ("policy", "test"),
    )
    assert (wrong.status, wrong.out, wrong.problems) == (
        1,
        "",
        [
            "wrong.yaml:1: 0.as.role: there is no such key; did you mean roles?",
            "wrong.yaml:2: 1.expects: there is no such key; did you mean expect?",
            "wrong.yaml:2: 1.expect: is missing",
        ],
    )
    assert (empty.status, len(empty.problems)) == (1, 1)
    assert empty.err.startswith("empty.yaml:1: must be a list of expectations: ")
    assert (octets.status, octets.problems) == (
        1,
        ["octets.yaml:1: has octets that are not UTF-8"],
    )
    assert (none.status, none.problems) == (1, ["none.yaml: No such file or directory"])
    assert (missing.status, len(missing.problems)) == (2, 1)


async def test_a_policy_that_is_not_there_denies_everything(tmp_path: Path) -> None:
    _expect(tmp_path, (f"GET {APP}/public/x", "{}", "deny"), (f"GET {APP}/", "{user: a}", "deny"))
    ran = await sidecar(tmp_path, "policy", "test", "expected.yaml")
    assert (ran.status, ran.out) == (0, "2 of 2 expectations held\n")


async def test_every_question_refuses_settings_that_are_wrong(tmp_path: Path) -> None:
    (tmp_path / "sidecar.yaml").write_text("log: {level: x}\n")
    _expect(tmp_path, *EXPECTATIONS)
    for ran in await sidecar_each(
        tmp_path,
        ("policy", "explain", "GET", f"{APP}/"),
        ("policy", "who", "GET", f"{APP}/"),
        ("policy", "test", "expected.yaml"),
        ("policy", "check", "policy.yaml"),
        ("why", "well-formed-id"),
    ):
        assert (ran.status, ran.out, ran.problems) == (
            1,
            "",
            ["sidecar.yaml:1: log.level: must be debug, info, warning or error"],
        )
