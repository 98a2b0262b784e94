"""`sidecar user reset`: a one-time link for somebody who cannot log in."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sidecar.cli.options import config_option, json_option, open_prepared, read_settings, run
from sidecar.clock import read_clock
from sidecar.core.audit import OPERATOR, Action, AuditEvent, Author
from sidecar.core.user import canonical_username
from sidecar.errors import NotFound, SidecarError
from sidecar.schemas.fields import format_moment

if TYPE_CHECKING:
    from sidecar.settings import Settings


@click.command()
@click.argument("name")
@click.option("--second-factor", is_flag=True, help="Also take their second factor away.")
@json_option
@config_option
def reset(name: str, second_factor: bool, as_json: bool, config_file: Path | None) -> None:
    """Print a link by which NAME sets another password, once.

    Whoever has the link has the account: hand it over as you would a password. The link before it
    is worth nothing from now on.
    """
    settings = read_settings(config_file)
    username = canonical_username(name)
    if username is None:
        raise NotFound(f"there is no user {name!r}")
    url, expires_at = run(_make(settings, username, second_factor=second_factor))
    until = format_moment(expires_at)
    if as_json:
        click.echo(json.dumps({"reset_url": url, "expires_at": until}, indent=2))
        return
    click.echo(url)
    click.echo(f"it holds once, and until {until}", err=True)


async def _make(settings: "Settings", username: str, *, second_factor: bool) -> tuple[str, int]:
    by, now = Author(OPERATOR), read_clock().unix
    async with open_prepared(settings) as services:
        user = await services.accounts.show(username)
        if second_factor:  # first: the link alone may be no help
            event = AuditEvent(now, Action.OTP_DISABLED, by.actor, user.id)
            had = await services.store.factors.remove_factor(user.id, event)
            told = "took their second factor away" if had else "they had no second factor"
            click.echo(told, err=True)
        try:
            token, expires_at = await services.resets.make(user.id, by, now)
        except SidecarError as error:
            raise SidecarError(f"no link is made: {error}") from None
    return f"{settings.server.public_url}/reset?token={token}", expires_at
