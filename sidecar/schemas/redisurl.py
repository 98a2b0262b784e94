"""The URL of a Redis, in each form that operators run; docs/redis.md has the grammar."""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from urllib.parse import parse_qsl, unquote

from sidecar.core.facts import LARGEST_PORT
from sidecar.core.text import is_plain_text
from sidecar.schemas.values import LONGEST_TEXT

SHAPE: Final = (
    "must be redis://, rediss://, redis+sentinel://, rediss+sentinel://, redis+cluster://,"
    " rediss+cluster:// or unix://, as docs/redis.md spells them"
)
SENTINEL_PORT: Final = 26_379
REDIS_PORT: Final = 6379
MOST_HOSTS: Final = 16  # who looks for the primary may ask each of them in turn
OPTIONS: Final = ("db", "username", "password")
SETTINGS: Final = {  # what others write into a URL, and where we have it
    "ssl_ca_certs": "redis.ca_file",
    "ssl_certfile": "redis.cert_file",
    "ssl_keyfile": "redis.key_file",
    "sentinel_password": "redis.sentinel_password_file",
}

_URL: Final = re.compile(r"([a-z+]+)://(?:([^/?#]*)@)?([^/?#@]*)(/[^?#]*)?(?:\?([^#]*))?", re.ASCII)
_HOST: Final = re.compile(
    r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::([0-9]{1,5}))?", re.ASCII
)
_SERVICE: Final = re.compile(r"/([A-Za-z0-9._-]{1,128})(?:/([0-9]{1,5}))?", re.ASCII)
_DATABASE: Final = re.compile(r"[0-9]{1,5}", re.ASCII)
_OPTION: Final = re.compile(r"[a-z][a-z_]{0,30}", re.ASCII)


class RedisUrlInvalid(ValueError):
    """What is wrong with a URL; its text holds nothing that could be a password."""


class Form(StrEnum):
    """What an operator runs."""

    SERVER = "server"
    SOCKET = "socket"
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class RedisUrl:
    """Where a Redis is: `hosts` are to be connected to, or asked where the primary is.

    `path` is that of a socket, `service` what Sentinels call the primary; empty elsewhere.
    """

    form: Form
    tls: bool
    hosts: tuple[tuple[str, int], ...]
    path: str
    service: str
    database: int
    username: str | None
    password: str | None = field(repr=False)


_FORMS: Final = {
    "redis": (Form.SERVER, False),
    "rediss": (Form.SERVER, True),
    "unix": (Form.SOCKET, False),
    "redis+sentinel": (Form.SENTINEL, False),
    "rediss+sentinel": (Form.SENTINEL, True),
    "redis+cluster": (Form.CLUSTER, False),
    "rediss+cluster": (Form.CLUSTER, True),
}


def parse_redis_url(text: str) -> RedisUrl:
    """Return what a URL says. Raises RedisUrlInvalid."""
    match = _URL.fullmatch(text) if len(text) <= LONGEST_TEXT and is_plain_text(text) else None
    if match is None or match[1] not in _FORMS:
        raise RedisUrlInvalid(SHAPE)
    form, tls = _FORMS[match[1]]
    path = match[4] or ""
    options = _read_options(match[5] or "")
    database = options.pop("db", None)
    service = ""
    hosts: tuple[tuple[str, int], ...] = ()
    match form:
        case Form.SOCKET:
            if match[3] or not path.strip("/"):
                raise RedisUrlInvalid(SHAPE)
        case Form.SERVER:
            hosts = _read_hosts(match[3], REDIS_PORT)
            if len(hosts) > 1:
                raise RedisUrlInvalid("names one server: several are redis+sentinel or +cluster")
            database = _read_database(path, database)
        case Form.SENTINEL:
            hosts = _read_hosts(match[3], SENTINEL_PORT)
            named = _SERVICE.fullmatch(path)
            if named is None:
                raise RedisUrlInvalid(
                    "must name the service behind the Sentinels: …/SERVICE, or …/SERVICE/NUMBER"
                )
            service = named[1]
            database = _read_database(f"/{named[2] or ''}", database)
        case Form.CLUSTER:
            hosts = _read_hosts(match[3], REDIS_PORT)
            if _read_database(path, database) not in {None, "0"}:
                raise RedisUrlInvalid("a cluster has no database but 0")
    username, password = _read_user(match[2], options)
    number = int(database or 0)
    return RedisUrl(form, tls, hosts, unquote(path), service, number, username, password)


def _read_options(query: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name in SETTINGS:
            raise RedisUrlInvalid(f"does not take ?{name}=: that is {SETTINGS[name]}")
        if name not in OPTIONS:
            told = f"?{name}=" if _OPTION.fullmatch(name) else "such an option"
            raise RedisUrlInvalid(f"does not take {told}")
        if name in options:
            raise RedisUrlInvalid(f"has ?{name}= twice")
        options[name] = value
    if not _DATABASE.fullmatch(options.get("db", "0")):
        raise RedisUrlInvalid("?db= must be a number")
    return options


def _read_hosts(authority: str, port: int) -> tuple[tuple[str, int], ...]:
    matches = [_HOST.fullmatch(each) for each in authority.split(",")]
    if len(matches) > MOST_HOSTS:
        raise RedisUrlInvalid(f"names more than {MOST_HOSTS} hosts")
    hosts = []
    for match in matches:
        number = 0 if match is None else int(match[2] or port)
        if match is None or not 0 < number <= LARGEST_PORT:
            raise RedisUrlInvalid(SHAPE)
        hosts.append((match[1].strip("[]"), number))
    return tuple(hosts)


def _read_database(path: str, option: str | None) -> str | None:
    number = path.removeprefix("/")
    if number and not _DATABASE.fullmatch(number):
        raise RedisUrlInvalid(SHAPE)
    if number and option is not None:
        raise RedisUrlInvalid("names the database twice")
    return number or option


def _read_user(userinfo: str | None, options: dict[str, str]) -> tuple[str | None, str | None]:
    user, colon, secret = (userinfo or "").partition(":")
    username, password = unquote(user) or None, unquote(secret) if colon else None
    for name, value in (("username", username), ("password", password)):
        if value is not None and name in options:
            raise RedisUrlInvalid(f"has the {name} twice")
    return username or options.get("username"), password or options.get("password")
