"""What every command shares: its settings, its event loop, and how it prints a table."""

import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from sidecar.core.text import printable
from sidecar.errors import SidecarError

if TYPE_CHECKING:
    from sidecar.app.services import Services
    from sidecar.core.policy import Policy
    from sidecar.schemas.values import Listen
    from sidecar.settings import Settings

# Of a command whose argument is an id, which may begin with a dash: `-h` would be found within it.
TAKES_ID: Final = {"ignore_unknown_options": True, "help_option_names": ["--help"]}

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


def config_option(command: F) -> F:
    """Add `--config FILE`."""
    option = click.option(
        "--config",
        "config_file",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Settings file (default: $SIDECAR_CONFIG, else sidecar.yaml where there is one).",
    )
    return option(command)


def json_option(command: F) -> F:
    """Add `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def read_settings(config_file: Path | None, **flags: object) -> "Settings":
    """Return the settings of this call. Raises DocumentInvalid with every problem."""
    from sidecar.settings import load_settings

    given = {name: value for name, value in flags.items() if value is not None}
    return load_settings(config_file, environ=os.environ, flags=given)


def find_operations(config_file: Path | None) -> "Listen":
    """Return where the operations listener is; settings that do not matter to it are not judged.

    Raises DocumentInvalid where they have to be.
    """
    from sidecar.settings.operations import find_operations_listen

    found = find_operations_listen(config_file, os.environ)
    return read_settings(config_file).server.operations_listen if found is None else found


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine to its end."""
    import asyncio

    return asyncio.run(work)


def read_policy(settings: "Settings") -> "Policy":
    """Return the policy of these settings; where there is none, the empty one and a warning.

    Raises DocumentInvalid.
    """
    from sidecar.sources.policyfile import PolicyFile

    file = PolicyFile(settings.policy_file, named=settings.policy_named)
    policy = run(file.read())
    if file.missing:
        warn(f"there is no {settings.policy_file}")
    return policy


def warn(text: str) -> None:
    """Print a warning."""
    click.echo(f"warning: {printable(text)}", err=True)


def read_line(longest: int) -> str:
    """Return one line of standard input, of at most so many octets. Raises SidecarError."""
    if sys.stdin is None:
        raise SidecarError("standard input is closed")
    octets = sys.stdin.buffer.readline(longest + 2).removesuffix(b"\n").removesuffix(b"\r")
    if len(octets) > longest:
        raise SidecarError(f"standard input has a line of more than {longest} octets")
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        raise SidecarError("standard input is not UTF-8") from None


def require_database(settings: "Settings") -> None:
    """Raise SidecarError where an embedded database is not there.

    A question makes none, and nobody is told that something was revoked in a new one.
    """
    from sidecar.schemas.values import SQLITE

    path = settings.database_url.removeprefix(SQLITE)
    if path != settings.database_url and not Path(path).exists():
        raise SidecarError(
            f"there is no database {path} (database.url): name the settings of the service"
        )


@asynccontextmanager
async def open_prepared(settings: "Settings") -> AsyncIterator["Services"]:
    """Open the services on a database that is up to date."""
    from sidecar.app.services import open_services

    async with open_services(settings) as services:
        await services.store.prepare_schema()
        yield services
        if len(services.revocations.unannounced):
            warn(
                "Redis did not take what was revoked: replicas read it from the database, within"
                " a second; should that be away before they have, revoke it again"
            )


def print_table(rows: Sequence[Mapping[str, object]], *, as_json: bool) -> None:
    """Print rows as JSON, or as aligned columns under their names."""
    if as_json:
        click.echo(json.dumps(list(rows), indent=2, ensure_ascii=False))
        return
    if not rows:
        return
    names = list(rows[0])
    lines = [[name.upper() for name in names]]
    lines.extend([_cell(row[name]) for name in names] for row in rows)
    widths = [max(len(line[column]) for line in lines) for column in range(len(names))]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def _cell(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return ",".join(map(str, value)) or "-"
        case _:
            return str(value)
