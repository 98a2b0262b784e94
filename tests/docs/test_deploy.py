"""The files of deploy/ are what the command prints, and what the programs take."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from sidecar.cli.gateways import FILES
from sidecar.core.policy import Policy
from sidecar.schemas.policy import parse_rules
from sidecar.settings import Settings, find_warnings, load_settings
from tests.docs.markdown import ROOT, read_code
from tests.programs.gateways import checker_of, environ_of
from tests.programs.process import require

DEPLOY = ROOT / "deploy"
MADE = [code for code in read_code(DEPLOY / "README.md") if code.startswith("sidecar gateway ")]


@pytest.mark.parametrize("command", MADE, ids=[each.rpartition("/")[2] for each in MADE])
def test_gateway_files_are_what_the_command_writes(command: str, tmp_path: Path) -> None:
    *words, folder = command.split()
    done = subprocess.run(
        [sys.executable, "-m", *words, str(tmp_path)], cwd=ROOT, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    made = {
        file.name: file.read_text().replace(str(tmp_path), folder) for file in tmp_path.iterdir()
    }
    kept = {file.name: file.read_text() for file in (ROOT / folder).iterdir()}
    assert made == kept


def test_every_gateway_folder_says_how_it_was_made() -> None:
    told = {ROOT / command.split()[-1] for command in MADE}
    made = {file for files in FILES.values() for file in files}
    assert told == {file.parent for file in DEPLOY.rglob("*") if file.name in made}
    assert {folder.name for folder in told} == FILES.keys()


@pytest.mark.parametrize("name", sorted(FILES.keys() - {"traefik"}))  # it has no such check
def test_each_gateway_finds_no_fault_in_its_folder(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "deploy" / name
    shutil.copytree(DEPLOY / name, folder)
    done = subprocess.run(
        list(map(str, checker_of(name, folder))),
        cwd=tmp_path,
        env={**os.environ, **environ_of(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_gateway_asks_where_nobody_else_can() -> None:
    for name, files in FILES.items():
        text = "".join((DEPLOY / name / file).read_text() for file in files)
        assert "8422" in text, name
    settings = load_settings(DEPLOY / "systemd/settings.yaml", environ={}, flags={})
    assert str(settings.server.gate_listen) == "127.0.0.1:8422"


def test_the_unit_is_one_that_systemd_takes(tmp_path: Path) -> None:
    analyze = require("systemd-analyze")
    unit = (DEPLOY / "systemd/sidecar.service").read_text()
    (command,) = re.findall(r"^ExecStart=(\S+) (.*)$", unit, re.MULTILINE)
    assert command == ("/opt/sidecar/bin/sidecar", "serve --config /etc/sidecar/sidecar.yaml")
    here = tmp_path / "sidecar.service"
    here.write_text(unit.replace(command[0], sys.executable))
    done = subprocess.run(
        [analyze, "verify", "--man=no", here], capture_output=True, text=True, check=False
    )
    # It also tells what is wrong with the units of this machine; of ours there is nothing to tell.
    assert "sidecar.service" not in done.stderr, done.stderr


def test_the_settings_of_the_unit_keep_all_state_where_it_may_write() -> None:
    settings = load_settings(DEPLOY / "systemd/settings.yaml", environ={}, flags={})
    state = "/var/lib/sidecar"
    assert settings.keys.directory.is_relative_to(state)
    assert settings.database_url.startswith(f"sqlite:///{state}/")
    assert find_warnings(settings) == ()


@pytest.fixture
def compose() -> dict[str, Any]:
    """Read the Compose file."""
    read: dict[str, Any] = yaml.safe_load((DEPLOY / "compose/compose.yaml").read_text())
    return read


def _image_environ() -> dict[str, str]:
    """Return the settings that the image brings."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    return dict(re.findall(r"(SIDECAR_\w+)=(\S+)", text))


def _settings_of(compose: dict[str, Any], service: str) -> Settings:
    environ = {
        **_image_environ(),
        **{
            name: re.sub(r"\$\{\w+[^}]*\}", "secret", value)
            for name, value in compose["services"][service]["environment"].items()
        },
    }
    assert len(environ) > 3
    return load_settings(DEPLOY / "compose/sidecar/sidecar.yaml", environ=environ, flags={})


@pytest.mark.parametrize("service", ["sidecar", "schema"])
def test_the_settings_of_the_containers_are_known(compose: dict[str, Any], service: str) -> None:
    settings = _settings_of(compose, service)
    assert settings.database_url == "postgresql://sidecar:secret@postgres/sidecar"
    assert settings.redis_url == "redis://redis:6379/0"
    assert str(settings.keys.directory).startswith("/data/")


def test_only_traefik_may_ask(compose: dict[str, Any]) -> None:
    trusted = _settings_of(compose, "sidecar").gateway.trusted_proxies
    traefik = compose["services"]["traefik"]["networks"]["front"]["ipv4_address"]
    assert [str(network) for network in trusted] == [f"{traefik}/32"]


def test_traefik_asks_where_the_containers_gate_listens(compose: dict[str, Any]) -> None:
    gate = _settings_of(compose, "sidecar").server.gate_listen
    assert gate is not None
    routes = yaml.safe_load((DEPLOY / "compose/traefik/routes.yaml").read_text())["http"]
    asked = routes["middlewares"]["sidecar"]["forwardAuth"]["address"]
    assert asked == f"http://sidecar:{gate.port}/verify/traefik"


def test_what_the_containers_serve_is_guarded(compose: dict[str, Any]) -> None:
    text = (DEPLOY / "compose/sidecar/policy.yaml").read_text()
    policy = Policy(parse_rules(text, "policy.yaml"))
    assert policy.hosts == ("localhost",)
    assert "ports" not in compose["services"]["application"]
    assert "ports" not in compose["services"]["sidecar"]
    assert compose["services"]["traefik"]["ports"] == ["127.0.0.1:8080:80"]


def test_everything_that_the_compose_file_names_is_there(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert re.fullmatch(r"sidecar|\S+:v?\d+\S*", service["image"]), f"{name} has no version"
        assert set(service["networks"]) <= set(compose["networks"])
        assert set(service.get("depends_on", {})) <= set(compose["services"])
        for volume in service.get("volumes", []):
            source, target = volume.split(":")[:2]
            assert target.startswith("/")
            if source.startswith("."):
                assert (DEPLOY / "compose" / source).exists(), source
            else:
                assert source in compose["volumes"]


def test_a_rule_that_is_put_in_place_of_another_is_seen(compose: dict[str, Any]) -> None:
    """A file that is mounted by itself stays the one that it was."""
    for name, service in compose["services"].items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert not source.startswith(".") or (DEPLOY / "compose" / source).is_dir(), name


def test_what_runs_comes_back_with_the_machine(compose: dict[str, Any]) -> None:
    once = {"schema"}
    for name, service in compose["services"].items():
        assert service.get("restart") == (None if name in once else "unless-stopped"), name


def test_no_container_of_ours_can_do_more_than_it_must(compose: dict[str, Any]) -> None:
    for name in ("sidecar", "schema"):
        service = compose["services"][name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
