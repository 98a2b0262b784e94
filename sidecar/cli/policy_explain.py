"""`sidecar policy explain`: which rule decides about a request, and why."""

import json
from pathlib import Path
from typing import Final

import click

from sidecar.cli.explained import judge, print_explained
from sidecar.cli.imagined import imagine_user, read_request, typed, ways_options
from sidecar.cli.options import (
    config_option,
    json_option,
    open_prepared,
    read_policy,
    read_settings,
    require_database,
    run,
    warn,
)
from sidecar.clock import read_clock
from sidecar.core.addresses import Address
from sidecar.core.imagine import imagine_principal
from sidecar.core.user import User, canonical_username
from sidecar.errors import NotFound
from sidecar.schemas.expectations import parse_role
from sidecar.schemas.explanation import dump_explanation, list_needs
from sidecar.schemas.fields import SCOPE
from sidecar.schemas.user import ROLE
from sidecar.schemas.values import parse_scope
from sidecar.settings import Settings

DENIED: Final = 3  # the exit code; 1 says that nothing could be explained


@click.command()
@click.argument("method")
@click.argument("url")
@click.option("--user", "name", metavar="NAME", help="A user, with the roles that they have.")
@click.option(
    "--role", "roles", multiple=True, metavar="R", type=typed(parse_role, ROLE), help="A role."
)
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    metavar="S",
    type=typed(parse_scope, SCOPE),
    help="A scope; without all others a program's.",
)
@ways_options
@click.option("--preflight", is_flag=True, help="A browser asks whether a page may ask (CORS).")
@json_option
@config_option
@click.pass_context
def explain(
    ctx: click.Context,
    method: str,
    url: str,
    name: str | None,
    roles: tuple[str, ...],
    scopes: tuple[str, ...],
    amr: tuple[str, ...],
    auth_age: int | None,
    address: Address | None,
    preflight: bool,
    as_json: bool,
    config_file: Path | None,
) -> None:
    """Say which rule decides about a request, and why; exit 0: allow, 3: deny.

    Without --user, --role, --scope, --amr and --auth-age nobody asks. A person has just logged in
    by password, where --auth-age and --amr do not say otherwise.
    """
    if name is not None and (roles or scopes):
        raise click.UsageError("--user has the roles and scopes of that user: leave the others out")
    facts = read_request(method, url, address, preflight=preflight)
    settings = read_settings(config_file)
    now = read_clock().unix
    user = None if name is None else run(_read_user(settings, name))
    if user is not None and user.disabled:
        warn(f"{user.username} is disabled, and asked for as nobody")
        principal = None
    elif user is not None:
        principal = imagine_user(settings, user, now, amr, auth_age)
    else:
        principal = imagine_principal(
            now=now,
            roles=roles or None,
            scopes=scopes or None,
            amr=amr or None,
            auth_age=auth_age,
        )
    reason, explanation = judge(facts, principal, read_policy(settings), now)
    members = {
        "verdict": "allow" if reason is None else "deny",
        "reason": reason,
        **dump_explanation(explanation),
        "needs": list_needs(reason, explanation),
    }
    if as_json:
        click.echo(json.dumps(members, indent=2, ensure_ascii=False))
    else:
        print_explained(members)
    if reason is not None:
        ctx.exit(DENIED)


async def _read_user(settings: Settings, name: str) -> User:
    canonical = canonical_username(name)
    if canonical is None:
        raise NotFound(f"there is no user {name!r}")
    require_database(settings)
    async with open_prepared(settings) as services:
        return await services.accounts.show(canonical)
