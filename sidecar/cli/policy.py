"""`sidecar policy`: who may reach what."""

from pathlib import Path

import click

from sidecar.cli.options import config_option, read_settings, run
from sidecar.sources.policyfile import PolicyFile


@click.group()
def policy() -> None:
    """Check the policy."""


@policy.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@config_option
def check(file: Path | None, config_file: Path | None) -> None:
    """Say whether the policy file is right; one line for each problem."""
    path = file or read_settings(config_file).policy_file
    read = run(PolicyFile(path, named=True).read())
    click.echo(f"the policy is right (hosts: {len(read.hosts)}, rules: {len(read)})")
