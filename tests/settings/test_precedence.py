"""Defaults < file < environment < `*_FILE` < flags."""

from pathlib import Path

import pytest

from sidecar.settings import describe_settings, load_settings
from tests.settings.reading import load, refuse, shown

LISTEN = "server.listen"
IN_FILE = 'server: {listen: "127.0.0.1:1001"}'
IN_ENVIRONMENT = {"SIDECAR_SERVER__LISTEN": "127.0.0.1:1002"}
IN_FLAGS = {LISTEN: "127.0.0.1:1004"}


def test_no_file_at_all_gives_safe_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings(None, environ={}, flags={})
    assert describe_settings(settings) == {
        "server": {
            "listen": "127.0.0.1:8420",
            "operations_listen": "127.0.0.1:8421",
            "gate_listen": None,
            "public_url": "http://localhost:8420",
            "lane": "auto",
        },
        "gateway": {"dialect": "traefik", "trusted_proxies": ["127.0.0.0/8", "::1/128"]},
        "tokens": {
            "issuer": "http://localhost:8420",
            "audience": ["api"],
            "access_ttl": "10m",
            "clock_skew": "10s",
            "refresh_ttl": "30d",
            "refresh_grace": "30s",
            "session_ttl": "90d",
            "role_scopes": {},
        },
        "session": {
            "ttl": "12h",
            "remember_ttl": "30d",
            "idle_ttl": None,
            "domain": None,
            "max_per_user": 100,
        },
        "redirect": {"allowed_hosts": None},
        "cors": {"origins": []},
        "keys": {
            "directory": f"{tmp_path}/keys",
            "rotate_every": "90d",
            "publish_ahead": "10m",
            "passphrase_file": None,
        },
        "database": {"url": f"sqlite:///{tmp_path}/data/sidecar.db"},
        "redis": {
            "url": None,
            "password_file": None,
            "sentinel_password_file": None,
            "ca_file": None,
            "cert_file": None,
            "key_file": None,
        },
        "revocation": {
            "max_staleness": "30s",
            "when_stale": "deny",
            "keep_after": "2h",
            "canary": "5s",
        },
        "policy": {"file": f"{tmp_path}/policy.yaml"},
        "identity": {
            "headers": {
                "user": "Remote-User",
                "name": "Remote-Name",
                "email": "Remote-Email",
                "groups": "Remote-Groups",
                "subject": "X-Auth-Subject",
                "scope": "X-Auth-Scope",
            },
            "cookie": "strip",
            "assertion": {"enabled": True, "header": "X-Auth-Assertion", "ttl": "1m"},
        },
        "accounts": {"admin_role": "admin", "password_min_length": 12, "reset_ttl": "1h"},
        "throttle": {"logins_per_hour": 600},
        "bootstrap": {"admin": None, "password": None},
        "pages": {"name": None, "logo": None, "stylesheet": None, "texts": None},
        "log": {"level": "info", "decisions": "refusals"},
    }
    assert settings.policy_named is False


def test_the_later_source_wins(tmp_path: Path) -> None:
    (tmp_path / "listen").write_text("127.0.0.1:1003\n")
    from_file = {"SIDECAR_SERVER__LISTEN_FILE": "listen"}
    assert shown(load(tmp_path), LISTEN) == "127.0.0.1:8420"
    assert shown(load(tmp_path, IN_FILE), LISTEN) == "127.0.0.1:1001"
    assert shown(load(tmp_path, IN_FILE, environ=IN_ENVIRONMENT), LISTEN) == "127.0.0.1:1002"
    assert shown(load(tmp_path, IN_FILE, environ=from_file), LISTEN) == "127.0.0.1:1003"
    for environ in (IN_ENVIRONMENT, from_file):
        overridden = load(tmp_path, IN_FILE, environ=environ, flags=IN_FLAGS)
        assert shown(overridden, LISTEN) == "127.0.0.1:1004"


def test_a_source_changes_only_the_keys_that_it_has(tmp_path: Path) -> None:
    text = "tokens: {access_ttl: 5m, clock_skew: 2s}"
    settings = load(tmp_path, text, environ={"SIDECAR_TOKENS__ACCESS_TTL": "7m"})
    assert (settings.tokens.access_ttl, settings.tokens.clock_skew) == (420, 2)


def test_a_flag_that_was_not_given_changes_nothing(tmp_path: Path) -> None:
    assert shown(load(tmp_path, IN_FILE, flags={LISTEN: None}), LISTEN) == "127.0.0.1:1001"


def test_a_mistake_is_told_also_where_a_later_source_overrides_it(tmp_path: Path) -> None:
    assert refuse(tmp_path, "server: {listen: nowhere}", flags=IN_FLAGS) == [
        "sidecar.yaml:1: server.listen: must be HOST:PORT, [IPV6]:PORT or unix:PATH"
    ]


@pytest.mark.parametrize(
    ("named", "environ", "audience"),
    [
        ("named.yaml", {"SIDECAR_CONFIG": "variable.yaml"}, "named"),
        (None, {"SIDECAR_CONFIG": "variable.yaml"}, "variable"),
        (None, {"SIDECAR_CONFIG": ""}, "default"),
        (None, {}, "default"),
    ],
)
def test_the_file_is_the_named_one_the_variables_or_sidecar_yaml(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    named: str | None,
    environ: dict[str, str],
    audience: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, file in (("named", "named"), ("variable", "variable"), ("default", "sidecar")):
        (tmp_path / f"{file}.yaml").write_text(f"tokens: {{audience: [{name}]}}")
    settings = load_settings(None if named is None else Path(named), environ=environ, flags={})
    assert settings.tokens.audience == (audience,)


PATHS = """
server:
  listen: unix:run/public
  operations_listen: unix:/run/operations
  gate_listen: unix:../gate
keys: {directory: ring}
database: {url: sqlite:///state/people.db}
policy: {file: ../who.yaml}
"""


def test_relative_paths_are_relative_to_the_settings_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "etc").mkdir()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "etc/sidecar.yaml").write_text(PATHS)
    settings = load_settings(Path("etc/sidecar.yaml"), environ={}, flags={})
    etc = tmp_path / "etc"
    assert settings.server.listen.path == etc / "run/public"
    assert settings.server.operations_listen.path == Path("/run/operations")
    assert settings.server.gate_listen is not None
    assert settings.server.gate_listen.path == etc / "../gate"
    assert settings.keys.directory == etc / "ring"
    assert settings.database_url == f"sqlite:///{etc}/state/people.db"
    assert settings.policy_file.resolve() == tmp_path / "who.yaml"
    assert settings.policy_named is True


def test_paths_of_the_environment_are_relative_to_the_settings_file_too(tmp_path: Path) -> None:
    environ = {"SIDECAR_KEYS__DIRECTORY": "ring", "SIDECAR_DATABASE__URL": "sqlite:////abs.db"}
    settings = load(tmp_path, environ=environ)
    assert settings.keys.directory == tmp_path / "ring"
    assert settings.database_url == "sqlite:////abs.db"


def test_paths_of_flags_are_relative_to_where_the_operator_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "etc").mkdir()
    monkeypatch.chdir(tmp_path)
    settings = load(tmp_path / "etc", flags={LISTEN: "unix:public"})
    assert settings.server.listen.path == tmp_path / "public"
