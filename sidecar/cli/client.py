"""`sidecar client`: the programs that get tokens of their own."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import click

from sidecar.cli.options import (
    config_option,
    json_option,
    open_prepared,
    print_table,
    read_settings,
    run,
)
from sidecar.clients.programs import NewClient
from sidecar.clock import read_clock
from sidecar.core.audit import OPERATOR, Author
from sidecar.core.client import SECRET_KEY_USE, Client
from sidecar.schemas.client import MOST_PAGE, dump_client, load_client_fields
from sidecar.sources.keyring import derive_key

if TYPE_CHECKING:
    from sidecar.app.services import Services

BY: Final = Author(OPERATOR)

T = TypeVar("T")


@click.group()
def client() -> None:
    """Add, change and remove programs."""


def _with_services(config_file: Path | None, work: Callable[["Services"], Awaitable[T]]) -> T:
    settings = read_settings(config_file)

    async def open_and_work() -> T:
        async with open_prepared(settings) as services:
            return await work(services)

    return run(open_and_work())


async def _open_key(services: "Services") -> bytes:
    """Return what seals the secrets of programs."""
    return derive_key((await services.open_ring()).secret, SECRET_KEY_USE)


def _print_credential(client_id: str, secret: str, *, as_json: bool) -> None:
    """Print what a program logs in with: nothing shows the secret again."""
    members = {"client_id": client_id, "client_secret": secret}
    if as_json:
        click.echo(json.dumps(members, indent=2))
        return
    for name, value in members.items():
        click.echo(f"{name}: {value}")


@client.command()
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, metavar="S", help="A scope; may be repeated.")
@click.option(
    "--audience",
    "audience",
    multiple=True,
    metavar="A",
    help="Whom its tokens are for; may be repeated (default: tokens.audience).",
)
@json_option
@config_option
def add(
    name: str,
    scopes: tuple[str, ...],
    audience: tuple[str, ...],
    as_json: bool,
    config_file: Path | None,
) -> None:
    """Add a program and print its client_id and, once, its client_secret."""
    members: dict[str, object] = {"name": name, "scopes": list(scopes)}
    if audience:
        members["audience"] = list(audience)
    new = NewClient(**load_client_fields(members))

    async def make(services: "Services") -> tuple[Client, str]:
        key = await _open_key(services)
        return await services.programs.add(new, BY, read_clock().unix, key=key)

    made, secret = _with_services(config_file, make)
    click.echo(f"added {made.name}", err=True)
    _print_credential(made.client_id, secret, as_json=as_json)


@client.command("list")
@json_option
@config_option
def list_clients(as_json: bool, config_file: Path | None) -> None:
    """List all programs."""
    rows = [dump_client(each) for each in _with_services(config_file, _read_all)]
    columns = ("client_id", "name", "scopes", "audience")
    if not as_json:
        rows = [{name: row[name] for name in columns} for row in rows]
    print_table(rows, as_json=as_json)


async def _read_all(services: "Services") -> list[Client]:
    programs, found = services.programs, list[Client]()
    page = await programs.read("", MOST_PAGE)
    while page:
        found += page
        page = await programs.read(page[-1].name, MOST_PAGE)
    return found


@client.command()
@click.argument("client")
@click.option(
    "--drop-previous",
    is_flag=True,
    help="Refuse the secret before at once, and all tokens that were given so far.",
)
@json_option
@config_option
def rotate(client: str, drop_previous: bool, as_json: bool, config_file: Path | None) -> None:
    """Give CLIENT, a name or client_id, another secret and print it, once.

    The secret before stays valid until the next turn.
    """

    async def turn(services: "Services") -> tuple[str, str]:
        programs, key = services.programs, await _open_key(services)
        client_id, now = await programs.find_id(client), read_clock().unix
        return client_id, await programs.rotate(
            client_id, BY, now, key=key, drop_previous=drop_previous
        )

    client_id, secret = _with_services(config_file, turn)
    click.echo(f"gave {client} another secret", err=True)
    _print_credential(client_id, secret, as_json=as_json)


@client.command()
@click.argument("client")
@config_option
def remove(client: str, config_file: Path | None) -> None:
    """Remove CLIENT, a name or client_id, and refuse its tokens."""

    async def take_away(services: "Services") -> None:
        client_id = await services.programs.find_id(client)
        await services.programs.remove(client_id, BY, read_clock().unix, seen=None)

    _with_services(config_file, take_away)
    click.echo(f"removed {client}", err=True)
