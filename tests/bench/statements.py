"""How many statements of SQL a refresh costs, counted at the service's own connections."""

import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
import yaml
from aiohttp import ClientSession, web

from sidecar.accounts import NewUser
from sidecar.app.runner import open_serving
from sidecar.clock import read_clock
from sidecar.core.audit import OPERATOR, Author
from sidecar.settings import load_settings
from tests.bench.plan import Bench
from tests.bench.report import MOST_STATEMENTS, Limit
from tests.programs.service import PASSWORD

BY: Final = Author(OPERATOR)
POLICY: Final = {"hosts": {"localhost": [{"path": "/**", "allow": "signed-in"}]}}
REFRESHES: Final = 9  # of which the median counts: the work of a moment in the background does not


@dataclass(frozen=True, slots=True)
class Statements:
    """How many statements of SQL a use case costs, without those that open a transaction."""

    refresh: int

    def limits(self) -> Iterator[Limit]:
        """Yield what must hold."""
        yield Limit("statements of a refresh", self.refresh, MOST_STATEMENTS)

    def lines(self) -> Iterator[str]:
        """Yield nothing: the limit says it."""
        yield from ()


async def count_statements(bench: Bench) -> Statements:
    """Return what a refresh costs."""
    file = bench.folder / "sidecar.yaml"
    operations = f"unix:{bench.folder}/operations"
    addresses = {"listen": "127.0.0.1:0", "operations_listen": operations}
    file.write_text(yaml.safe_dump({"server": addresses}))
    (bench.folder / "policy.yaml").write_text(yaml.safe_dump(POLICY))
    settings = load_settings(file, environ={}, flags={})
    async with open_serving(settings) as (serving, runner):
        services = serving.services
        await services.accounts.add(NewUser("alice"), PASSWORD, BY, read_clock().unix)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with ClientSession(url) as client:
            tokens = await _post(client, "/login", username="alice", password=PASSWORD)
            counts = []
            for _ in range(REFRESHES):
                with _counting(services.store._database._engine.sync_engine) as counted:
                    token = tokens["refresh_token"]
                    tokens = await _post(client, "/refresh", refresh_token=token)
                counts.append(len(counted))
        await runner.cleanup()
    return Statements(statistics.median_low(counts))


async def _post(client: ClientSession, path: str, **members: str) -> dict[str, Any]:
    async with client.post(path, json=members) as answer:
        answer.raise_for_status()
        tokens: dict[str, Any] = await answer.json()
        return tokens


@contextmanager
def _counting(engine: sa.Engine) -> Iterator[list[str]]:
    """Yield the list of the statements that are executed in the block."""
    counted: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith("BEGIN"):
            counted.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield counted
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)
