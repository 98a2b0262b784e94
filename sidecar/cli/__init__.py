"""The command line. Each group is a module of its own, imported when it is called."""

import importlib
import io
import os
import sys
from typing import Final, NoReturn

import click

from sidecar import __version__
from sidecar.errors import DocumentInvalid, FieldsInvalid, SidecarError

COMMANDS: Final = {
    "audit": "sidecar.cli.audit:audit",
    "client": "sidecar.cli.client:client",
    "config": "sidecar.cli.config:config",
    "db": "sidecar.cli.db:db",
    "demo": "sidecar.cli.demo:demo",
    "gateway": "sidecar.cli.gateway:gateway",
    "healthcheck": "sidecar.cli.healthcheck:healthcheck",
    "key": "sidecar.cli.key:key",
    "openapi": "sidecar.cli.openapi:openapi",
    "policy": "sidecar.cli.policy:policy",
    "revoke": "sidecar.cli.revoke:revoke",
    "serve": "sidecar.cli.serve:serve",
    "throttle": "sidecar.cli.throttle:throttle",
    "token": "sidecar.cli.token:token",
    "user": "sidecar.cli.user:user",
    "why": "sidecar.cli.why:why",
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of all commands."""
        return sorted(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - as above
        cmd_name: str,
    ) -> click.Command | None:
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
    """Run the command line: exit 0, 1 (it failed), or 2 (it was called wrongly).

    What goes wrong is one line for each problem on standard error.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")  # as JSON is, whatever the terminal speaks
    try:
        status = sidecar(prog_name="sidecar", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.UsageError as error:
        called = "sidecar" if error.ctx is None else error.ctx.command_path
        _fail(error.exit_code, f"{called}: {error.format_message()} ({called} --help)")
    except click.Abort:
        _fail(1, "stopped")
    except DocumentInvalid as error:
        _fail(1, *error.problems)
    except FieldsInvalid as error:
        _fail(1, *(f"{pointer[1:]}: {text}" for pointer, text in error.errors))
    except SidecarError as error:
        _fail(1, str(error))
    except OSError as error:
        # What could not be written is dropped, or the interpreter would try it again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        _fail(1, f"{error.filename or 'sidecar'}: {error.strerror}")
    sys.exit(status)


def _fail(status: int, *problems: str) -> NoReturn:
    for problem in problems:
        click.echo(" ".join(line.strip() for line in problem.splitlines()), err=True)
    sys.exit(status)
