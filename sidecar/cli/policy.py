"""`sidecar policy`: who may reach what."""

from pathlib import Path

import click

from sidecar.cli.options import config_option, read_settings, run
from sidecar.cli.policy_expect import test
from sidecar.cli.policy_explain import explain
from sidecar.cli.policy_who import who
from sidecar.schemas.policy import find_policy_warnings
from sidecar.sources.policyfile import PolicyFile


@click.group()
def policy() -> None:
    """Check the policy, and ask it."""


@policy.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@config_option
def check(file: Path | None, config_file: Path | None) -> None:
    """Say whether the policy file is right; one line for each problem."""
    settings = read_settings(config_file)
    path = file or settings.policy_file
    read = run(PolicyFile(path, named=True).read())
    for warning in find_policy_warnings(
        read,
        str(path),
        admin_role=settings.admin_role,
        trusted_proxies=settings.gateway.trusted_proxies,
    ):
        click.echo(f"warning: {warning}", err=True)
    click.echo(f"the policy is right (hosts: {len(read.hosts)}, rules: {len(read)})")


policy.add_command(explain)
policy.add_command(who)
policy.add_command(test)
