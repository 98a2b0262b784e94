"""The sections of the settings file: every key that there is, with its bounds."""

from collections.abc import Mapping
from typing import Final

from marshmallow import Schema, ValidationError

from sidecar.core.claims import LONGEST_ROLES
from sidecar.core.user import (
    LONGEST_NEW_PASSWORD,
    canonical_username,
    is_role,
)
from sidecar.schemas.fields import (
    Items,
    OneOrMore,
    Parsed,
    choice,
    duration,
    whole_number,
    words,
)
from sidecar.schemas.groups import Group, Switch
from sidecar.schemas.identity import HeadersSchema, header_name
from sidecar.schemas.redisurl import SHAPE, RedisUrlInvalid, parse_redis_url
from sidecar.schemas.rolescopes import RoleScopes
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
)

LEAST_PASSWORD: Final = 8  # characters; NIST SP 800-63B section 3.1.1.2 lets none be shorter

LONGEST_SITE_NAME: Final = 64  # characters; it stands in the bar and in the title of every page

LISTEN: Final = "must be HOST:PORT, [IPV6]:PORT or unix:PATH"
URL: Final = "must be http(s)://HOST[:PORT][/PATH], without query, fragment and user"
ORIGIN: Final = "must be one origin, http(s)://HOST[:PORT] without a path; `*` is not possible"
PATTERN: Final = "must be a host or *.domain, without scheme, port and path"
DOMAIN: Final = "must be a domain of two labels or more, such as example.com, without a dot before"
NETWORK: Final = "must be a network such as 10.0.0.0/8, without host bits, or one address"
DATABASE: Final = (
    "must be sqlite:///PATH or postgresql://[USER[:PASSWORD]@]HOST[:PORT][,HOST…]/DATABASE;"
    " signs in a password are percent-encoded"
)


def _judge_audience(audience: list[str]) -> None:
    if len(set(audience)) != len(audience) or not audience:
        raise ValidationError("must name at least one audience, and each once")
    if sum(map(len, audience)) > LONGEST_ROLES:
        raise ValidationError(f"must be {LONGEST_ROLES} characters or fewer together")


def _parse_role(text: str) -> str | None:
    return text if is_role(text) else None


def _judge_redis_url(text: str) -> str:
    """Return the URL of a Redis as it is written."""
    try:
        parse_redis_url(text)
    except RedisUrlInvalid as error:
        raise ValidationError(str(error)) from None
    return text


def _parse_password(text: str) -> str | None:
    return text if 0 < len(text) <= LONGEST_NEW_PASSWORD and not has_controls(text) else None


class ServerSchema(Schema):
    """Where the service listens, and where it is reached."""

    listen = Parsed(parse_listen, LISTEN)
    operations_listen = Parsed(parse_listen, LISTEN)
    gate_listen = Parsed(parse_listen, LISTEN, allow_none=True)
    public_url = Parsed(parse_public_url, URL)
    lane = choice("auto", "off")


class GatewaySchema(Schema):
    """Which proxy asks, and from where."""

    dialect = choice("nginx", "traefik", "caddy", "envoy", "haproxy")
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
    role_scopes = RoleScopes()


class SessionSchema(Schema):
    """The browser's cookie; browsers forget one after 400 days."""

    ttl = duration("1s", "400d")
    remember_ttl = duration("1s", "400d")
    idle_ttl = duration("5m", "400d", allow_none=True)
    domain = OneOrMore(Parsed(parse_domain, DOMAIN), allow_none=True)
    max_per_user = whole_number(1, 10_000)


class RedirectSchema(Schema):
    """Where a login may send the browser."""

    allowed_hosts = Items(Parsed(parse_host_pattern, PATTERN), allow_none=True)


class CorsSchema(Schema):
    """Which frontends on other origins may call."""

    origins = Items(Parsed(parse_origin, ORIGIN))


class KeysSchema(Schema):
    """The key ring; clients may keep the JWKS for half of `publish_ahead`."""

    directory = words()
    rotate_every = duration("2s", "3650d")
    publish_ahead = duration("1s", "30d")
    passphrase_file = words(allow_none=True)


class DatabaseSchema(Schema):
    """The source of truth."""

    url = Parsed(parse_database_url, DATABASE)


class RedisSchema(Schema):
    """The carrier of revocations, and what is shown to it and asked of it."""

    url = Parsed(_judge_redis_url, SHAPE, allow_none=True)
    password_file = words(allow_none=True)
    sentinel_password_file = words(allow_none=True)
    ca_file = words(allow_none=True)
    cert_file = words(allow_none=True)
    key_file = words(allow_none=True)


class RevocationSchema(Schema):
    """How old the view may be; the feed of SQL reads several times a second."""

    max_staleness = duration("2s", "24h")
    when_stale = choice("deny", "allow")
    keep_after = duration("0s", "30d")
    canary = duration("1s", "30s", allow_none=True)


class PolicySchema(Schema):
    """Who may reach what."""

    file = words()


class AssertionSchema(Schema):
    """The short token for upstreams; no older than the core lets one be."""

    enabled = Switch()
    header = header_name()
    ttl = duration("10s", "1h")


class IdentitySchema(Schema):
    """What upstreams are told of who asks."""

    headers = Group(HeadersSchema())
    cookie = choice("strip", "keep")
    assertion = Group(AssertionSchema())


class AccountsSchema(Schema):
    """People."""

    admin_role = Parsed(_parse_role, "must be the name of a role")
    password_min_length = whole_number(LEAST_PASSWORD, LONGEST_NEW_PASSWORD, " characters")
    reset_ttl = duration("5m", "7d")


class ThrottleSchema(Schema):
    """How often one person may log in."""

    logins_per_hour = whole_number(1, 1_000_000)


class BootstrapSchema(Schema):
    """The first administrator, while there is no user."""

    admin = Parsed(canonical_username, "is not a username", allow_none=True)
    password = Parsed(
        _parse_password,
        f"must be text of 1 to {LONGEST_NEW_PASSWORD} characters, none of them a control character",
        allow_none=True,
    )


class PagesSchema(Schema):
    """How the pages are called, look and speak."""

    name = words(LONGEST_SITE_NAME, allow_none=True)
    logo = words(allow_none=True)
    stylesheet = words(allow_none=True)
    texts = words(allow_none=True)


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
    "identity": IdentitySchema(),
    "accounts": AccountsSchema(),
    "throttle": ThrottleSchema(),
    "bootstrap": BootstrapSchema(),
    "pages": PagesSchema(),
    "log": LogSchema(),
}
