"""`sidecar audit`: who did what to whom, and from where."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

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
from sidecar.schemas.audit import DEFAULT_LIMIT, LARGEST_ID, MOST_ROWS, dump_audit, load_audit_query
from sidecar.settings import Settings

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
@click.option("--actor", metavar="S", help="Only by this `sub`, by `operator` or `service`.")
@click.option("--subject", metavar="S", help="Only what was done to this.")
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
    """Print the audit trail, the newest row first."""
    named = {"actor": actor, "subject": subject}
    query = replace(
        load_audit_query({name: text for name, text in named.items() if text is not None}),
        limit=limit,
        before=before,
        action=None if action is None else Action(action),
    )
    rows = [dump_audit(each) for each in run(_read(read_settings(config_file), query))]
    print_table(rows if as_json else [_flatten(row) for row in rows], as_json=as_json)


async def _read(settings: Settings, query: AuditQuery) -> Sequence[AuditRecord]:
    async with open_prepared(settings) as services:
        return await services.store.audit.read_events(query)


def _flatten(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row for a table: the details as JSON on one line, which no terminal obeys."""
    return {**row, "details": json.dumps(row["details"]) if row["details"] else None}
