"""The arguments that say what is asked for, and by whom."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from sidecar.core.addresses import Address, parse_address
from sidecar.core.facts import RequestFacts
from sidecar.core.imagine import imagine_person, imagine_request
from sidecar.core.principal import Principal
from sidecar.core.user import User
from sidecar.core.verdict import Deny
from sidecar.schemas.expectations import AMR
from sidecar.schemas.values import parse_amr, parse_duration
from sidecar.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


def typed(parse: Callable[[str], T | None], expected: str) -> Callable[[str], T]:
    """Return the type of an argument that a function parses, None where it is no such value."""

    def convert(text: str) -> T:
        parsed = parse(text)
        if parsed is None:
            raise click.BadParameter(expected)
        return parsed

    return convert


def ways_options(command: F) -> F:
    """Add how and from where somebody asks: `--amr`, `--auth-age`, `--address`."""
    amr = typed(parse_amr, AMR)
    age = typed(parse_duration, "must be a duration such as 30s, 10m, 12h or 30d")
    address = typed(parse_address, "must be an IP address")
    for option in (
        click.option(
            "--address", metavar="IP", type=address, help="From there (default: unknown)."
        ),
        click.option(
            "--auth-age", metavar="DURATION", type=age, help="They logged in so long ago."
        ),
        click.option("--amr", multiple=True, metavar="A", type=amr, help="How they logged in."),
    ):
        command = option(command)
    return command


def read_request(
    method: str, url: str, address: Address | None, *, preflight: bool = False
) -> RequestFacts | Deny:
    """Return the facts of a request.

    Raises click.UsageError where `url` is no absolute URL, or no browser sends such a preflight.
    """
    facts = imagine_request(method, url, address, preflight=preflight)
    if facts is None:
        raise click.UsageError("URL must be absolute, such as https://app.example.com/path")
    if preflight and method != "OPTIONS":
        raise click.UsageError("--preflight is for OPTIONS alone: no preflight has another method")
    return facts


def imagine_user(
    settings: Settings, user: User, now: int, amr: tuple[str, ...], auth_age: int | None
) -> Principal:
    """Return a user who is logged in, as their token would have it."""
    scopes = (settings.tokens.role_scopes.get(role, ()) for role in user.roles)
    return imagine_person(
        now=now,
        username=user.username,
        roles=user.roles,
        scopes=set().union(*scopes),
        amr=amr or None,
        auth_age=auth_age,
    )
