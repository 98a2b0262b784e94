"""`sidecar config`: what the settings are, and whether they are right."""

from pathlib import Path

import click

from sidecar.cli.options import config_option, read_settings, run
from sidecar.errors import DocumentInvalid
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
    _read_files(settings)
    _judge_bootstrap(settings)
    for warning in (*find_warnings(settings), *_find_in_policy(settings)):
        click.echo(f"warning: {warning}", err=True)
    click.echo("the settings are right")


def _read_files(settings: Settings) -> None:
    """Read what every start reads. Raises DocumentInvalid."""
    from sidecar.app.theming import read_theme
    from sidecar.sources.keyfiles import read_passphrase

    read_passphrase(settings.keys.passphrase_file)
    read_theme(settings.pages, settings.server.public_url)


def _judge_bootstrap(settings: Settings) -> None:
    """Judge the first administrator's password as the start does that makes them.

    Raises DocumentInvalid.
    """
    admin, password = settings.bootstrap.admin, settings.bootstrap.password
    if password is None:
        return
    from sidecar.credentials.strength import PasswordRules

    rules = PasswordRules(settings.password_min_length, settings.server.public_url)
    fault = rules.judge(password, admin)
    if fault is not None:
        raise DocumentInvalid((f"bootstrap.password: {rules.explain(fault)}",))


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
