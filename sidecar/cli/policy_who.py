"""`sidecar policy who`: the users who may make a request."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import click

from sidecar.cli.imagined import imagine_user, read_request, ways_options
from sidecar.cli.options import (
    config_option,
    json_option,
    open_prepared,
    read_policy,
    read_settings,
    require_database,
    run,
)
from sidecar.clock import read_clock
from sidecar.core.access import Amr, Condition, MaxAge, Networks
from sidecar.core.addresses import Address
from sidecar.core.explain import explain
from sidecar.core.facts import RequestFacts
from sidecar.core.policy import Policy
from sidecar.core.text import printable
from sidecar.core.user import User
from sidecar.core.verdict import Deny, Reason
from sidecar.schemas.explanation import describe_need
from sidecar.settings import Settings

COLUMN: Final = 24  # characters; rows are printed while they are read, so no width is known
HEADS: Final = ("username", "roles", "needs")
NOBODY_MAY: Final = "nobody may: {}"
ANYONE: Final = "anyone may, also who is not signed in"


@click.command()
@click.argument("method")
@click.argument("url")
@ways_options
@json_option
@config_option
def who(
    method: str,
    url: str,
    amr: tuple[str, ...],
    auth_age: int | None,
    address: Address | None,
    as_json: bool,
    config_file: Path | None,
) -> None:
    """List the users who may make a request; who is disabled may not.

    What --amr, --auth-age and --address do not say is taken to be as the rule asks, and is told
    under NEEDS.
    """
    facts = read_request(method, url, address)
    settings = read_settings(config_file)
    policy = read_policy(settings)
    if isinstance(facts, Deny):
        click.echo(NOBODY_MAY.format(facts.reason), err=True)
        if as_json:
            click.echo("[]")
        return
    require_database(settings)
    asked = _Asked(settings, policy, facts, amr, auth_age)
    run(_print(asked, as_json=as_json))


class _Asked:
    """A request, and how its explanation judges each user."""

    def __init__(
        self,
        settings: Settings,
        policy: Policy,
        facts: RequestFacts,
        amr: tuple[str, ...],
        auth_age: int | None,
    ) -> None:
        self.settings = settings
        self._policy = policy
        self._facts = facts
        self._amr = amr
        self._auth_age = auth_age
        self._now = read_clock().unix

    def find_note(self) -> str | None:
        """Return what holds whoever asks."""
        nobody = explain(self._facts, None, policy=self._policy, now=self._now)
        if nobody.refusal is None:
            return ANYONE
        reason = nobody.refusal.reason
        return None if reason is Reason.NO_CREDENTIAL else NOBODY_MAY.format(reason)

    def find_needs(self, user: User) -> list[str] | None:
        """Return what a user has to bring beside who they are, None where they may not pass."""
        if user.disabled:
            return None
        principal = imagine_user(self.settings, user, self._now, self._amr, self._auth_age)
        found = explain(self._facts, principal, policy=self._policy, now=self._now)
        if found.refusal is not None and not found.missing:
            return None
        if not all(map(self._is_free, found.missing)):
            return None
        wanted = (each.condition for each in found.conditions)
        return [describe_need(condition) for condition in wanted if self._is_free(condition)]

    def _is_free(self, condition: Condition) -> bool:
        """Say whether a condition is about what the call leaves open."""
        match condition:
            case Amr():
                return not self._amr
            case MaxAge():
                return self._auth_age is None
            case Networks():
                return self._facts.address is None
            case _:
                return False


async def _print(asked: _Asked, *, as_json: bool) -> None:
    if (note := asked.find_note()) is not None:
        click.echo(note, err=True)
    count = 0
    async for row in _rows(asked):
        count += 1
        if as_json:
            click.echo(("[\n  " if count == 1 else ",\n  ") + _dump(row), nl=False)
        else:
            if count == 1:
                click.echo(_line([head.upper() for head in HEADS]))
            cells = (row["username"], ",".join(row["roles"]), "; ".join(row["needs"]))
            click.echo(_line([printable(cell) or "-" for cell in cells]))
    if as_json:
        click.echo("\n]" if count else "[]")


async def _rows(asked: _Asked) -> AsyncIterator[dict[str, Any]]:
    async with open_prepared(asked.settings) as services:
        async for user in services.accounts.walk():
            needs = asked.find_needs(user)
            if needs is not None:
                yield {"username": user.username, "roles": list(user.roles), "needs": needs}


def _dump(row: dict[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False)


def _line(cells: list[str]) -> str:
    return "  ".join(cell.ljust(COLUMN) for cell in cells).rstrip()
