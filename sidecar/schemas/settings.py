"""The settings file: every section and key that there is, with its bounds and its default."""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, validate

from sidecar.core.claims import LONGEST_ROLES
from sidecar.core.user import LONGEST_PASSWORD, canonical_username, is_role
from sidecar.schemas.documents import suggest
from sidecar.schemas.fields import Items, OneOrMore, Parsed, choice, duration, words
from sidecar.schemas.values import (
    LONGEST_URL,
    has_controls,
    parse_database_url,
    parse_domain,
    parse_host_pattern,
    parse_issuer,
    parse_listen,
    parse_network,
    parse_origin,
    parse_public_url,
    parse_redis_url,
)

LARGEST_SETTINGS: Final = 262_144  # characters of a settings file, a variable or a secret file
LEAST_PASSWORD: Final = 8  # characters; NIST SP 800-63B section 3.1.1.2 lets none be shorter

LISTEN: Final = "must be HOST:PORT, [IPV6]:PORT or unix:PATH"
URL: Final = "must be http(s)://HOST[:PORT][/PATH], without query, fragment and user"
ORIGIN: Final = "must be one origin, http(s)://HOST[:PORT] without a path; `*` is not possible"
PATTERN: Final = "must be a host or *.domain, without scheme, port and path"
DOMAIN: Final = "must be a domain of two labels or more, such as example.com, without a dot before"
NETWORK: Final = "must be a network such as 10.0.0.0/8, without host bits, or one address"
DATABASE: Final = (
    "must be sqlite:///PATH or postgresql://[USER[:PASSWORD]@]HOST[:PORT]/DATABASE;"
    " signs in a password are percent-encoded"
)
REDIS: Final = "must be redis:// or rediss://[[USER]:PASSWORD@]HOST[:PORT][/NUMBER], or unix://PATH"


def _judge_audience(audience: list[str]) -> None:
    if len(set(audience)) != len(audience) or not audience:
        raise ValidationError("must name at least one audience, and each once")
    if sum(map(len, audience)) > LONGEST_ROLES:
        raise ValidationError(f"must be {LONGEST_ROLES} characters or fewer together")


def _parse_role(text: str) -> str | None:
    return text if is_role(text) else None


def _parse_password(text: str) -> str | None:
    return text if 0 < len(text) <= LONGEST_PASSWORD and not has_controls(text) else None


class ServerSchema(Schema):
    """Where the service listens, and where it is reached."""

    listen = Parsed(parse_listen, LISTEN)
    operations_listen = Parsed(parse_listen, LISTEN)
    public_url = Parsed(parse_public_url, URL)


class GatewaySchema(Schema):
    """Which proxy asks, and from where."""

    dialect = choice("nginx", "traefik")
    trusted_proxies = Items(Parsed(parse_network, NETWORK))


class TokensSchema(Schema):
    """What tokens say and how long they live; no longer than the core lets them."""

    issuer = Parsed(parse_issuer, URL, allow_none=True)
    audience = Items(words(LONGEST_URL), validate=_judge_audience)
    access_ttl = duration("1s", "24h")
    clock_skew = duration("0s", "5m")
    refresh_ttl = duration("1s", "400d")
    refresh_grace = duration("0s", "5m")
    session_ttl = duration("1s", "400d")


class SessionSchema(Schema):
    """The browser's cookie; browsers forget one after 400 days."""

    ttl = duration("1s", "400d")
    remember_ttl = duration("1s", "400d")
    domain = OneOrMore(Parsed(parse_domain, DOMAIN), allow_none=True)


class RedirectSchema(Schema):
    """Where a login may send the browser."""

    allowed_hosts = Items(Parsed(parse_host_pattern, PATTERN), allow_none=True)


class CorsSchema(Schema):
    """Which frontends on other origins may call."""

    origins = Items(Parsed(parse_origin, ORIGIN))


class KeysSchema(Schema):
    """The key ring; clients may keep the JWKS for half of `publish_ahead`."""

    directory = words()
    publish_ahead = duration("1s", "30d")


class DatabaseSchema(Schema):
    """The source of truth."""

    url = Parsed(parse_database_url, DATABASE)


class RedisSchema(Schema):
    """The carrier of revocations."""

    url = Parsed(parse_redis_url, REDIS, allow_none=True)


class RevocationSchema(Schema):
    """How old the view may be; the feed of SQL reads several times a second."""

    max_staleness = duration("2s", "24h")
    when_stale = choice("deny", "allow")
    keep_after = duration("0s", "30d")


class PolicySchema(Schema):
    """Who may reach what."""

    file = words()


class AccountsSchema(Schema):
    """People."""

    admin_role = Parsed(_parse_role, "must be the name of a role")
    password_min_length = fields.Integer(
        strict=True,
        validate=validate.Range(
            LEAST_PASSWORD, LONGEST_PASSWORD, error="must be {min} to {max} characters"
        ),
        error_messages={"invalid": "must be a whole number", "null": "must have a value"},
    )


class BootstrapSchema(Schema):
    """The first administrator, while there is no user."""

    admin = Parsed(canonical_username, "is not a username", allow_none=True)
    password = Parsed(
        _parse_password,
        f"must be text of 1 to {LONGEST_PASSWORD} characters, none of them a control character",
        allow_none=True,
    )


class LogSchema(Schema):
    """What is logged."""

    level = choice("debug", "info", "warning", "error")
    decisions = choice("refusals", "all")


SECTIONS: Final[Mapping[str, Schema]] = {
    "server": ServerSchema(),
    "gateway": GatewaySchema(),
    "tokens": TokensSchema(),
    "session": SessionSchema(),
    "redirect": RedirectSchema(),
    "cors": CorsSchema(),
    "keys": KeysSchema(),
    "database": DatabaseSchema(),
    "redis": RedisSchema(),
    "revocation": RevocationSchema(),
    "policy": PolicySchema(),
    "accounts": AccountsSchema(),
    "bootstrap": BootstrapSchema(),
    "log": LogSchema(),
}

# As a settings file spells them; None is what follows from other settings, or nothing.
DEFAULTS: Final[Mapping[str, Mapping[str, object]]] = {
    "server": {
        "listen": "127.0.0.1:8420",
        "operations_listen": "127.0.0.1:8421",
        "public_url": "http://localhost:8420",
    },
    "gateway": {"dialect": "traefik", "trusted_proxies": ["127.0.0.0/8", "::1/128"]},
    "tokens": {
        "issuer": None,
        "audience": ["api"],
        "access_ttl": "10m",
        "clock_skew": "10s",
        "refresh_ttl": "30d",
        "refresh_grace": "30s",
        "session_ttl": "90d",
    },
    "session": {"ttl": "12h", "remember_ttl": "30d", "domain": None},
    "redirect": {"allowed_hosts": None},
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


def find_unknown(section: str, key: str) -> str | None:
    """Return why there is no such key, with the nearest that there is; None where it is known."""
    schema = SECTIONS.get(section)
    if schema is None:
        return f"there is no such section{suggest(section, SECTIONS)}"
    if key in schema.fields:
        return None
    hint = suggest(key, schema.fields)
    elsewhere = [f"{name}.{key}" for name, other in SECTIONS.items() if key in other.fields]
    if not hint and elsewhere:
        hint = f"; did you mean {elsewhere[0]}?"
    return f"there is no such key{hint}"


def takes_yaml(section: str, key: str) -> bool:
    """Say whether the environment spells this key as YAML: lists and numbers, not texts."""
    return isinstance(SECTIONS[section].fields[key], fields.List | fields.Integer)


def takes_none(section: str, key: str) -> bool:
    """Say whether an empty text in the environment means that there is nothing."""
    return SECTIONS[section].fields[key].allow_none


def judge_section(
    section: str, members: Mapping[str, object]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what is right of a section, as its types, and marshmallow's messages by key."""
    messages: dict[str, Any] = {}
    known = {}
    for key, value in members.items():
        if (unknown := find_unknown(section, key)) is not None:
            messages[key] = [unknown]
        else:
            known[key] = value
    try:
        values: dict[str, Any] = SECTIONS[section].load(known)
    except ValidationError as error:
        messages |= error.messages_dict
        right = error.valid_data if isinstance(error.valid_data, dict) else {}
        values = {key: value for key, value in right.items() if key not in messages}
    return values, messages
