"""Read settings from everywhere, judge them at once, and name every problem with its place."""

from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from sidecar.core.facts import parse_host
from sidecar.core.verdict import Deny
from sidecar.errors import DocumentInvalid
from sidecar.schemas.fields import Listen
from sidecar.schemas.settings import SECTIONS, judge_section
from sidecar.settings.merge import Raw
from sidecar.settings.types import (
    BootstrapSettings,
    Decisions,
    Dialect,
    GatewaySettings,
    RevocationSettings,
    ServerSettings,
    SessionSettings,
    Settings,
    TokenSettings,
    WhenStale,
)

CONFIG_VARIABLE: Final = "SIDECAR_CONFIG"
CONFIG_FILE: Final = "sidecar.yaml"


def load_settings(
    file: Path | None, *, environ: Mapping[str, str], flags: Mapping[str, object]
) -> Settings:
    """Return the settings in force. Raises DocumentInvalid with every problem at once.

    `file` is the one that was named; without it `SIDECAR_CONFIG` of `environ` counts, else
    `sidecar.yaml` where there is one, else the defaults alone. The keys of `flags` are spelled
    `section.key`.
    """
    raw = Raw()
    named = file or (Path(environ[CONFIG_VARIABLE]) if environ.get(CONFIG_VARIABLE) else None)
    path = named or Path(CONFIG_FILE)
    if named is not None or path.exists():
        raw.read_file(path)
    raw.read_environment(environ)
    for name, value in flags.items():
        section, _, key = name.partition(".")
        raw.put(section, key, value, f"--{key.replace('_', '-')}")
    values: dict[str, dict[str, Any]] = {}
    for section in SECTIONS:
        values[section], messages = judge_section(section, raw.values[section])
        raw.problems.extend(
            f"{raw.place_of(section, str(key), *inner)}: {text}" for key, inner, text in messages
        )
    if not raw.problems:
        raw.problems.extend(_judge_together(values))
    if raw.problems:
        raise DocumentInvalid(tuple(raw.problems))
    return _build(values, raw, path.absolute().parent)


def _judge_together(values: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return what is wrong between keys that are each right."""
    problems = []
    host = _host_of(values["server"]["public_url"])
    domains = values["session"]["domain"] or []
    if domains and not any(host == each or host.endswith(f".{each}") for each in domains):
        problems.append(f"session.domain: holds not the host of server.public_url, {host}")
    if any("." not in each or _is_address(each) for each in domains):
        problems.append("session.domain: browsers take no cookie for such a domain")
    bootstrap = values["bootstrap"]
    if (bootstrap["admin"] is None) is not (bootstrap["password"] is None):
        problems.append("bootstrap: admin and password go together")
    least = values["accounts"]["password_min_length"]
    if bootstrap["password"] is not None and len(bootstrap["password"]) < least:
        problems.append(f"bootstrap.password: is shorter than {least} characters")
    return problems


def _host_of(url: str) -> str:
    host = parse_host(url.partition("://")[2].partition("/")[0])
    return "" if isinstance(host, Deny) else host.name


def _is_address(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _build(values: Mapping[str, Mapping[str, Any]], raw: Raw, base: Path) -> Settings:
    """Return the settings as their types; paths are relative to `base`."""
    server, tokens, session = values["server"], values["tokens"], values["session"]
    revocation, bootstrap = values["revocation"], values["bootstrap"]
    hosts = values["redirect"].get("allowed_hosts")
    return Settings(
        server=ServerSettings(
            _absolute(server["listen"], base),
            _absolute(server["operations_listen"], base),
            server["public_url"],
        ),
        gateway=GatewaySettings(
            Dialect(values["gateway"]["dialect"]), tuple(values["gateway"]["trusted_proxies"])
        ),
        tokens=TokenSettings(
            issuer=tokens.get("issuer") or server["public_url"],
            audience=tuple(tokens["audience"]),
            access_ttl=tokens["access_ttl"],
            clock_skew=tokens["clock_skew"],
            refresh_ttl=tokens["refresh_ttl"],
            refresh_grace=tokens["refresh_grace"],
            session_ttl=tokens["session_ttl"],
        ),
        session=SessionSettings(
            session["ttl"], session["remember_ttl"], tuple(session["domain"] or ())
        ),
        allowed_hosts=None if hosts is None else tuple(hosts),
        cors_origins=tuple(values["cors"]["origins"]),
        keys_directory=base / values["keys"]["directory"],
        publish_ahead=values["keys"]["publish_ahead"],
        database_url=_place_sqlite(values["database"]["url"], base),
        redis_url=values["redis"]["url"],
        revocation=RevocationSettings(
            revocation["max_staleness"],
            WhenStale(revocation["when_stale"]),
            revocation["keep_after"],
        ),
        policy_file=base / values["policy"]["file"],
        policy_named=("policy", "file") in raw.given,
        admin_role=values["accounts"]["admin_role"],
        password_min_length=values["accounts"]["password_min_length"],
        bootstrap=BootstrapSettings(bootstrap["admin"], bootstrap["password"]),
        log_level=values["log"]["level"],
        log_decisions=Decisions(values["log"]["decisions"]),
    )


def _absolute(listen: Listen, base: Path) -> Listen:
    return listen if listen.path is None else Listen(path=base / listen.path)


def _place_sqlite(url: str, base: Path) -> str:
    """Make the path of a SQLite URL absolute; `sqlite:////x` is absolute already."""
    prefix = "sqlite:///"
    return f"{prefix}{base / url.removeprefix(prefix)}" if url.startswith(prefix) else url
