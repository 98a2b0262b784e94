"""The command line. Each group is a module of its own, imported when it is called."""

import importlib
import sys
from typing import Final

import click

from sidecar import __version__
from sidecar.errors import DocumentInvalid, SidecarError

COMMANDS: Final = {
    "config": "sidecar.cli.config:config",
    "db": "sidecar.cli.db:db",
    "demo": "sidecar.cli.demo:demo",
    "gateway": "sidecar.cli.gateway:gateway",
    "healthcheck": "sidecar.cli.healthcheck:healthcheck",
    "key": "sidecar.cli.key:key",
    "policy": "sidecar.cli.policy:policy",
    "revoke": "sidecar.cli.revoke:revoke",
    "serve": "sidecar.cli.serve:serve",
    "user": "sidecar.cli.user:user",
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of all commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Return the command of this name."""
        target = COMMANDS.get(cmd_name)
        if target is None:
            return None
        module, _, attribute = target.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="sidecar")
def sidecar() -> None:
    """Forward auth beside your reverse proxy."""


def main() -> None:
    """Run the command line: exit 0, 1 (it failed), or 2 (it was called wrongly)."""
    try:
        sidecar(prog_name="sidecar")
    except DocumentInvalid as error:
        for problem in error.problems:
            click.echo(problem, err=True)
        sys.exit(1)
    except SidecarError as error:
        click.echo(str(error), err=True)
        sys.exit(1)
