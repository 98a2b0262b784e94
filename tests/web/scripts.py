"""People who give their scripts tokens, and what those ask the gate."""

from base64 import b64encode
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from tests.web.asked import Asked, ask, bearer
from tests.web.conftest import Web, serving_web
from tests.web.gated import GATE_POLICY, Answer, Line, Lines, asked, send

SETTINGS: Final[Mapping[str, Mapping[str, Any]]] = {
    "tokens": {
        "role_scopes": {
            "staff": ["orders:read", "orders:write", "reports"],
            "admin": ["orders:read", "audit"],
        }
    },
    "gateway": {"trusted_proxies": ["127.0.0.0/8"]},
}


def basic(password: str, user: str = "git") -> Line:
    """Return the line that carries a password."""
    return ("Authorization", f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}")


def shown(token: str) -> Line:
    """Return the line that carries a token as `Bearer`."""
    return ("Authorization", f"Bearer {token}")


def came_from(address: str) -> Line:
    """Return the line by which the gateway says from where the client asks."""
    return ("X-Forwarded-For", address)


@dataclass(frozen=True, slots=True)
class Given:
    """A token as it was given, with the one moment in which its text is told."""

    id: str
    text: str


@dataclass(slots=True)
class Scripts:
    """A service with alice, who has the role staff, and root, an administrator."""

    web: Web
    callers: dict[str, dict[str, str]]

    async def give(self, name: str = "alice", **members: Any) -> Given:
        """Have somebody give a script of theirs a token."""
        made = await self.call("POST", "/me/tokens", name, {"name": "a script", **members})
        assert made.status == 201, made.text
        return Given(made.json["id"], made.json["token"])

    async def call(self, method: str, path: str, name: str = "alice", body: object = None) -> Asked:
        """Call the service as somebody who is logged in."""
        return await ask(self.web, method, path, self.callers[name], body)

    async def verify(self, target: str, *lines: Line) -> Answer:
        """Ask the gate about a GET."""
        return await send(self.web.port, [*asked("traefik", target), *lines], "/verify/traefik")

    async def remove(self, given: Given, name: str = "alice") -> None:
        """Have somebody take a token back."""
        assert (await self.call("DELETE", f"/me/tokens/{given.id}", name)).status == 204

    @contextmanager
    def counting(self) -> Iterator[list[str]]:
        """Yield the statements about personal tokens that the store is asked meanwhile."""
        statements: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            if "personal_tokens" in statement:
                statements.append(statement)

        engine = self.web.serving.services.store._database._engine.sync_engine
        sa.event.listen(engine, "before_cursor_execute", note)
        try:
            yield statements
        finally:
            sa.event.remove(engine, "before_cursor_execute", note)


@asynccontextmanager
async def serving_scripts(
    directory: Path, settings: Mapping[str, Mapping[str, Any]] = SETTINGS
) -> AsyncIterator[Scripts]:
    """Run a service for the length of the block, with people who are logged in."""
    async with serving_web(directory, settings, GATE_POLICY) as web:
        callers = {}
        for name, roles in (("alice", ("staff",)), ("root", ("admin", "staff"))):
            await web.add_user(name, *roles)
            callers[name] = bearer((await web.log_in(name))["access_token"])
        yield Scripts(web, callers)


def lines_of(token: str) -> list[Lines]:
    """Return every way in which a script may show its token."""
    return [[shown(token)], [basic(token)], [shown(token), basic(token)], [basic(token, "")]]
