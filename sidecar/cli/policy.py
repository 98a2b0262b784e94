"""`sidecar policy`: who may reach what."""

from pathlib import Path

import click

from sidecar.cli.options import config_option, read_settings, run, warn
from sidecar.cli.policy_expect import test
from sidecar.cli.policy_explain import explain
from sidecar.cli.policy_who import who
from sidecar.sources.policyfile import PolicyFile


@click.group()
def policy() -> None:
    """Check the policy, and ask it."""


@policy.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@config_option
def check(file: Path | None, config_file: Path | None) -> None:
    """Say whether the policy file is right; one line for each problem."""
    from sidecar.app.warnings import find_policy_warnings

    settings = read_settings(config_file)
    path = file or settings.policy_file
    read = run(PolicyFile(path, named=True).read())
    for warning in run(find_policy_warnings(settings, read, str(path))):
        warn(warning)
    click.echo(f"the policy is right (hosts: {len(read.hosts)}, rules: {len(read)})")


policy.add_command(explain)
policy.add_command(who)
policy.add_command(test)
