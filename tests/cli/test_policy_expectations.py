"""`sidecar policy test`: whether the policy is as it was meant."""

from pathlib import Path
from typing import Final

import pytest

from sidecar.schemas.expectations import LARGEST_EXPECTATIONS
from tests.cli.policies import APP, write_policy
from tests.cli.running import sidecar, sidecar_each

pytestmark = pytest.mark.asyncio

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
    (f"OPTIONS {APP}/shared/", "{preflight: false}", "deny"),
    (f"OPTIONS {APP}/shared/", "{preflight: true}", "allow"),
    (f"OPTIONS {APP}/home/", "{preflight: true}", "deny"),
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
    _expect(write_policy(tmp_path), *EXPECTATIONS)
    ran = await sidecar(tmp_path, "policy", "test", "expected.yaml")
    count = len(EXPECTATIONS)
    assert (ran.status, ran.out, ran.err) == (0, f"{count} of {count} expectations held\n", "")
    assert not (tmp_path / "data").exists()


async def test_each_expectation_that_differs_is_named_with_its_line(tmp_path: Path) -> None:
    other = {"allow": "deny", "deny": "allow"}
    _expect(write_policy(tmp_path), *((*row[:2], other[row[2]]) for row in EXPECTATIONS))
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
    _expect(write_policy(tmp_path), (f"GET {APP}/home/", "{}", "allow"), *EXPECTATIONS)
    ran = await sidecar(tmp_path, "policy", "test", "expected.yaml")
    held = f"{len(EXPECTATIONS)} of {len(EXPECTATIONS) + 1} expectations held\n"
    assert (ran.status, ran.out, len(ran.problems)) == (1, held, 1)


async def test_expectations_that_are_wrong_are_told_with_their_lines(tmp_path: Path) -> None:
    write_policy(tmp_path)
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
    assert ran.problems == [f"warning: there is no {tmp_path / 'policy.yaml'}"]


async def test_of_a_file_that_is_too_large_no_part_is_tested(tmp_path: Path) -> None:
    """Also where it has fewer characters than octets."""
    _expect(write_policy(tmp_path), *EXPECTATIONS[:1])
    file = tmp_path / "expected.yaml"
    file.write_text(f"# é{'x' * LARGEST_EXPECTATIONS}\n{file.read_text()}")
    ran = await sidecar(tmp_path, "policy", "test", "expected.yaml")
    problem = f"expected.yaml: is larger than {LARGEST_EXPECTATIONS} octets"
    assert (ran.status, ran.out, ran.problems) == (1, "", [problem])
