"""`sidecar healthcheck`: whether the service on this machine is ready. Starts in milliseconds."""

from http import HTTPStatus
from pathlib import Path
from typing import Final

import click

from sidecar.cli.operations import FOREIGN, ask, find_workers, read_members
from sidecar.cli.options import config_option, read_settings
from sidecar.errors import SidecarError

LONGEST_TOLD: Final = 200  # characters of an answer that is not the right one


@click.command()
@config_option
def healthcheck(config_file: Path | None) -> None:
    """Exit 0 where every worker is ready, else 1 with a line that says which is not."""
    first = read_settings(config_file).server.operations_listen
    for address in find_workers(first):
        status, body = ask(address, "/readyz")
        if status != HTTPStatus.OK or read_members(body).get("ready") is not True:
            told = FOREIGN if status == HTTPStatus.OK else body[:LONGEST_TOLD] or status
            raise SidecarError(f"{address}: not ready: {told}")
    click.echo("ready")
