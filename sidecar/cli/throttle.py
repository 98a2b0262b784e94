"""`sidecar throttle`: who tried to log in too often, and how to let them again."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from sidecar.cli.options import (
    config_option,
    json_option,
    open_prepared,
    print_table,
    read_settings,
    require_database,
    run,
    warn,
)
from sidecar.clock import read_clock
from sidecar.core.addresses import parse_address
from sidecar.core.audit import EVERYONE, OPERATOR, Action, AuditEvent
from sidecar.core.throttle import Tally, network_of, recall
from sidecar.core.user import canonical_username
from sidecar.credentials.buckets import ALL_KEYS, KEY_USE, BucketNames, read_key
from sidecar.errors import NotFound, StoreUnavailable
from sidecar.schemas.throttle import dump_tally
from sidecar.sources.keyring import derive_key

if TYPE_CHECKING:
    from sidecar.app.services import Services
    from sidecar.settings import Settings

UNKNOWN: Final = "unknown"  # a name that is no user's: what was typed is not kept


@click.group()
def throttle() -> None:
    """See and forget attempts to log in."""


@throttle.command("list")
@json_option
@config_option
def list_tallies(as_json: bool, config_file: Path | None) -> None:
    """List whose attempts count at this moment, those with the most first."""
    print_table(run(_list(read_settings(config_file))), as_json=as_json)


@throttle.command()
@click.argument("name", metavar="NAME|ADDRESS", required=False)
@click.option("--all", "everything", is_flag=True, help="Everybody's.")
@config_option
def clear(name: str | None, everything: bool, config_file: Path | None) -> None:
    """Forget the attempts of a user, known or not, or of an address; known devices stay known."""
    if (name is None) is not everything:
        raise click.UsageError("say either NAME|ADDRESS or --all")
    settings = read_settings(config_file)
    require_database(settings)
    cleared, subject = run(_clear(settings, name))
    if subject != UNKNOWN:
        click.echo(f"cleared: {cleared}", err=True)
    elif cleared:
        click.echo(f"cleared: {cleared}; there is no such user", err=True)
    else:
        raise NotFound("there is no such user, and no attempt of that name counts")


async def _list(settings: "Settings") -> Sequence[Mapping[str, object]]:
    async with open_prepared(settings) as services:
        names, now = await _open_names(services), read_clock().unix
        rows = []
        tallies = await _read_tallies(services)
        users = await _find_users(services, names, tallies)
        for key, tally in sorted(tallies.items(), key=lambda each: (-each[1].count, each[0])):
            parts = read_key(key)
            limit = names.find_limit(parts.kind)
            if limit is None or recall(limit, tally, now) is None:
                continue
            until = limit.next_at(tally)
            rows.append(
                dump_tally(
                    {
                        "kind": parts.kind,
                        "who": None if parts.tag is None else users.get(parts.tag, UNKNOWN),
                        "address": parts.address,
                        "count": tally.count,
                        "last": tally.last,
                        "until": until if until > now else None,
                    }
                )
            )
        return rows


async def _open_names(services: "Services") -> BucketNames:
    key = derive_key((await services.open_ring()).secret, KEY_USE)
    return BucketNames(key, logins_per_hour=services.settings.logins_per_hour)


async def _read_tallies(services: "Services") -> dict[str, Tally]:
    """Return what either store counts: SQL counts while Redis is away."""
    tallies = dict(await services.store.throttle.list_tallies())
    if services.redis_throttle is not None:
        try:
            shared = await services.redis_throttle.list_tallies()
        except StoreUnavailable as error:
            warn(f"what is counted in Redis is not listed: {error}")
        else:
            for key, tally in shared:
                tallies[key] = max(tally, tallies.get(key, tally), key=lambda each: each.count)
    return tallies


async def _find_users(
    services: "Services", names: BucketNames, tallies: Mapping[str, Any]
) -> Mapping[str, str]:
    """Return the usernames for which keys stand: from a name there is a way to its key, not back.

    Of many users that takes a while: four seconds for a million.
    """
    wanted = {read_key(key).tag for key in tallies} - {None}
    found: dict[str, str] = {}
    if wanted:
        async for user in services.accounts.walk():
            tag = names.tag(user.username)
            if tag in wanted:
                found[tag] = user.username
    return found


async def _clear(settings: "Settings", name: str | None) -> tuple[int, str]:
    """Return how many tallies went, and who is named in the audit trail.

    While Redis is away SQL counts: it forgets all the same, and StoreUnavailable says what is left.
    """
    async with open_prepared(settings) as services:
        names = await _open_names(services)
        keys = ALL_KEYS if name is None else names.find_keys(name)
        subject = await _find_subject(services, name)
        event = AuditEvent(read_clock().unix, Action.THROTTLE_CLEARED, OPERATOR, subject)
        shared = services.redis_throttle
        cleared, left = 0, None
        if shared is not None:
            try:
                cleared = await shared.clear(keys)
            except StoreUnavailable as error:
                left = error
        cleared += await services.store.throttle.clear(keys, event)
        if left is not None:
            raise StoreUnavailable(
                f"cleared in the database: {cleared}; what Redis counted is not forgotten, so clear"
                f" it again once that is back: {left}"
            )
        return cleared, subject


async def _find_subject(services: "Services", name: str | None) -> str:
    """Return who is named in the audit trail; what is nobody's name may be a password."""
    if name is None:
        return EVERYONE
    username = canonical_username(name)
    account = None if username is None else await services.store.sessions.find_account(username)
    if account is not None:
        return account.user.id
    address = parse_address(name)
    return UNKNOWN if address is None else network_of(str(address))
