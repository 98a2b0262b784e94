"""What every command shares: exit codes, one line for each problem, help, `--config`."""

from pathlib import Path
from typing import Final

import pytest

import sidecar as package
from tests.cli.running import sidecar, sidecar_each

pytestmark = pytest.mark.asyncio


def _files(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_the_version_and_the_help(tmp_path: Path) -> None:
    version, helped, short, inner = await sidecar_each(
        tmp_path, ("--version",), ("--help",), ("-h",), ("user", "add", "--help")
    )
    assert (version.status, version.out) == (0, f"sidecar, version {package.__version__}\n")
    assert (helped.status, helped.err) == (0, "")
    for command in (
        "config",
        "db",
        "demo",
        "gateway",
        "healthcheck",
        "key",
        "policy",
        "revoke",
        "why",
    ):
        assert f"\n  {command} " in helped.out
    assert short.out == helped.out
    assert (inner.status, inner.out.splitlines()[0]) == (
        0,
        "Usage: sidecar user add [OPTIONS] NAME",
    )
    assert _files(tmp_path) == []


WRONG: Final[tuple[tuple[tuple[str, ...], str], ...]] = (
    (("nope",), "sidecar: No such command 'nope'. (sidecar --help)"),
    (("--nope",), "sidecar: No such option '--nope'. (sidecar --help)"),
    (("user", "nope"), "sidecar user: No such command 'nope'. (sidecar user --help)"),
    (("user", "add"), "sidecar user add: Missing argument 'NAME'. (sidecar user add --help)"),
    (
        ("user", "add", "a"),
        (
            "sidecar user add: no terminal to ask at: use --password-stdin or --generate"
            " (sidecar user add --help)"
        ),
    ),
    (
        ("user", "add", "a", "--generate", "--password-stdin"),
        (
            "sidecar user add: --password-stdin and --generate exclude each other"
            " (sidecar user add --help)"
        ),
    ),
    (
        ("user", "list", "x"),
        "sidecar user list: Got unexpected extra argument (x) (sidecar user list --help)",
    ),
    (
        ("revoke",),
        (
            "sidecar revoke: say one of --token, --session, --user, --everyone"
            " (sidecar revoke --help)"
        ),
    ),
    (
        ("revoke", "--everyone", "--user", "a"),
        (
            "sidecar revoke: say one of --token, --session, --user, --everyone"
            " (sidecar revoke --help)"
        ),
    ),
    (
        ("gateway",),
        (
            "sidecar gateway: Missing argument '{caddy|envoy|haproxy|nginx|traefik}'."
            " Choose from: caddy, envoy, haproxy, nginx, traefik"
            " (sidecar gateway --help)"
        ),
    ),
    (
        ("gateway", "apache"),
        (
            "sidecar gateway: Invalid value for '{caddy|envoy|haproxy|nginx|traefik}': 'apache' is"
            " not one of 'caddy', 'envoy', 'haproxy', 'nginx', 'traefik'. (sidecar gateway --help)"
        ),
    ),
    (
        ("gateway", "nginx", "--host", "a.example", "--auth", "nowhere"),
        (
            "sidecar gateway: --auth: must be HOST:PORT, [IPV6]:PORT or unix:PATH"
            " (sidecar gateway --help)"
        ),
    ),
    (
        ("serve", "--workers", "0"),
        (
            "sidecar serve: Invalid value for '--workers': 0 is not in the range 1<=x<=64."
            " (sidecar serve --help)"
        ),
    ),
)


async def test_who_calls_it_wrongly_is_told_in_one_line(tmp_path: Path) -> None:
    ended = await sidecar_each(tmp_path, *(arguments for arguments, _ in WRONG))
    for (_, problem), ran in zip(WRONG, ended, strict=True):
        assert (ran.status, ran.out, ran.problems) == (2, "", [problem])
    assert _files(tmp_path) == []


async def test_without_a_command_it_says_what_there_is(tmp_path: Path) -> None:
    for ran in await sidecar_each(tmp_path, (), ("user",)):
        assert (ran.status, ran.out) == (2, "")
        assert "Commands:" in ran.err


async def test_the_settings_file_can_be_named_before_or_after_the_arguments(
    tmp_path: Path,
) -> None:
    for name in ("flag", "variable", "sidecar"):
        (tmp_path / f"{name}.yaml").write_text(f"log: {{levl: {name}}}\n")
    environ = {"SIDECAR_CONFIG": "variable.yaml"}
    problem = "{}.yaml:1: log.levl: there is no such key; did you mean level?"
    calls = {
        ("user", "show", "--config", "flag.yaml", "a"): "flag",
        ("user", "show", "a", "--config", "flag.yaml"): "flag",
        ("user", "show", "a", "--config=flag.yaml"): "flag",
        ("config", "check"): "variable",
    }
    for arguments, name in calls.items():
        ran = await sidecar(tmp_path, *arguments, environ=environ)
        assert (ran.status, ran.out, ran.problems) == (1, "", [problem.format(name)])
    ran = await sidecar(tmp_path, "config", "check")
    assert ran.problems == [problem.format("sidecar")]


ALL = [
    ("config", "check"), ("config", "show"), ("db", "upgrade"), ("gateway", "nginx"),
    ("healthcheck",), ("key", "list"), ("policy", "check"), ("revoke", "--everyone"), ("serve",),
    ("user", "add", "a", "--generate"), ("user", "list"), ("user", "show", "a"),
    ("user", "set", "a"), ("user", "passwd", "a", "--generate"), ("user", "disable", "a"),
    ("user", "enable", "a"), ("user", "remove", "a"), ("why", "12345678"),
    ("policy", "explain", "GET", "https://a.example/"), ("policy", "who", "GET", "https://a.example/"),
    ("policy", "test", "wrong.yaml"),
]  # fmt: skip


async def test_every_command_refuses_settings_that_are_wrong(tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text("server: {listen: x}\nlog: {level: x}\n")
    ended = await sidecar_each(tmp_path, *((*each, "--config", "wrong.yaml") for each in ALL))
    for arguments, ran in zip(ALL, ended, strict=True):
        assert (ran.status, ran.out) == (1, ""), arguments
        assert ran.problems == [
            "wrong.yaml:1: server.listen: must be HOST:PORT, [IPV6]:PORT or unix:PATH",
            "wrong.yaml:2: log.level: must be debug, info, warning or error",
        ]
    assert _files(tmp_path) == ["wrong.yaml"]


async def test_a_settings_file_that_is_none_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for name, told in (("folder", "Is a directory"), ("none", "No such file or directory")):
        for arguments, environ in (
            (("--config", name), {}),
            ((), {"SIDECAR_CONFIG": name}),
        ):
            ran = await sidecar(tmp_path, "config", "check", *arguments, environ=environ)
            assert (ran.status, ran.out, ran.problems) == (1, "", [f"{name}: {told}"])


async def test_a_path_with_a_line_break_is_still_one_line(tmp_path: Path) -> None:
    ran = await sidecar(tmp_path, "config", "check", "--config", "a\nb")
    assert (ran.status, ran.problems) == (1, ["a b: No such file or directory"])
