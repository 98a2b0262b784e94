"""`sidecar healthcheck`: whether the service on this machine is ready. Starts in milliseconds."""

from http import HTTPStatus
from pathlib import Path
from typing import Final

import click

from sidecar.cli.operations import FOREIGN, ask, find_workers, read_members
from sidecar.cli.options import config_option, find_operations, read_settings
from sidecar.core.text import printable
from sidecar.errors import SidecarError
from sidecar.schemas.values import Listen

LONGEST_TOLD: Final = 200  # characters of an answer that is not the right one


@click.command()
@config_option
def healthcheck(config_file: Path | None) -> None:
    """Exit 0 where every worker is ready, else 1 with a line that says which is not.

    What works less well than it should is named beside `ready`. Settings that are wrong are told
    where it is not ready: a service that runs is asked how it is, not how its next start will be.
    """
    first = find_operations(config_file)
    try:
        degraded = _ask_all(first)
    except SidecarError:
        read_settings(config_file)  # what is wrong with them is told instead
        raise
    named = printable(", ".join(degraded))
    click.echo(f"ready (degraded: {named})" if named else "ready")


def _ask_all(first: Listen) -> dict[str, None]:
    """Return what is degraded anywhere. Raises SidecarError where a worker is not ready."""
    degraded: dict[str, None] = {}
    for address in find_workers(first):
        status, body = ask(address, "/readyz")
        match status, read_members(body):
            case HTTPStatus.OK, {"ready": True, "degraded": [*parts]}:
                degraded |= dict.fromkeys(map(str, parts))
            case HTTPStatus.OK, _:
                raise SidecarError(f"{address}: not ready: {FOREIGN}")
            case 0, _:
                raise SidecarError(f"not ready: {body}")
            case _:
                told = printable(body[:LONGEST_TOLD]) or status
                raise SidecarError(f"{address}: not ready: {told}")
    return degraded
