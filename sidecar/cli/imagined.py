"""The arguments that say what is asked for, and by whom."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from sidecar.core.addresses import Address, parse_address
from sidecar.core.facts import RequestFacts
from sidecar.core.imagine import imagine_request
from sidecar.core.verdict import Deny
from sidecar.schemas.expectations import LONGEST_AMR
from sidecar.schemas.values import parse_duration

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


def _parse_amr(text: str) -> str | None:
    return text if 0 < len(text) <= LONGEST_AMR and text.isprintable() else None


def ways_options(command: F) -> F:
    """Add how and from where somebody asks: `--amr`, `--auth-age`, `--address`."""
    amr = typed(_parse_amr, "must be one word, such as pwd or otp")
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


def read_request(method: str, url: str, address: Address | None) -> RequestFacts | Deny:
    """Return the facts of a request. Raises click.UsageError where `url` is no absolute URL."""
    facts = imagine_request(method, url, address)
    if facts is None:
        raise click.UsageError("URL must be absolute, such as https://app.example.com/path")
    return facts
