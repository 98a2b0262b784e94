"""`sidecar db`: the schema of the database."""

from pathlib import Path

import click

from sidecar.cli.options import config_option, read_settings, run


@click.group()
def db() -> None:
    """Look after the database."""


@db.command()
@config_option
def upgrade(config_file: Path | None) -> None:
    """Bring the schema up to date."""
    from sidecar.app.services import open_services
    from sidecar.settings import Settings

    async def work(settings: Settings) -> None:
        async with open_services(settings) as services:
            await services.store.upgrade_schema()

    run(work(read_settings(config_file)))
    click.echo("the database is up to date")
