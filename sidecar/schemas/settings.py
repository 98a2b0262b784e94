"""The settings file: every section and key that there is, with its bounds and its default."""

from collections.abc import Iterator
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, validate

from sidecar.core.user import LONGEST_PASSWORD, is_role
from sidecar.schemas.fields import (
    Duration,
    HostName,
    ListenAddress,
    NetworkAddress,
    OneOrMore,
    Origin,
    PublicAddress,
    StoreUrl,
    Words,
)

DIALECTS: Final = ("nginx", "traefik")
LEVELS: Final = ("debug", "info", "warning", "error")


class ServerSchema(Schema):
    """Where the service listens, and where it is reached."""

    listen = ListenAddress()
    operations_listen = ListenAddress()
    public_url = PublicAddress()


class GatewaySchema(Schema):
    """Which proxy asks, and from where."""

    dialect = fields.String(validate=validate.OneOf(DIALECTS))
    trusted_proxies = fields.List(NetworkAddress())


class TokensSchema(Schema):
    """What tokens say and how long they live; no longer than the core lets them."""

    issuer = Words()
    audience = fields.List(Words(), validate=validate.Length(min=1, max=32))
    access_ttl = Duration("1s", "24h")
    clock_skew = Duration("0s", "5m")
    refresh_ttl = Duration("1s", "400d")
    refresh_grace = Duration("0s", "5m")
    session_ttl = Duration("1s", "400d")


class SessionSchema(Schema):
    """The browser's cookie; browsers forget one after 400 days."""

    ttl = Duration("1s", "400d")
    remember_ttl = Duration("1s", "400d")
    domain = OneOrMore(HostName(), allow_none=True)


class RedirectSchema(Schema):
    """Where a login may send the browser."""

    allowed_hosts = fields.List(HostName(wildcard=True))


class CorsSchema(Schema):
    """Which frontends on other origins may call."""

    origins = fields.List(Origin())


class KeysSchema(Schema):
    """The key ring; `publish_ahead` is also how long clients keep the JWKS."""

    directory = Words()
    publish_ahead = Duration("1s", "7d")


class DatabaseSchema(Schema):
    """The source of truth."""

    url = StoreUrl("sqlite", "postgresql")


class RedisSchema(Schema):
    """The carrier of revocations."""

    url = StoreUrl("redis", "rediss", "unix", allow_none=True)


class RevocationSchema(Schema):
    """How old the view may be; a feed reads several times a second."""

    max_staleness = Duration("2s", "24h")
    when_stale = fields.String(validate=validate.OneOf(("deny", "allow")))
    keep_after = Duration("0s", "7d")


class PolicySchema(Schema):
    """Who may reach what."""

    file = Words()


class AccountsSchema(Schema):
    """People."""

    admin_role = fields.String(validate=is_role)
    password_min_length = fields.Integer(
        strict=True, validate=validate.Range(min=8, max=LONGEST_PASSWORD)
    )


class BootstrapSchema(Schema):
    """The first administrator, while there is no user."""

    admin = Words(allow_none=True)
    password = Words(allow_none=True)


class LogSchema(Schema):
    """What is logged."""

    level = fields.String(validate=validate.OneOf(LEVELS))
    decisions = fields.String(validate=validate.OneOf(("refusals", "all")))


SECTIONS: Final[dict[str, type[Schema]]] = {
    "server": ServerSchema,
    "gateway": GatewaySchema,
    "tokens": TokensSchema,
    "session": SessionSchema,
    "redirect": RedirectSchema,
    "cors": CorsSchema,
    "keys": KeysSchema,
    "database": DatabaseSchema,
    "redis": RedisSchema,
    "revocation": RevocationSchema,
    "policy": PolicySchema,
    "accounts": AccountsSchema,
    "bootstrap": BootstrapSchema,
    "log": LogSchema,
}

# As a settings file would spell them; what is derived (issuer, allowed_hosts) has none here.
DEFAULTS: Final[dict[str, dict[str, object]]] = {
    "server": {
        "listen": "127.0.0.1:8420",
        "operations_listen": "127.0.0.1:8421",
        "public_url": "http://localhost:8420",
    },
    "gateway": {"dialect": "traefik", "trusted_proxies": ["127.0.0.0/8", "::1/128"]},
    "tokens": {
        "audience": ["api"],
        "access_ttl": "10m",
        "clock_skew": "10s",
        "refresh_ttl": "30d",
        "refresh_grace": "30s",
        "session_ttl": "90d",
    },
    "session": {"ttl": "12h", "remember_ttl": "30d", "domain": None},
    "redirect": {},
    "cors": {"origins": []},
    "keys": {"directory": "keys", "publish_ahead": "10m"},
    "database": {"url": "sqlite:///data/sidecar.db"},
    "redis": {"url": None},
    "revocation": {"max_staleness": "30s", "when_stale": "deny", "keep_after": "2h"},
    "policy": {"file": "policy.yaml"},
    "accounts": {"admin_role": "admin", "password_min_length": 12},
    "bootstrap": {"admin": None, "password": None},
    "log": {"level": "info", "decisions": "refusals"},
}


def takes_yaml(section: str, key: str) -> bool:
    """Say whether the environment spells this key as YAML: lists and numbers, not texts."""
    schema = SECTIONS.get(section)
    field = None if schema is None else schema().fields.get(key)
    return isinstance(field, fields.List | fields.Integer)


def judge_section(
    section: str, values: dict[str, object]
) -> tuple[dict[str, Any], list[tuple[str, tuple[str | int, ...], str]]]:
    """Return a section's values as their types, and what is wrong: (key, place within, text)."""
    try:
        loaded: dict[str, Any] = SECTIONS[section]().load(values)
    except ValidationError as error:
        return {}, list(_flatten(error.messages_dict))
    return loaded, []


def _flatten(messages: dict[str, Any]) -> Iterator[tuple[str, tuple[str | int, ...], str]]:
    for key, inner in messages.items():
        if isinstance(inner, dict):
            for index, texts in inner.items():
                yield from ((key, (index,), text) for text in texts)
        else:
            yield from ((key, (), text) for text in inner)
