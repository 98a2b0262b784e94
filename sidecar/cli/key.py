"""`sidecar key`: the key ring."""

from pathlib import Path

import click

from sidecar.cli.options import (
    TAKES_ID,
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
from sidecar.core.keyring import Algorithm, Key, Purpose
from sidecar.errors import StoreUnavailable
from sidecar.schemas.fields import format_moment
from sidecar.settings import Settings


@click.group()
def key() -> None:
    """Look after the key ring."""


@key.command("list")
@json_option
@config_option
def list_keys(as_json: bool, config_file: Path | None) -> None:
    """List the keys with their state and dates."""
    print_table(run(_read_rows(read_settings(config_file))), as_json=as_json)


async def _read_rows(settings: Settings) -> list[dict[str, object]]:
    async with open_prepared(settings) as services:
        ring = (await services.open_ring()).ring
    now = read_clock().unix
    return [
        {
            "kid": each.kid,
            "alg": each.alg.value,
            "purpose": each.purpose.value,
            "state": each.state(now).value,
            "not_before": format_moment(each.not_before),
            "sign_until": format_moment(each.sign_until),
            "publish_until": format_moment(each.publish_until),
        }
        for each in sorted(ring.keys.values(), key=lambda key: (key.purpose, key.not_before))
    ]


@key.command()
@click.option("--now", "at_once", is_flag=True, help="Let it sign in 3 seconds: an emergency.")
@click.option(
    "--alg",
    type=click.Choice([each.value for each in Algorithm]),
    help="How it signs (default: as the newest key).",
)
@click.option(
    "--purpose",
    type=click.Choice([each.value for each in Purpose]),
    default=Purpose.TOKEN.value,
    show_default=True,
    help="What it seals.",
)
@config_option
def rotate(at_once: bool, alg: str | None, purpose: str, config_file: Path | None) -> None:
    """Publish the next key, which signs after keys.publish_ahead, and print its kid.

    With --now, a next key that waits for its time already is brought forward.
    """
    wanted = None if alg is None else Algorithm(alg)
    settings = read_settings(config_file)
    if at_once:
        require_database(settings)
    following = run(_rotate(settings, Purpose(purpose), wanted, at_once=at_once))
    click.echo(following.kid)
    click.echo(f"signs from {format_moment(following.not_before)}", err=True)


async def _rotate(
    settings: Settings, purpose: Purpose, alg: Algorithm | None, *, at_once: bool
) -> Key:
    async with open_prepared(settings) as services:
        await services.open_ring()  # the first start's, or what SQL does not know yet
        now = read_clock().unix
        following = await services.key_rotation.rotate(purpose, now, at_once=at_once, alg=alg)
        try:
            await services.open_ring()  # so that SQL knows the new dates, whether or not one serves
        except StoreUnavailable as error:
            warn(f"the database does not know the new dates yet: {error}")
        return following


@key.command(context_settings=TAKES_ID)
@click.argument("kid")
@config_option
def revoke(kid: str, config_file: Path | None) -> None:
    """Refuse everything that a key sealed, at once and everywhere; the next one takes its turn.

    Who has a refresh token gets a new access token for it; browsers log in again where it was a
    cookie key. For up to 3 seconds nothing is sealed.
    """
    run(_revoke(read_settings(config_file), kid))


async def _revoke(settings: Settings, kid: str) -> None:
    async with open_prepared(settings) as services:
        await services.key_rotation.revoke(kid, read_clock().unix)
        click.echo("revoked", err=True)
        await services.key_rotation.turn(read_clock().unix)
