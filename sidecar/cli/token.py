"""`sidecar token`: what people's scripts show instead of a password."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sidecar.cli.options import (
    TAKES_ID,
    config_option,
    json_option,
    open_prepared,
    print_table,
    read_settings,
    run,
)
from sidecar.clients.personal import NewToken
from sidecar.clock import read_clock
from sidecar.core.audit import OPERATOR, Author
from sidecar.core.claims import DAY
from sidecar.core.personal import KEY_USE, LONGEST_TOKEN_LIFE, PersonalToken
from sidecar.core.user import canonical_username
from sidecar.errors import FieldsInvalid, NotFound
from sidecar.ports import OwnedToken
from sidecar.schemas.personal import dump_token, load_token_fields
from sidecar.schemas.values import parse_duration
from sidecar.settings import Settings
from sidecar.sources.keyring import derive_key

if TYPE_CHECKING:
    from sidecar.app.services import Services
    from sidecar.core.user import User

BY = Author(OPERATOR)


@click.group()
def token() -> None:
    """Add, list and remove personal tokens."""


@token.command()
@click.argument("owner", metavar="NAME")
@click.option("--name", required=True, metavar="N", help="What the token is for.")
@click.option("--scope", "scopes", multiple=True, metavar="S", help="A scope; may be repeated.")
@click.option(
    "--network",
    "networks",
    multiple=True,
    metavar="N",
    help="Where it is good; may be repeated (default: everywhere).",
)
@click.option("--expires-in", metavar="D", help="How long it lives (default: 90d).")
@json_option
@config_option
def add(
    owner: str,
    name: str,
    scopes: tuple[str, ...],
    networks: tuple[str, ...],
    expires_in: str | None,
    as_json: bool,
    config_file: Path | None,
) -> None:
    """Add a token of the user NAME and print it, once."""
    settings = read_settings(config_file)
    members: dict[str, object] = {
        "name": name,
        "scopes": list(scopes),
        "networks": list(networks) or None,
    }
    if expires_in is not None:
        members["expires_in"] = _parse_expiry(expires_in)
    new = NewToken(**load_token_fields(members))
    made, text = run(_add(settings, owner, new))
    click.echo(f"added {made.id}", err=True)
    click.echo(_dump({**dump_token(made), "token": text}) if as_json else text)


def _parse_expiry(text: str) -> int:
    seconds = parse_duration(text)
    if seconds is None or not 0 < seconds <= LONGEST_TOKEN_LIFE:
        expected = f"must be a duration such as 30d or 12h, at most {LONGEST_TOKEN_LIFE // DAY}d"
        raise FieldsInvalid((("/expires_in", expected),))
    return seconds


async def _add(settings: Settings, owner: str, new: NewToken) -> tuple[PersonalToken, str]:
    async with open_prepared(settings) as services:
        user = await _find_owner(services, owner)
        key = derive_key((await services.open_ring()).secret, KEY_USE)
        now = read_clock().unix
        made = await services.personal.add(new, user, BY, now, key=key, asking=None)
    if made is None:
        raise NotFound(f"{user.username} is disabled, or no more")
    return made


@token.command("list")
@click.argument("owner", metavar="[NAME]", required=False)
@json_option
@config_option
def list_tokens(owner: str | None, as_json: bool, config_file: Path | None) -> None:
    """List the tokens that have not expired, of the user NAME or of everybody."""
    rows = [
        {"owner": each.owner.username, **dump_token(each.token)}
        for each in run(_list(read_settings(config_file), owner))
    ]
    columns = ("id", "owner", "name", "scopes", "networks", "expires_at", "used_at")
    if not as_json:
        rows = [{name: row[name] for name in columns} for row in rows]
    print_table(rows, as_json=as_json)


async def _list(settings: Settings, owner: str | None) -> Sequence[OwnedToken]:
    async with open_prepared(settings) as services:
        user = None if owner is None else await _find_owner(services, owner)
        return await services.personal.list(None if user is None else user.id, read_clock().unix)


@token.command(context_settings=TAKES_ID)
@click.argument("token_id", metavar="ID")
@config_option
def remove(token_id: str, config_file: Path | None) -> None:
    """Remove a token, and refuse it everywhere; ID is what `token list` prints."""
    run(_remove(read_settings(config_file), token_id))
    click.echo(f"removed {token_id}", err=True)


async def _remove(settings: Settings, token_id: str) -> None:
    async with open_prepared(settings) as services:
        await services.personal.remove(token_id, None, BY, read_clock().unix)


async def _find_owner(services: "Services", name: str) -> "User":
    canonical = canonical_username(name)
    if canonical is None:
        raise NotFound(f"there is no user {name!r}")
    return await services.accounts.show(canonical)


def _dump(members: dict[str, object]) -> str:
    return json.dumps(members, indent=2, ensure_ascii=False)
