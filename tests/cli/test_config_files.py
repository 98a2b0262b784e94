"""`sidecar config check`: what no start would take is told before it."""

from pathlib import Path

import pytest

from tests.cli.running import sidecar, sidecar_each
from tests.sources.keydirs import put

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize(
    ("password", "problem"),
    [
        ("hunter2hunter2", "is too easy to guess: it is common, or follows a pattern"),
        ("root-root-root", "is little more than a name of the account or of this service"),
    ],
)
async def test_a_bootstrap_password_that_no_start_would_take_is_told(
    tmp_path: Path, password: str, problem: str
) -> None:
    (tmp_path / "sidecar.yaml").write_text(f"bootstrap: {{admin: root, password: {password}}}\n")
    checked, started = await sidecar_each(tmp_path, ("config", "check"), ("serve",))
    assert (checked.status, checked.out) == (1, "")
    assert checked.problems == [f"bootstrap.password: {problem}"]
    assert checked.problems[0] in started.err


@pytest.mark.parametrize("octets", [None, b"two\nlines"])
async def test_a_passphrase_file_that_no_start_would_take_is_told(
    tmp_path: Path, octets: bytes | None
) -> None:
    if octets is not None:
        put(tmp_path / "passphrase", octets)
    (tmp_path / "sidecar.yaml").write_text("keys: {passphrase_file: passphrase}\n")
    checked = await sidecar(tmp_path, "config", "check")
    started = await sidecar(tmp_path, "serve")
    assert (checked.status, checked.out) == (1, "")
    (problem,) = checked.problems
    assert problem.startswith(f"{tmp_path / 'passphrase'}: ")
    assert problem in started.err


async def test_settings_whose_policy_is_wrong_start_no_service(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("hosts: {a.example: [{path: /**, alow: anyone}]}\n")
    (tmp_path / "named.yaml").write_text("policy: {file: nowhere.yaml}\n")
    wrong, named = await sidecar_each(
        tmp_path, ("config", "check"), ("config", "check", "--config", "named.yaml")
    )
    assert (wrong.status, wrong.out) == (1, "")
    assert wrong.problems[0].startswith(f"{tmp_path}/policy.yaml:1: hosts.a.example.0.alow: ")
    assert (named.status, named.out) == (1, "")
    assert named.problems == [f"{tmp_path}/nowhere.yaml: there is no such file"]


async def test_a_missing_policy_is_a_warning(tmp_path: Path) -> None:
    checked = await sidecar(tmp_path, "config", "check")
    assert (checked.status, checked.out) == (0, "the settings are right\n")
    assert checked.problems == [
        f"warning: policy.file: there is no {tmp_path}/policy.yaml: everything is refused"
    ]
