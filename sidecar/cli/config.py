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
    for warning in (*find_warnings(settings), *_find_in_policy(settings)):
        click.echo(f"warning: {warning}", err=True)
    click.echo("the settings are right")


def _find_in_policy(settings: Settings) -> tuple[str, ...]:
    from sidecar.schemas.policy import find_policy_warnings
    from sidecar.sources.policyfile import PolicyFile
    from sidecar.web.context import PublicUrl
    from sidecar.web.credentials import CookieJar, warn_unreached

    try:
        policy = run(PolicyFile(settings.policy_file, named=settings.policy_named).read())
    except DocumentInvalid:  # `sidecar policy check` says what is wrong with it
        return ()
    own_host = PublicUrl.parse(settings.server.public_url).host.name
    return (
        *warn_unreached(CookieJar(settings.session.domain), policy.hosts, own_host),
        *find_policy_warnings(
            policy,
            str(settings.policy_file),
            admin_role=settings.admin_role,
            trusted_proxies=settings.gateway.trusted_proxies,
        ),
    )


@config.command()
@config_option
def show(config_file: Path | None) -> None:
    """Print the settings in force as YAML, secrets hidden."""
    click.echo(dump_document(describe_settings(read_settings(config_file))), nl=False)
