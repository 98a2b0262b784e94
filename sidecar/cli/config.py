"""`sidecar config`: what the settings are, and whether they are right."""

from pathlib import Path

import click

from sidecar.cli.options import config_option, read_settings, run
from sidecar.schemas.documents import dump_document
from sidecar.settings import Settings, describe_settings, find_warnings


@click.group()
def config() -> None:
    """Check and show the settings."""


@config.command()
@config_option
def check(config_file: Path | None) -> None:
    """Say whether the settings are right; one line for each problem."""
    settings = read_settings(config_file)
    _read_passphrase(settings)
    for warning in (*find_warnings(settings), *_find_in_policy(settings)):
        click.echo(f"warning: {warning}", err=True)
    click.echo("the settings are right")


def _read_passphrase(settings: Settings) -> None:
    """Read what every start reads. Raises DocumentInvalid."""
    from sidecar.sources.keyfiles import read_passphrase

    read_passphrase(settings.keys.passphrase_file)


def _find_in_policy(settings: Settings) -> tuple[str, ...]:
    """Return what may not be meant in the policy. Raises DocumentInvalid."""
    from sidecar.app.warnings import find_policy_warnings
    from sidecar.sources.policyfile import PolicyFile

    file = PolicyFile(settings.policy_file, named=settings.policy_named)
    policy = run(file.read())
    if file.missing:
        return (f"policy.file: there is no {settings.policy_file}: everything is refused",)
    return run(find_policy_warnings(settings, policy, str(settings.policy_file)))


@config.command()
@config_option
def show(config_file: Path | None) -> None:
    """Print the settings in force as YAML, secrets hidden."""
    click.echo(dump_document(describe_settings(read_settings(config_file))), nl=False)
