"""`sidecar audit`: who did what to whom, and from where."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from sidecar.cli.options import (
    config_option,
    json_option,
    open_prepared,
    print_table,
    read_settings,
    run,
)
from sidecar.core.audit import Action, AuditQuery, AuditRecord
from sidecar.core.user import canonical_username, is_user_id
from sidecar.schemas.audit import DEFAULT_LIMIT, LARGEST_ID, MOST_ROWS, dump_audit, load_audit_query
from sidecar.settings import Settings

if TYPE_CHECKING:
    from sidecar.app.services import Services

ACTIONS: Final = [each.value for each in Action]


@click.command()
@click.option(
    "--limit",
    type=click.IntRange(1, MOST_ROWS),
    default=DEFAULT_LIMIT,
    show_default=True,
    help="How many rows at most.",
)
@click.option(
    "--before",
    type=click.IntRange(1, LARGEST_ID),
    metavar="ID",
    help="Only rows that are older than this one.",
)
@click.option("--action", type=click.Choice(ACTIONS), metavar="A", help="Only this, as printed.")
@click.option(
    "--actor",
    metavar="S",
    help="Only by this `sub` or username, by `operator` or by `service`.",
)
@click.option("--subject", metavar="S", help="Only what was done to this id or username.")
@json_option
@config_option
def audit(
    limit: int,
    before: int | None,
    action: str | None,
    actor: str | None,
    subject: str | None,
    as_json: bool,
    config_file: Path | None,
) -> None:
    """Print the audit trail, the newest row first.

    A table has usernames beside the ids of people. What --actor and --subject name is an id where
    a row has it, else the username of somebody who is there.
    """
    named = {"actor": actor, "subject": subject}
    query = replace(
        load_audit_query({name: text for name, text in named.items() if text is not None}),
        limit=limit,
        before=before,
        action=None if action is None else Action(action),
    )
    records, names = run(_read(read_settings(config_file), query))
    rows = [dump_audit(each) for each in records]
    print_table(rows if as_json else [_flatten(row, names) for row in rows], as_json=as_json)


async def _read(
    settings: Settings, query: AuditQuery
) -> tuple[Sequence[AuditRecord], Mapping[str, str]]:
    """Return the rows, and by their ids the usernames of those in them who are still there."""
    async with open_prepared(settings) as services:
        if query.actor is not None:
            alone = AuditQuery(1, actor=query.actor)
            query = replace(query, actor=await _find_id(services, query.actor, alone))
        if query.subject is not None:
            alone = AuditQuery(1, subject=query.subject)
            query = replace(query, subject=await _find_id(services, query.subject, alone))
        records = await services.store.audit.read_events(query)
        parties = {text for each in records for text in (each.actor, each.subject)}
        return records, await services.accounts.find_names(set(filter(is_user_id, parties)))


async def _find_id(services: "Services", named: str, query: AuditQuery) -> str:
    """Return the id of a user of this name, where no row that `query` is for has it as an id."""
    username = canonical_username(named)
    if username is None or await services.store.audit.read_events(query):
        return named
    account = await services.store.sessions.find_account(username)
    return named if account is None else account.user.id


def _flatten(row: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return a row for a table: who it is, and the details as JSON, which no terminal obeys."""
    details = json.dumps(row["details"]) if row["details"] else None
    parties = {
        party: f"{names[row[party]]} ({row[party]})" if row[party] in names else row[party]
        for party in ("actor", "subject")
    }
    return {**row, **parties, "details": details}
