"""Where a Redis is, and the files that go with it: judged when the settings are read."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.schemas.redisurl import Form, RedisUrlInvalid, parse_redis_url
from tests.programs.certificates import Certificates, make_certificates
from tests.settings.reading import load, refuse, shown

SECRET = "hunter2hunter2"


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    folder = tmp_path / "tls"
    folder.mkdir()
    return make_certificates(folder)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("redis://cache", {"hosts": (("cache", 6379),), "form": Form.SERVER, "tls": False}),
        ("redis://cache/", {"database": 0}),
        ("redis://[::1]:7000/4", {"hosts": (("::1", 7000),), "database": 4}),
        ("redis://cache_1.internal?db=2", {"hosts": (("cache_1.internal", 6379),), "database": 2}),
        ("redis://u@cache", {"username": "u", "password": None}),
        ("redis://u:p%40%3A@cache", {"username": "u", "password": "p@:"}),
        ("redis://:a:b@c@cache", {"username": None, "password": "a:b@c"}),
        ("redis://cache?username=u&password=p%2F", {"username": "u", "password": "p/"}),
        ("rediss://cache:6380", {"tls": True, "hosts": (("cache", 6380),)}),
        ("unix:///run/redis.sock?db=1", {"form": Form.SOCKET, "path": "/run/redis.sock",
                                         "database": 1, "hosts": ()}),
        ("unix://u:p@/run/a%20b.sock", {"path": "/run/a b.sock", "username": "u", "password": "p"}),
        ("redis+sentinel://a/main", {"form": Form.SENTINEL, "hosts": (("a", 26379),),
                                     "service": "main", "database": 0, "tls": False}),
        ("redis+sentinel://u:p@a:1,b,[::1]:2/my-main.1/7",
         {"hosts": (("a", 1), ("b", 26379), ("::1", 2)), "service": "my-main.1", "database": 7,
          "username": "u", "password": "p"}),
        ("rediss+sentinel://a/main", {"form": Form.SENTINEL, "tls": True}),
        ("redis+cluster://a,b:7000", {"form": Form.CLUSTER, "tls": False,
                                      "hosts": (("a", 6379), ("b", 7000))}),
        ("redis+cluster://u:p@a/0", {"database": 0, "username": "u", "password": "p"}),
        ("rediss+cluster://a", {"form": Form.CLUSTER, "tls": True}),
    ],
)  # fmt: skip
def test_what_a_url_says(text: str, said: dict[str, Any]) -> None:
    url = parse_redis_url(text)
    assert {name: getattr(url, name) for name in said} == said
    assert "password" not in repr(url)


REFUSED = {
    "redis://a,b": "names one server",
    "redis+sentinel://a": "must name the service",
    "redis+sentinel://a/": "must name the service",
    "redis+sentinel://a/main/x": "must name the service",
    "redis+sentinel://a/ma in": "must name the service",
    "redis+sentinel://a/main/1?db=2": "names the database twice",
    "redis+cluster://a/1": "a cluster has no database but 0",
    "redis+cluster://a?db=3": "a cluster has no database but 0",
    "redis://a/1?db=1": "names the database twice",
    "redis://a?db=1&db=1": "has ?db= twice",
    "redis://a?db=x": "?db= must be a number",
    f"redis://:{SECRET}@a?password=x": "has the password twice",
    "redis://u@a?username=v": "has the username twice",
    f"redis://a?password={SECRET}&socket_timeout=60": "does not take ?socket_timeout=",
    "redis://a?ssl_ca_certs=/x": "does not take ?ssl_ca_certs=: that is redis.ca_file",
    f"redis+sentinel://a/main?sentinel_password={SECRET}": "that is redis.sentinel_password_file",
    f"redis://:x@a?{SECRET}@b": "does not take such an option",
    "redis+cluster://" + ",".join("a" * 17): "names more than 16 hosts",
    "redis+cluster://a,,b": "must be redis://",
    "redis+cluster://": "must be redis://",
    "redis+sentinel://a:0/main": "must be redis://",
    f"redis://:{SECRET}/x@a": "must be redis://",
    f"redis://:{SECRET}#x@a": "must be redis://",
    "redis://a@b/c@d": "must be redis://",
    "redis://a b": "must be redis://",
    "redis://a:65536": "must be redis://",
    "redis+socket:///x": "must be redis://",
    "REDIS://a": "must be redis://",
    "redis+tls://a": "must be redis://",
    "unix://host/run/redis.sock": "must be redis://",
    "sentinel://a/main": "must be redis://",
}


@pytest.mark.parametrize(("text", "words"), REFUSED.items(), ids=range(len(REFUSED)))
def test_what_a_url_cannot_say(tmp_path: Path, text: str, words: str) -> None:
    (problem,) = refuse(tmp_path, environ={"SIDECAR_REDIS__URL": text})
    assert problem.startswith("SIDECAR_REDIS__URL: ")
    assert words in problem
    assert SECRET not in problem


@given(st.text(max_size=60) | st.from_regex(r"rediss?(\+sentinel|\+cluster)?://.*", fullmatch=True))
def test_any_text_is_a_url_or_refused(text: str) -> None:
    try:
        url = parse_redis_url(text)
    except RedisUrlInvalid:
        return
    assert url.hosts or url.path
    assert all(0 < port < 65_536 for _, port in url.hosts)


def write(**keys: object) -> str:
    """Return a settings file with this section."""
    lines = [f"  {key}: {value}" for key, value in keys.items()]
    return "\n".join(["redis:", *lines, ""])


def test_files_are_relative_to_the_settings_and_shown_by_name_alone(
    tmp_path: Path, certificates: Certificates
) -> None:
    (tmp_path / "password").write_text(f"{SECRET}\n")
    (tmp_path / "sentinels").write_text("0ther")
    settings = load(
        tmp_path,
        write(
            url="rediss+sentinel://sidecar@a,b/main",
            password_file="password",
            sentinel_password_file="sentinels",
            ca_file="tls/ca.pem",
            cert_file="tls/client.pem",
            key_file="tls/client.key",
        ),
    )
    access = settings.redis_access
    assert (access.password, access.sentinel_password) == (SECRET, "0ther")
    assert access.ca_file == certificates.ca
    assert shown(settings, "redis.password_file") == str(tmp_path / "password")
    assert shown(settings, "redis.ca_file") == str(certificates.ca)
    assert SECRET not in repr(settings)


def test_the_url_may_come_from_a_secret_file_and_the_others_from_the_environment(
    tmp_path: Path, certificates: Certificates
) -> None:
    (tmp_path / "url").write_text(f"rediss://:{SECRET}@cache\n")
    environ = {"SIDECAR_REDIS__URL_FILE": "url", "SIDECAR_REDIS__CA_FILE": "tls/ca.pem"}
    settings = load(tmp_path, environ=environ)
    assert settings.redis_url == f"rediss://:{SECRET}@cache"
    assert settings.redis_access.ca_file == certificates.ca
    assert SECRET not in repr(settings)


PROBLEMS: dict[str, tuple[dict[str, str], str]] = {
    "no url": (
        {"password_file": "password"},
        "redis.password_file: is of no use without redis.url",
    ),
    "password twice": (
        {"url": f"redis://:{SECRET}@a", "password_file": "password"},
        "redis.password_file: redis.url has a password too; one of the two must go",
    ),
    "password missing": (
        {"url": "redis://a", "password_file": "none"},
        "redis.password_file: none: No such file or directory",
    ),
    "password a folder": (
        {"url": "redis://a", "password_file": "tls"},
        "redis.password_file: tls: Is a directory",
    ),
    "password empty": (
        {"url": "redis://a", "password_file": "empty"},
        "redis.password_file: empty: must be one line, the password",
    ),
    "password of two lines": (
        {"url": "redis://a", "password_file": "lines"},
        "redis.password_file: lines: must be one line, the password",
    ),
    "no sentinels": (
        {"url": "redis://a", "sentinel_password_file": "password"},
        "redis.sentinel_password_file: is of no use: redis.url names no Sentinels",
    ),
    "no tls": (
        {"url": "redis://a", "ca_file": "tls/ca.pem"},
        "redis.ca_file: is of no use: redis.url is without TLS, which begins with rediss",
    ),
    "ca missing": (
        {"url": "rediss://a", "ca_file": "tls/none.pem"},
        "redis.ca_file: tls/none.pem: No such file or directory",
    ),
    "ca not pem": (
        {"url": "rediss://a", "ca_file": "password"},
        "redis.ca_file: password: holds no certificate in PEM",
    ),
    "certificate alone": (
        {"url": "rediss://a", "cert_file": "tls/client.pem"},
        "redis.cert_file: needs its private key, redis.key_file",
    ),
    "key alone": (
        {"url": "rediss+cluster://a", "key_file": "tls/client.key"},
        "redis.key_file: is of no use without redis.cert_file",
    ),
    "another's key": (
        {"url": "rediss://a", "cert_file": "tls/client.pem", "key_file": "tls/server.key"},
        "redis.key_file: is not the key of redis.cert_file",
    ),
    "no certificate": (
        {"url": "rediss://a", "cert_file": "tls/client.key", "key_file": "tls/client.key"},
        "redis.cert_file: and redis.key_file must hold a certificate and its key, unencrypted PEM",
    ),
}


@pytest.mark.parametrize(("keys", "problem"), PROBLEMS.values(), ids=PROBLEMS)
@pytest.mark.usefixtures("certificates")
def test_what_is_wrong_with_a_file_is_said_at_it(
    tmp_path: Path, keys: dict[str, str], problem: str
) -> None:
    (tmp_path / "password").write_text(SECRET)
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "lines").write_text(f"{SECRET}\n{SECRET}\n")
    line = list(keys).index(problem.removeprefix("redis.").partition(":")[0]) + 2
    told = refuse(tmp_path, write(**keys))
    assert told == [f"sidecar.yaml:{line}: {problem}"]
    assert SECRET not in str(told)


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    text = write(url="redis+sentinel://a", ca_file="none.pem", key_file="none.key")
    told = refuse(tmp_path, text)
    assert ["redis.url" in line for line in told] == [True]
    text = write(url="rediss://a", ca_file="none.pem", key_file="none.key")
    assert len(refuse(tmp_path, text)) == 3
