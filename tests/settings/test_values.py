"""What each type of value takes, how it is spelled afterwards, and its exact bounds."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from sidecar.schemas.values import format_duration, parse_duration
from tests.settings.reading import load, refuse, shown, write

LABEL = "x" * 63
NAME = f"{LABEL}.{LABEL}.{LABEL}.{'y' * 61}"  # 253 characters, the longest name

TAKEN = [
    # durations
    ("tokens.access_ttl", "1s", "1s"),
    ("tokens.access_ttl", "90s", "1m30s"),
    ("tokens.access_ttl", "1h30m", "1h30m"),
    ("tokens.access_ttl", "24h", "1d"),
    ("tokens.access_ttl", "86400s", "1d"),
    ("tokens.clock_skew", "0s", "0s"),
    ("tokens.clock_skew", "5m", "5m"),
    ("session.remember_ttl", "400d", "400d"),
    ("revocation.max_staleness", "2s", "2s"),
    ("revocation.max_staleness", "1d", "1d"),
    ("revocation.canary", "1s", "1s"),
    ("revocation.canary", "30s", "30s"),
    ("revocation.canary", None, None),
    # where to listen
    ("server.listen", "127.0.0.1:0", "127.0.0.1:0"),
    ("server.listen", "0.0.0.0:65535", "0.0.0.0:65535"),
    ("server.listen", "[::1]:8420", "[::1]:8420"),
    ("server.listen", "[0:0:0:0:0:0:0:1]:1", "[::1]:1"),
    ("server.listen", "Localhost:8420", "localhost:8420"),
    ("server.listen", "unix:/run/s.sock", "unix:/run/s.sock"),
    ("server.gate_listen", None, None),
    ("server.gate_listen", "[::1]:8422", "[::1]:8422"),
    ("server.gate_listen", "unix:/run/gate.sock", "unix:/run/gate.sock"),
    ("server.lane", "off", "off"),
    # URLs
    ("server.public_url", "https://auth.example.com", "https://auth.example.com"),
    ("server.public_url", "https://auth.example.com/", "https://auth.example.com"),
    ("server.public_url", "https://example.com/auth/", "https://example.com/auth"),
    ("server.public_url", "https://EXAMPLE.com/Auth", "https://example.com/Auth"),
    ("server.public_url", "https://example.com:443", "https://example.com"),
    ("server.public_url", "https://example.com:80", "https://example.com:80"),
    ("server.public_url", "http://localhost:8420/a/b-c_d.e~f", "http://localhost:8420/a/b-c_d.e~f"),
    ("server.public_url", "https://[2001:DB8::1]:8443", "https://[2001:db8::1]:8443"),
    ("tokens.issuer", "https://issuer.example/", "https://issuer.example/"),
    ("tokens.issuer", "https://Issuer.example:443", "https://Issuer.example:443"),
    ("tokens.issuer", None, "http://localhost:8420"),
    ("cors.origins", ["https://a.example", "http://b.example:3000"],
     ["https://a.example", "http://b.example:3000"]),
    ("cors.origins", ["https://A.example:443"], ["https://a.example"]),
    # hosts
    ("redirect.allowed_hosts", ["app.example.com", "*.Example.com", "10.0.0.1", "[::1]"],
     ["app.example.com", "*.example.com", "10.0.0.1", "[::1]"]),
    ("redirect.allowed_hosts", [NAME], [NAME]),
    ("redirect.allowed_hosts", [], []),
    # networks
    ("gateway.trusted_proxies", ["10.0.0.0/8", "192.0.2.1", "::1", "2001:DB8::/32", "0.0.0.0/0"],
     ["10.0.0.0/8", "192.0.2.1/32", "::1/128", "2001:db8::/32", "0.0.0.0/0"]),
    ("gateway.trusted_proxies", [], []),
    # stores
    ("database.url", "sqlite:////var/lib/s.db", "sqlite:////var/lib/s.db"),
    ("database.url", "postgresql://db/x", "postgresql://db/x"),
    ("database.url", "postgresql://u@[::1]:5432/x?ssl=require",
     "postgresql://u@[::1]:5432/x?ssl=require"),
    ("database.url", "postgresql://a:5432,b,c:5433/x", "postgresql://a:5432,b,c:5433/x"),
    ("redis.url", "redis://cache", "redis://cache"),
    ("redis.url", "rediss://cache:6380/15", "rediss://cache:6380/15"),
    ("redis.url", "unix:///run/redis.sock?db=1", "unix:///run/redis.sock?db=1"),
    # words
    ("accounts.admin_role", "team:ops", "team:ops"),
    ("accounts.password_min_length", 8, 8),
    ("accounts.password_min_length", 256, 256),
    ("accounts.reset_ttl", "300s", "5m"),
    ("accounts.reset_ttl", "7d", "7d"),
    ("throttle.logins_per_hour", 1, 1),
    ("throttle.logins_per_hour", 1_000_000, 1_000_000),
    *(("gateway.dialect", each, each) for each in ("nginx", "traefik", "caddy", "haproxy")),
    ("gateway.dialect", "envoy", "envoy"),
    ("revocation.when_stale", "allow", "allow"),
    ("log.level", "debug", "debug"),
    ("log.decisions", "all", "all"),
    ("tokens.audience", ["a" * 512], ["a" * 512]),
    ("tokens.audience", ["a" * 511 + str(n) for n in range(8)],
     ["a" * 511 + str(n) for n in range(8)]),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value", "spelled"), TAKEN, ids=lambda value: str(value)[:40])
def test_a_value_has_one_spelling_afterwards(
    tmp_path: Path, key: str, value: object, spelled: object
) -> None:
    assert shown(load(tmp_path, write(key, value)), key) == spelled


REFUSED: dict[str, list[object]] = {
    "tokens.access_ttl": [
        "0s", "24h1s", "1d1s", "10", 10, "", "10 m", " 10m", "10m ", "-1m", "+1m", "1.5m", "10M",
        "1w", "m", "10min", "1m1m1m1m1m", "\u0661m", "1000000000s", True, None, ["10m"],
    ],
    "tokens.clock_skew": ["5m1s"],
    "revocation.max_staleness": ["1s", "0s", "24h1s"],
    "revocation.canary": ["0s", "31s", 5, ""],
    "session.ttl": ["0s", "400d1s", "401d"],
    "session.idle_ttl": ["4m59s", "401d", 300, ""],
    "session.max_per_user": [0, 10_001, "100", 1.5, None, True],
    "throttle.logins_per_hour": [0, 1_000_001, "600", 1.5, None, True],
    "keys.publish_ahead": ["0s", "30d1s"],
    "keys.rotate_every": ["1s", "3651d", None],
    "keys.passphrase_file": ["", 7, []],
    "server.listen": [
        "127.0.0.1", ":8420", "8420", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
        "127.0.0.1:84a", "127.0.0.1:000080", "::1:8420", "[::1]", "[::1:80", "[x]:80", "unix:",
        "tcp://127.0.0.1:1", "http://127.0.0.1:1", "*:80", "a b:80", "a:1:2", "127.1:80",
        "127.0.0.01:80", "host:\u0668\u0660", "unix:a\tb", "unix:" + "a" * 200, None,
    ],
    "server.lane": ["on", "OFF", "", None, 1],
    "server.gate_listen": ["", "127.0.0.1", "unix:", 8422, [], "unix:" + "a" * 200],
    "server.public_url": [
        "", "example.com", "ftp://example.com", "//example.com", "https://", "https:///auth",
        "https://u@example.com", "https://u:p@example.com", "https://example.com?x",
        "https://example.com#x", "https://example.com/a//b", "https://example.com//",
        "https://example.com/../a", "https://example.com/a/.", "https://example.com/%61",
        "https://example.com/a b", "https://exa mple.com", "https://example.com:0x1",
        "https://example.com:65536", "https://example.com:", "HTTPS://example.com",
        "https://example.com\\a", "https://\u00e9.example", "https://a..b", "https://-a.example",
        "https://127.1", "https://" + "a." * 260 + "example", None,
    ],
    "tokens.issuer": ["", "issuer", "https://issuer.example?x", "https://i/#f", "urn:x"],
    "cors.origins": [
        ["*"], ["null"], ["https://a.example/"], ["https://a.example/x"], ["a.example"],
        ["https://*.example"], ["file://"], ["https://u@a.example"], "https://a.example", None,
    ],
    "redirect.allowed_hosts": [
        ["https://a.example"], ["a.example:443"], ["a.example/x"], ["*"], ["*."], ["*.*.example"],
        ["a.*.example"], ["*a.example"], ["*.10.0.0.1"], ["*.[::1]"], [".example.com"],
        ["x" * 64 + ".example"], [f"{NAME}y"], [""], ["::1"], "a.example",
    ],
    "session.domain": [
        "localhost", ".example.com", "*.example.com", "10.0.0.1", "[::1]", "example.com:80",
        "https://example.com", "com", "", ["example.com", "x"],
    ],
    "gateway.trusted_proxies": [
        ["10.0.0.1/8"], ["10.0.0.0/33"], ["::1/127"], ["fe80::1%eth0"], ["::ffff:10.0.0.1"],
        ["::ffff:0:0/96"], ["10.0.0.0/255.0.0.0/8"], ["10.0.0"], ["localhost"], [""], [10], ["*"],
        "10.0.0.0/8", None,
    ],
    "database.url": [
        "", "sqlite://", "sqlite:///", "sqlite:////", "sqlite:///:memory:", "sqlite:///a?b",
        "sqlite+aiosqlite:///a", "a.db", "mysql://db/x", "postgres://db/x", "postgresql://db",
        "postgresql://db/", "postgresql:///x", "postgresql://db/x/y", "postgresql://db:0/x",
        "postgresql://db:65536/x", "postgresql://u:p/w@db/x", "postgresql://u:p?w@db/x",
        "postgresql://u:p#w@db/x", "postgresql+asyncpg://db/x", "postgresql://[::1/x",
        "postgresql://a,/x", "postgresql://,a/x", "postgresql://a:1,b:0/x", "postgresql://a,b:c/x",
        "postgresql://db/x\n", "sqlite:///a\0", "sqlite:///" + "a" * 4087, None,
    ],
    "redis.url": [
        "", "cache", "cache:6379", "http://cache", "redis://", "redis:///0", "redis://cache/x",
        "redis://cache/123456", "redis://cache:0", "redis://cache:x", "redis://cache:65536",
        "redis://:p/w@cache", "unix://", "unix:///", "redis+sentinel://cache", "redis://a\tb",
    ],
    "accounts.admin_role": ["", "a b", "-a", "a,b", "x" * 65, "\u00e9", None],
    "accounts.reset_ttl": ["4m59s", "7d1s", "0s", "", 3600, None],
    "accounts.password_min_length": [7, 257, 0, -8, 12.5, "12", None, [12]],
    "tokens.audience": [
        [], [""], ["a", "a"], ["a" * 513], ["a\n"], "api", None,
        ["a" * 511 + str(n) for n in range(8)] + ["b"],
    ],
    "gateway.dialect": ["Nginx", "apache", "", None],
    "revocation.when_stale": ["refuse", "Deny", ""],
    "log.level": ["INFO", "trace", "warn"],
    "log.decisions": ["none", "ALL"],
    "keys.directory": ["", "a\0b", "a\nb", "x" * 4097, "a\u202eb"],
    "policy.file": ["", None],
    "bootstrap.admin": ["", "a b", "x" * 65, "a:b"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("key", "value"),
    [(key, value) for key, values in REFUSED.items() for value in values],
    ids=lambda value: repr(value)[:40],
)
def test_anything_else_is_one_problem_at_its_key(tmp_path: Path, key: str, value: object) -> None:
    (problem,) = refuse(tmp_path, write(key, value))
    assert problem.startswith(f"sidecar.yaml:1: {key}")


def test_a_domain_may_be_one_or_several(tmp_path: Path) -> None:
    for value in ("Example.com", ["example.com"]):
        text = write("session.domain", value)
        public = {"SIDECAR_SERVER__PUBLIC_URL": "https://auth.example.com"}
        assert load(tmp_path, text, environ=public).session.domain == ("example.com",)


def test_an_empty_list_of_domains_is_no_domain(tmp_path: Path) -> None:
    assert load(tmp_path, write("session.domain", [])).session.domain == ()


def test_without_an_issuer_the_public_url_is_the_issuer(tmp_path: Path) -> None:
    settings = load(tmp_path, write("server.public_url", "https://example.com/auth/"))
    assert settings.tokens.issuer == "https://example.com/auth"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0s", 0), ("10m", 600), ("1h30m", 5400), ("30d", 2_592_000), ("1d1d", 172_800), ("01s", 1)],
)
def test_a_duration_is_the_sum_of_its_parts(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@effort(deadline=None)
@given(seconds=st.integers(0, 10**9))
def test_a_duration_that_is_written_reads_as_the_same(seconds: int) -> None:
    assert parse_duration(format_duration(seconds)) == seconds
