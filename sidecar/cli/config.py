"""`sidecar config`: what the settings are, and whether they are right."""

from pathlib import Path

import click

from sidecar.cli.options import config_option, read_settings
from sidecar.schemas.documents import dump_document
from sidecar.settings import describe_settings, find_warnings


@click.group()
def config() -> None:
    """Check and show the settings."""


@config.command()
@config_option
def check(config_file: Path | None) -> None:
    """Say whether the settings are right; one line for each problem."""
    for warning in find_warnings(read_settings(config_file)):
        click.echo(f"warning: {warning}", err=True)
    click.echo("the settings are right")


@config.command()
@config_option
def show(config_file: Path | None) -> None:
    """Print the settings in force as YAML, secrets hidden."""
    click.echo(dump_document(describe_settings(read_settings(config_file))), nl=False)
