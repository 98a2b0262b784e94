"""A service in the test's own process, for what no signal from outside can time."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from sidecar.app.runner import PublicRunner, open_serving
from sidecar.app.serving import Serving
from sidecar.settings import load_settings


@asynccontextmanager
async def serving_inside(
    directory: Path, settings: Mapping[str, Mapping[str, Any]] | None = None
) -> AsyncIterator[tuple[Serving, PublicRunner]]:
    """Open a service for the length of the block; its public runner has not been set up."""
    file = directory / "sidecar.yaml"
    addresses = {"listen": "127.0.0.1:0", "operations_listen": f"unix:{directory / 'operations'}"}
    quiet = {"revocation": {"canary": None}}  # tests count the rows that are written
    file.write_text(yaml.safe_dump({"server": addresses, **quiet, **(settings or {})}))
    read = load_settings(file, environ={}, flags={})
    async with open_serving(read) as (serving, runner):
        assert isinstance(runner, PublicRunner)
        yield serving, runner
