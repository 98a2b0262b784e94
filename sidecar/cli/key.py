"""`sidecar key`: the key ring."""

from pathlib import Path

import click

from sidecar.cli.options import (
    config_option,
    json_option,
    open_prepared,
    print_table,
    read_settings,
    run,
)
from sidecar.clock import read_clock
from sidecar.core.keyring import ALGORITHM
from sidecar.schemas.keys import format_moment
from sidecar.settings import Settings


@click.group()
def key() -> None:
    """Look after the key ring."""


@key.command("list")
@json_option
@config_option
def list_keys(as_json: bool, config_file: Path | None) -> None:
    """List the keys with their state and dates."""
    print_table(run(_read_rows(read_settings(config_file))), as_json=as_json)


async def _read_rows(settings: Settings) -> list[dict[str, object]]:
    async with open_prepared(settings) as services:
        ring = (await services.open_ring()).ring
    now = read_clock().unix
    return [
        {
            "kid": each.kid,
            "alg": ALGORITHM,
            "purpose": each.purpose.value,
            "state": each.state(now).value,
            "not_before": format_moment(each.not_before),
            "sign_until": format_moment(each.sign_until),
            "publish_until": format_moment(each.publish_until),
        }
        for each in sorted(ring.keys.values(), key=lambda key: (key.purpose, key.not_before))
    ]
