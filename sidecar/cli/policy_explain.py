"""`sidecar policy explain`: which rule decides about a request, and why."""

import json
from pathlib import Path
from typing import Any, Final

import click

from sidecar.cli.explained import print_explained
from sidecar.cli.imagined import read_request, typed, ways_options
from sidecar.cli.options import config_option, json_option, open_prepared, read_settings, run
from sidecar.clock import read_clock
from sidecar.core.addresses import Address
from sidecar.core.explain import explain as explain_request
from sidecar.core.facts import RequestFacts
from sidecar.core.imagine import imagine_person, imagine_principal
from sidecar.core.policy import Policy
from sidecar.core.principal import Principal
from sidecar.core.user import User, canonical_username
from sidecar.core.verdict import Deny
from sidecar.errors import NotFound
from sidecar.schemas.expectations import parse_role
from sidecar.schemas.explanation import dump_explanation, list_needs
from sidecar.schemas.sections import SCOPE
from sidecar.schemas.user import ROLE
from sidecar.schemas.values import parse_scope
from sidecar.settings import Settings
from sidecar.sources.policyfile import PolicyFile

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
    as_json: bool,
    config_file: Path | None,
) -> None:
    """Say which rule decides about a request, and why; exit 0: allow, 3: deny.

    Without --user, --role, --scope, --amr and --auth-age nobody asks. A person has just logged in
    by password, where --auth-age and --amr do not say otherwise.
    """
    if name is not None and (roles or scopes):
        raise click.UsageError("--user has the roles and scopes of that user: leave the others out")
    facts = read_request(method, url, address)
    settings = read_settings(config_file)
    now = read_clock().unix
    user = None if name is None else run(_read_user(settings, name))
    if user is not None and user.disabled:
        click.echo(f"warning: {user.username} is disabled, and asked for as nobody", err=True)
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
    policy = PolicyFile(settings.policy_file, named=settings.policy_named)
    members = _explain(facts, principal, run(policy.read()), now)
    if as_json:
        click.echo(json.dumps(members, indent=2, ensure_ascii=False))
    else:
        print_explained(members)
    if members["verdict"] == "deny":
        ctx.exit(DENIED)


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


async def _read_user(settings: Settings, name: str) -> User:
    canonical = canonical_username(name)
    if canonical is None:
        raise NotFound(f"there is no user {name!r}")
    async with open_prepared(settings) as services:
        return await services.accounts.show(canonical)


def _explain(
    facts: RequestFacts | Deny, principal: Principal | None, policy: Policy, now: int
) -> dict[str, Any]:
    if isinstance(facts, Deny):
        refusal: Deny | None = facts
        explanation = None
    else:
        explanation = explain_request(facts, principal, policy=policy, now=now)
        refusal = explanation.refusal
    reason = None if refusal is None else refusal.reason
    return {
        "verdict": "allow" if reason is None else "deny",
        "reason": reason,
        **dump_explanation(explanation),
        "needs": list_needs(reason, explanation),
    }
