"""`sidecar openapi`: the OpenAPI document, without a running service."""

import json
from pathlib import Path

import click

from sidecar.cli.options import config_option, read_settings


@click.command()
@config_option
def openapi(config_file: Path | None) -> None:
    """Print the OpenAPI document of the public listener."""
    from sidecar.web.credentials import CookieJar
    from sidecar.web.openapi import dump_openapi

    settings = read_settings(config_file)
    cookie = CookieJar(settings.session.domain).name
    document = json.loads(dump_openapi(settings.server.public_url, cookie))
    click.echo(json.dumps(document, indent=2))
