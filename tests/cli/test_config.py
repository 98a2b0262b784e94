"""`sidecar config`, `key list`, `policy check` and `gateway`: what an operator reads."""

import json
from pathlib import Path

import pytest
import yaml

from tests.cli.running import sidecar, sidecar_each

pytestmark = pytest.mark.asyncio

SECRET = "violet-anvil-73-quorum"
TOGETHER = "bootstrap.admin and bootstrap.password go together"
NET = ["example.net", "app.example.net"]


async def test_settings_are_checked_with_warnings_and_shown_without_secrets(
    tmp_path: Path,
) -> None:
    (tmp_path / "sidecar.yaml").write_text(
        "server: {public_url: http://auth.example.com/}\n"
        f"database: {{url: 'postgresql://u:{SECRET}@db/people'}}\n"
        f"bootstrap: {{admin: Root, password: {SECRET}}}\n"
    )
    (tmp_path / "policy.yaml").write_text("hosts: {}\n")
    environ = {"SIDECAR_PORT": "tcp://10.0.0.1:8420", "SIDECAR_LOG__LEVEL": "debug"}
    checked = await sidecar(tmp_path, "config", "check", environ=environ)
    assert (checked.status, checked.out) == (0, "the settings are right\n")
    assert checked.problems == [
        (
            "warning: server.public_url: http://auth.example.com is not https:"
            " browsers keep no Secure cookie from there"
        )
    ]
    shown = await sidecar(tmp_path, "config", "show", environ=environ)
    assert (shown.status, shown.err) == (0, "")
    settings = yaml.safe_load(shown.out)
    assert settings["server"]["public_url"] == "http://auth.example.com"
    assert settings["log"]["level"] == "debug"
    assert settings["database"]["url"] == "postgresql://u:***@db/people"
    assert settings["bootstrap"] == {"admin": "root", "password": "***"}
    assert SECRET not in shown.out

    (tmp_path / "shown.yaml").write_text(shown.out.replace("password: '***'", "password: null"))
    again = await sidecar(tmp_path, "config", "check", "--config", "shown.yaml")
    line = shown.out.splitlines().index("  password: '***'") + 1
    assert (again.status, again.problems) == (
        1,
        [f"shown.yaml:{line}: bootstrap.password: {TOGETHER}"],
    )


@pytest.mark.parametrize(
    ("domain", "unreached"),
    [
        ("null", ["*.example.com", "app.example.com", *NET]),
        ("example.com", NET),
        ("[example.com, example.net]", NET),  # it is set for the one that holds auth.example.com
    ],
)
async def test_each_host_of_the_policy_that_the_cookie_does_not_reach_is_named(
    tmp_path: Path, domain: str, unreached: list[str]
) -> None:
    (tmp_path / "sidecar.yaml").write_text(
        "server: {public_url: 'https://auth.example.com:8443/login'}\n"
        f"session: {{domain: {domain}}}\n"
    )
    hosts = [*("auth.example.com", "*.example.com", "app.example.com"), *NET]
    policy = {"hosts": {host: [{"path": "/**", "allow": "signed-in"}] for host in hosts}}
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(policy, sort_keys=False))
    checked = await sidecar(tmp_path, "config", "check")
    assert (checked.status, checked.out) == (0, "the settings are right\n")
    assert checked.problems == [
        (
            f"warning: {tmp_path}/policy.yaml:{3 * (1 + hosts.index(host))}: hosts.{host}:"
            " the cookie of a login at auth.example.com does not reach it (session.domain)"
        )
        for host in unreached
    ]


async def test_what_a_policy_hardly_means_is_a_warning_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "sidecar.yaml").write_text(
        "gateway: {trusted_proxies: [10.0.0.0/16]}\naccounts: {admin_role: root}\n"
    )
    (tmp_path / "policy.yaml").write_text(
        "hosts:\n"
        "  localhost:\n"
        "    - {path: /in/**, allow: {networks: [10.0.0.0/8]}}\n"
        "    - {path: /out/**, allow: {networks: [10.1.0.0/16], roles: [admin]}}\n"
        "    - {path: /metrics, networks: [10.0.1.0/24], allow: anyone}\n"
        "    - {path: /**, allow: {roles: [root, staff]}}\n"
    )
    checked = await sidecar(tmp_path, "config", "check")
    assert (checked.status, checked.out) == (0, "the settings are right\n")
    place = f"warning: {tmp_path}/policy.yaml"
    told = [line.partition(": hosts.localhost: ")[::2] for line in checked.problems]
    assert [line for line, _ in told] == [f"{place}:3", f"{place}:5", f"{place}:6"]
    assert ["10.0.0.0/8" in told[0][1], "10.0.1.0/24" in told[1][1]] == [True, True]
    assert told[2][1].startswith("root ")
    assert all("gateway.trusted_proxies" in text for _, text in told[:2])


async def test_where_only_this_machine_may_ask_a_gate_for_others_is_a_warning(
    tmp_path: Path,
) -> None:
    text = "server: {gate_listen: 192.0.2.1:8422}\n"
    (tmp_path / "sidecar.yaml").write_text(text)
    (tmp_path / "policy.yaml").write_text("hosts: {}\n")
    checked = await sidecar(tmp_path, "config", "check")
    assert (checked.status, checked.out) == (0, "the settings are right\n")
    (line,) = checked.problems
    assert line.startswith("warning: gateway.trusted_proxies: only this machine may ask")
    (tmp_path / "sidecar.yaml").write_text(f"{text}gateway: {{trusted_proxies: [192.0.2.2]}}\n")
    again = await sidecar(tmp_path, "config", "check")
    assert (again.status, again.problems) == (0, [])


async def test_every_problem_of_the_settings_is_a_line(tmp_path: Path) -> None:
    (tmp_path / "sidecar.yaml").write_text("server: {listen: x}\nserver: {}\nlog: {level: no}\n")
    environ = {"SIDECAR_REDIS__URL": "x", "SIDECAR_REDIS__URL_FILE": "y"}
    for command in ("check", "show"):
        ran = await sidecar(tmp_path, "config", command, environ=environ)
        assert (ran.status, ran.out) == (1, "")
        assert [line.partition(": ")[0] for line in ran.problems] == [
            *("sidecar.yaml:2", "sidecar.yaml:3", "SIDECAR_REDIS__URL", "SIDECAR_REDIS__URL_FILE")
        ]


async def test_keys_are_listed_with_state_and_dates(tmp_path: Path) -> None:
    as_json = await sidecar(tmp_path, "key", "list", "--json")
    assert (as_json.status, as_json.err) == (0, "")
    keys = json.loads(as_json.out)
    assert [(key["purpose"], key["state"], key["alg"]) for key in keys] == [
        ("cookie", "active", "RS256"),
        ("token", "active", "RS256"),
    ]
    for key in keys:
        assert list(key) == [
            *("kid", "alg", "purpose", "state", "not_before", "sign_until", "publish_until")
        ]
        assert key["not_before"] < key["sign_until"] < key["publish_until"]
        assert key["sign_until"].endswith("Z")
        assert (tmp_path / "keys" / f"{key['kid']}.pem").stat().st_mode & 0o777 == 0o600
    table = await sidecar(tmp_path, "key", "list")
    head, *rows = table.out.splitlines()
    assert head.split() == [
        *("KID", "ALG", "PURPOSE", "STATE", "NOT_BEFORE", "SIGN_UNTIL", "PUBLISH_UNTIL")
    ]
    assert [row.split()[0] for row in rows] == [key["kid"] for key in keys]
    folder = tmp_path / "keys"
    (folder / "mine.pem").write_text("no key")
    (folder / "mine.pem").chmod(0o600)
    wrong = await sidecar(tmp_path, "key", "list")
    assert (wrong.status, wrong.out) == (1, "")
    assert wrong.problems == [f"{folder}/mine.pem: is not a PKCS#8 private key (PEM)"]


async def test_a_policy_is_checked_where_it_stands_or_where_it_is_named(tmp_path: Path) -> None:
    missing = await sidecar(tmp_path, "policy", "check")
    assert (missing.status, missing.out) == (1, "")
    assert missing.problems == [f"{tmp_path}/policy.yaml: there is no such file"]

    (tmp_path / "policy.yaml").write_text(
        "hosts:\n  localhost:\n    - {path: /**, allow: signed-in}\n"
    )
    (tmp_path / "other.yaml").write_text(
        "hosts:\n  a.example:\n    - {path: /**, allow: signed-in}\n"
    )
    (tmp_path / "new.yaml").write_text(
        "hosts:\n  a.example:\n    - {path: /**, alow: anyone}\n    - {path: x, allow: no}\n"
    )
    right = await sidecar(tmp_path, "policy", "check")
    assert (right.status, right.err) == (0, "")
    assert right.out == "the policy is right (hosts: 1, rules: 1)\n"
    other = await sidecar(tmp_path, "policy", "check", "other.yaml")
    assert (other.status, other.problems) == (
        0,
        [
            (
                "warning: other.yaml:3: hosts.a.example: the cookie of a login at localhost does"
                " not reach it (session.domain)"
            )
        ],
    )
    wrong = await sidecar(tmp_path, "policy", "check", "new.yaml")
    assert (wrong.status, wrong.out) == (1, "")
    assert [line.partition(": ")[0] for line in wrong.problems] == [
        *("new.yaml:3", "new.yaml:3", "new.yaml:4", "new.yaml:4")
    ]
    folder = await sidecar(tmp_path, "policy", "check", ".")
    assert (folder.status, folder.problems) == (1, [".: is no file"])


async def test_a_gateway_is_told_what_settings_and_policy_say(tmp_path: Path) -> None:
    nothing = await sidecar(tmp_path, "gateway", "nginx")
    assert (nothing.status, nothing.out) == (1, "")
    assert nothing.problems == ["no host to guard: say --host, or write a policy"]

    (tmp_path / "policy.yaml").write_text(
        "hosts:\n"
        "  a.example: [{path: /**, allow: anyone}]\n"
        '  "*.b.example": [{path: /**, allow: signed-in}]\n'
    )
    flags = ["--upstream", "http://10.1.2.3:81", "--listen", "127.0.0.1:8042"]
    flags += ["--auth", "127.0.0.1:8043"]
    nginx, traefik, guarded = await sidecar_each(
        tmp_path,
        ("gateway", "nginx", *flags),
        ("gateway", "traefik", *flags, "--out", "made/traefik"),
        ("gateway", "nginx", "--host", "c.example"),
    )
    for part in ("a.example", "*.b.example", "10.1.2.3:81", "127.0.0.1:8042", "127.0.0.1:8043"):
        assert part in nginx.out
    assert (nginx.status, nginx.err) == (0, "")
    assert (traefik.status, traefik.out, traefik.err) == (0, "", "")
    made = tmp_path / "made/traefik"
    files = [path.read_text() for path in made.iterdir()]
    assert [bool(yaml.safe_load(text)) for text in files] == [True, True]
    assert sum("a.example" in text for text in files) == 1
    assert "c.example" in guarded.out
    assert "a.example" not in guarded.out


async def test_what_a_gateway_cannot_be_told_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    rows = {
        ("--host", "https://a.example"): (
            "--host: https://a.example is not a host without scheme and port"
        ),
        ("--host", "a.example:80"): "--host: a.example:80 is not a host without scheme and port",
        ("--host", "a.example", "--upstream", "10.1.2.3:81"): (
            "--upstream: must be http://HOST:PORT"
        ),
        ("--host", "a.example", "--upstream", "http://x;}/y"): (
            "--upstream: must be http://HOST:PORT"
        ),
        ("--host", "a.example", "--out", "taken/folder"): "taken/folder: Not a directory",
    }
    ended = await sidecar_each(tmp_path, *(("gateway", "nginx", *flags) for flags in rows))
    for problem, ran in zip(rows.values(), ended, strict=True):
        assert (ran.status, ran.out, ran.problems) == (1, "", [problem])
