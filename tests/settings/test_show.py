"""What `config show` prints: the settings in force, in the file's shape, without secrets."""

from pathlib import Path

import pytest

from sidecar.schemas.documents import dump_document
from sidecar.settings import describe_settings
from tests.settings.reading import load, shown, write

EVERYTHING = """\
server:
  {listen: "unix:run/s", operations_listen: "[::1]:9000", gate_listen: "unix:g",
   public_url: "https://example.com/a/", lane: "off"}
gateway: {dialect: nginx, trusted_proxies: [192.0.2.1, "2001:db8::/32"]}
tokens:
  issuer: https://Issuer.example/
  audience: [api, "10", "no"]
  access_ttl: 61s
  clock_skew: 0s
  refresh_ttl: 36h
  refresh_grace: 0s
  session_ttl: 400d
  role_scopes: {staff: [orders:write, orders:read], "10": ["no"], idle: []}
session: {ttl: 1h1m1s, remember_ttl: 8d, idle_ttl: 45m, domain: [example.com], max_per_user: 7}
redirect: {allowed_hosts: ["*.example.com", "[::1]"]}
cors: {origins: ["https://spa.example.com"]}
keys: {directory: "010", rotate_every: 2d, publish_ahead: 1s, passphrase_file: "0x1"}
database: {url: "postgresql://sidecar@db:5432/people"}
redis: {url: "rediss://cache/3"}
revocation: {max_staleness: 2s, when_stale: allow, keep_after: 1d, canary: null}
policy: {file: "a: b"}
identity:
  headers: {user: X-User, scope: X-Scopes}
  cookie: keep
  assertion: {enabled: false, header: X-Proof, ttl: 90s}
accounts: {admin_role: "yes", password_min_length: 20}
throttle: {logins_per_hour: 7}
log: {level: debug, decisions: all}
"""


@pytest.mark.parametrize("text", ["", EVERYTHING])
def test_what_is_shown_reads_back_as_the_same_settings(tmp_path: Path, text: str) -> None:
    settings = load(tmp_path, text)
    again = load(tmp_path, dump_document(describe_settings(settings)))
    assert describe_settings(again) == describe_settings(settings)
    assert again.server == settings.server
    assert (again.tokens, again.session) == (settings.tokens, settings.session)
    assert (again.gateway, again.revocation) == (settings.gateway, settings.revocation)
    assert again.identity == settings.identity
    assert again.keys == settings.keys
    assert again.logins_per_hour == settings.logins_per_hour
    assert again.database_url == settings.database_url
    assert again.policy_file == settings.policy_file


SECRET = "hunter2hunter2"


@pytest.mark.parametrize(
    ("key", "url", "hidden"),
    [
        ("database.url", f"postgresql://u:{SECRET}@db/x", "postgresql://u:***@db/x"),
        ("database.url", f"postgresql://:{SECRET}@db/x", "postgresql://:***@db/x"),
        ("database.url", f"postgresql://u:{SECRET}@a:1,b:2/x", "postgresql://u:***@a:1,b:2/x"),
        ("database.url", "postgresql://u@a:1,b:2/x", "postgresql://u@a:1,b:2/x"),
        ("database.url", f"postgresql://u:a,{SECRET}@a,b/x", "postgresql://u:***@a,b/x"),
        ("database.url", f"postgresql://u:a:{SECRET}@b@db/x", "postgresql://u:***@db/x"),
        ("database.url", f"postgresql://u@db/x?password={SECRET}",
         "postgresql://u@db/x?password=***"),
        ("database.url", f"postgresql://u:{SECRET}@db/x?ssl=require&PASSWORD={SECRET}&a=b",
         "postgresql://u:***@db/x?ssl=require&PASSWORD=***&a=b"),
        ("database.url", f"postgresql://u@db/x?sslpassword={SECRET}",
         "postgresql://u@db/x?sslpassword=***"),
        ("redis.url", f"redis://:{SECRET}@cache:6379/0", "redis://:***@cache:6379/0"),
        ("redis.url", f"rediss://u:{SECRET}@cache", "rediss://u:***@cache"),
        ("redis.url", f"unix:///run/redis.sock?password={SECRET}",
         "unix:///run/redis.sock?password=***"),
        ("redis.url", f"unix://u:{SECRET}@/run/redis.sock", "unix://u:***@/run/redis.sock"),
    ],
)  # fmt: skip
def test_the_password_of_a_store_is_hidden(tmp_path: Path, key: str, url: str, hidden: str) -> None:
    settings = load(tmp_path, write(key, url))
    assert shown(settings, key) == hidden
    assert SECRET not in repr(settings)


def test_the_first_administrators_password_is_hidden(tmp_path: Path) -> None:
    settings = load(tmp_path, f"bootstrap: {{admin: Root, password: {SECRET}}}")
    assert shown(settings, "bootstrap.password") == "***"
    assert shown(settings, "bootstrap.admin") == "root"
    assert SECRET not in repr(settings)


def test_a_sqlite_path_is_shown_as_it_is(tmp_path: Path) -> None:
    url = "sqlite:////srv/a:b@c/password=x.db"
    assert shown(load(tmp_path, write("database.url", url)), "database.url") == url
