"""`sidecar policy`: what is wrong with it, and what every question of it refuses."""

from pathlib import Path

import pytest

from tests.cli.people import add_people
from tests.cli.policies import APP, write_policy
from tests.cli.running import sidecar, sidecar_each

pytestmark = pytest.mark.asyncio


async def test_a_policy_that_is_wrong_explains_nothing(tmp_path: Path) -> None:
    write_policy(tmp_path, "hosts: []\n")
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
    write_policy(tmp_path)
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
    (unreached,) = other.problems
    assert unreached.startswith("warning: other.yaml:1: hosts.a.test: the cookie of a login at")
    assert (none.status, none.problems) == (1, ["none.yaml: there is no such file"])


async def test_help_names_what_there_is(tmp_path: Path) -> None:
    ran = await sidecar(tmp_path, "policy", "--help")
    for name in ("check", "explain", "test", "who"):
        assert f"\n  {name} " in ran.out


async def test_a_policy_that_is_not_there_is_a_warning(tmp_path: Path) -> None:
    """The empty policy is in force then, as in a service that starts here."""
    (tmp_path / "sidecar.yaml").write_text("{}")
    await add_people(tmp_path, {"alice": []})
    (tmp_path / "t.yaml").write_text(f"- {{request: GET {APP}/, expect: deny}}\n")
    explained, who, expected = await sidecar_each(
        tmp_path,
        ("policy", "explain", "GET", f"{APP}/", "--role", "staff"),
        ("policy", "who", "GET", f"{APP}/"),
        ("policy", "test", "t.yaml"),
    )
    warning = f"warning: there is no {tmp_path / 'policy.yaml'}"
    assert (explained.status, explained.problems) == (3, [warning])
    assert explained.out.splitlines()[0] == "deny: no_rule"
    assert (who.status, who.problems) == (0, [warning, "nobody may: no_rule"])
    assert (expected.status, expected.problems) == (0, [warning])
    assert expected.out == "1 of 1 expectations held\n"


async def test_every_question_refuses_settings_that_are_wrong(tmp_path: Path) -> None:
    (tmp_path / "sidecar.yaml").write_text("log: {level: x}\n")
    (tmp_path / "expected.yaml").write_text(f"- {{request: GET {APP}/, expect: deny}}\n")
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
