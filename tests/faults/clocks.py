"""A service whose clocks are moved, and the people who ask it."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from aiohttp import ClientSession

from sidecar.settings import load_settings
from sidecar.stores.sql.engine import Database
from tests.docs.markdown import ROOT
from tests.faults.asking import QUESTION, until
from tests.faults.shifted import Shifts
from tests.programs.process import start
from tests.programs.service import PASSWORD, Service

JUMPED: Final = "nothing was swept: the clock jumped"

PLANT: Final = sa.text("INSERT INTO throttle VALUES (:key, 1, 1, 1, :over_at)")
FIND: Final = sa.text("SELECT 1 FROM throttle WHERE key = :key")

Headers = dict[str, str]


@dataclass(slots=True)
class Shifted:
    """A service whose clocks are moved by `shifts`."""

    service: Service
    shifts: Shifts
    client: ClientSession

    async def start(self) -> None:
        """Start it as an operator does, but for the clocks."""
        command = [sys.executable, "-m", "tests.faults.shifted", self.shifts.file, "serve"]
        self.service.program = await start(
            [*map(str, command), "--config", str(self.service.config)],
            directory=self.service.directory,
            environ={"PYTHONPATH": str(ROOT)},
        )
        await self.service.await_ready()

    async def judge(self, headers: Headers) -> tuple[int, str | None]:
        """Ask the gate as Traefik does; return the status, and the reason of a refusal."""
        url = f"{self.service.url}/verify"
        async with self.client.get(url, headers=QUESTION | headers) as answer:
            if answer.status == 200:
                return 200, None
            assert "Set-Cookie" not in answer.headers
            return answer.status, (await answer.json())["reason"]

    async def refresh(self, tokens: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the next tokens, None where the session is over."""
        body = {"refresh_token": tokens["refresh_token"]}
        async with self.client.post(f"{self.service.url}/refresh", json=body) as answer:
            assert answer.status in {200, 401}, await answer.text()
            refreshed: dict[str, Any] = await answer.json()
            return refreshed if answer.status == 200 else None

    async def log_in_cookie(self, name: str) -> Headers:
        """Return the header of a browser that has logged in."""
        body = {"username": name, "password": PASSWORD, "cookie": True}
        async with self.client.post(f"{self.service.url}/login", json=body) as answer:
            assert answer.status == 200, await answer.text()
            return {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}

    async def renew(self, cookie: Headers) -> Headers:
        """Return the header of a browser that the login page has given a new cookie."""
        async with self.client.get(
            f"{self.service.url}/login", headers=cookie, allow_redirects=False
        ) as answer:
            assert answer.status == 303, await answer.text()
            return {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}

    async def log_out_browser(self, cookie: Headers) -> None:
        """Log a browser out."""
        headers = cookie | {"Sec-Fetch-Site": "same-origin"}
        async with self.client.post(f"{self.service.url}/logout", headers=headers) as answer:
            assert answer.status == 204, await answer.text()

    async def move_clock(self, ahead: int) -> None:
        """Set the wall clock, and wait until it was noticed and two sweeps went by it."""
        jumps = self.told().count(JUMPED)
        self.shifts.set(ahead=ahead)

        async def has_noticed() -> bool:
            return self.told().count(JUMPED) > jumps

        await until(has_noticed, "the jump of the clock")
        await self.sweep()

    async def sweep(self, over_at: int = 1) -> None:
        """Wait until what sweeps do has been done once from its beginning to its end.

        By whoever calls over what is over at `over_at`, Unix seconds.
        """
        for key in ("first", "second"):
            await self._run(PLANT.bindparams(key=key, over_at=over_at))

            async def is_gone(key: str = key) -> bool:
                return not await self._run(FIND.bindparams(key=key))

            await until(is_gone, "a sweep")

    async def _run(self, statement: sa.TextClause) -> list[Any]:
        """Run a statement in the database of the service; return its rows."""
        settings = load_settings(self.service.config, environ={}, flags={})
        database = Database(settings.database_url)
        try:
            async with database.write() as connection:
                found = await connection.execute(statement)
                return list(found) if found.returns_rows else []
        finally:
            await database.close()

    def told(self) -> list[str]:
        """Return what the log has said so far."""
        return [line["message"] for line in self.service.read_log()]


def bearer(tokens: Mapping[str, Any] | None) -> Headers:
    """Return the header that shows an access token."""
    assert tokens is not None
    return {"Authorization": f"Bearer {tokens['access_token']}"}
