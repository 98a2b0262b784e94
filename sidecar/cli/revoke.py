"""`sidecar revoke`: take rights away, everywhere."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from sidecar.cli.options import (
    config_option,
    open_prepared,
    read_line,
    read_settings,
    require_database,
    run,
)
from sidecar.clock import read_clock
from sidecar.core.audit import OPERATOR, Author
from sidecar.core.claims import TokenKind
from sidecar.core.personal import KEY_USE, PREFIX, open_personal_token
from sidecar.core.session import REFRESH_KEY_USE, open_refresh_token
from sidecar.core.token import LONGEST_TOKEN, VerifiedToken, open_token
from sidecar.core.user import canonical_username
from sidecar.core.verdict import Deny
from sidecar.errors import NotFound
from sidecar.settings import Settings
from sidecar.sources.keyring import derive_key

if TYPE_CHECKING:
    from sidecar.app.services import Services

BY: Final = Author(OPERATOR)


@click.command()
@click.option("--token", metavar="TOKEN", help="One token; `-` reads it from standard input.")
@click.option("--session", "sid", metavar="SID", help="One session, by its `sid`.")
@click.option("--user", "username", metavar="NAME", help="All sessions of a user.")
@click.option("--everyone", is_flag=True, help="All sessions of everyone.")
@config_option
def revoke(
    token: str | None,
    sid: str | None,
    username: str | None,
    everyone: bool,
    config_file: Path | None,
) -> None:
    """Revoke a token, a session, a user's sessions, or everyone's."""
    if sum((token is not None, sid is not None, username is not None, everyone)) != 1:
        raise click.UsageError("say one of --token, --session, --user, --everyone")
    settings = read_settings(config_file)
    if token == "-":
        token = read_line(LONGEST_TOKEN).strip()
    require_database(settings)
    run(_revoke(settings, token, sid, username))
    click.echo("revoked", err=True)


async def _revoke(
    settings: Settings, token: str | None, sid: str | None, username: str | None
) -> None:
    async with open_prepared(settings) as services:
        revocations, now = services.revocations, read_clock().unix
        if token is not None:
            await _revoke_token(services, token)
        elif sid is not None:
            if not await revocations.end_session_by(BY, sid, now):
                raise NotFound(f"there is no session {sid!r}")
        elif username is not None:
            name = canonical_username(username)
            account = None if name is None else await services.store.sessions.find_account(name)
            if account is None:
                raise NotFound(f"there is no user {username!r}")
            await revocations.end_user_sessions(account.user.id, BY, now, personal_tokens=True)
        else:
            await revocations.end_all_sessions(BY, now)


async def _revoke_token(services: "Services", token: str) -> None:
    """Refuse an access token, remove a personal one, or end the session of another.

    That is a cookie's or a refresh token's: for the cookie of a session that goes on, its browser
    would be given a new one.
    """
    opened_ring, now = await services.open_ring(), read_clock().unix
    ring = opened_ring.ring
    refreshed = open_refresh_token(derive_key(opened_ring.secret, REFRESH_KEY_USE), token)
    if refreshed is not None:
        if not await services.revocations.end_session_by(BY, refreshed[0], now):
            raise NotFound("the session of this refresh token has ended already")
        return
    if token.startswith(PREFIX):
        token_id = open_personal_token(derive_key(opened_ring.secret, KEY_USE), token)
        if isinstance(token_id, Deny):
            raise NotFound("this is no personal token of this service")
        await services.personal.remove(token_id, None, BY, now)
        return
    issuer = services.settings.tokens.issuer
    opened = open_token(token, TokenKind.ACCESS, ring, issuer=issuer, audience=None)
    if isinstance(opened, VerifiedToken):
        await services.revocations.revoke_token(opened.claims, now)
        return
    opened = open_token(token, TokenKind.SESSION, ring, issuer=issuer, audience=(issuer,))
    if not isinstance(opened, VerifiedToken):
        raise NotFound("this is no token or session cookie of this service")
    await services.revocations.end_session_of(opened.claims, now, BY)
