"""Asking the public listener, and what only somebody beside the service can do to it."""

import asyncio
import json
import sqlite3
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from sidecar.core.audit import OPERATOR, Action, AuditQuery, AuditRecord
from sidecar.web.credentials import DOMAIN_COOKIE, HOST_COOKIE
from tests.programs.service import PASSWORD
from tests.programs.sqlite import held
from tests.web.conftest import Web

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
OWN_FORM = {**FORM, "Sec-Fetch-Site": "same-origin"}  # as our page's form is sent by a browser
PAGE = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}  # a person looks at the answer
GOOD = {"username": "alice", "password": PASSWORD}
ANSWER_TIMEOUT = 6.0  # seconds; the service promises five


@dataclass(frozen=True, slots=True)
class Asked:
    """What came back."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body of a JSON answer."""
        return json.loads(self.body)

    @property
    def text(self) -> str:
        """The body of a page."""
        return self.body.decode()

    def assert_problem(self, status: int, reason: str) -> dict[str, Any]:
        """Fail unless this is that refusal as RFC 9457 has it; return its members."""
        assert (self.status, self.headers["Content-Type"]) == (status, "application/problem+json")
        members: dict[str, Any] = self.json
        assert (members["status"], members["reason"]) == (status, reason)
        assert members["title"]
        assert members["request_id"] == self.headers["X-Request-Id"]
        assert self.headers["Cache-Control"] == "no-store"
        return members


async def ask(
    web: Web,
    method: str,
    path: str,
    headers: Mapping[str, str] | CIMultiDict[str] | None = None,
    body: object = None,
) -> Asked:
    """Ask and do not follow; a mapping is sent as JSON, octets and text as they are."""
    sent = CIMultiDict(headers or {})
    if isinstance(body, Mapping):
        body = json.dumps(body).encode()
        sent.setdefault("Content-Type", "application/json")
    url = URL(f"{web.url}{path}", encoded=True)
    async with web.session.request(
        method,
        url,
        data=body,
        headers=sent,
        allow_redirects=False,
        skip_auto_headers=("Content-Type", "Accept", "User-Agent"),
    ) as answer:
        return Asked(answer.status, answer.headers, await answer.read())


def given_cookies(answer: Asked) -> list[str]:
    """Return the lines that give the browser a session cookie, whole, each once."""
    lines = [line for line in _session_lines(answer) if "Max-Age=0" not in line]
    return list(dict.fromkeys(lines))


def taken_cookies(answer: Asked) -> set[tuple[str, str | None]]:
    """Return name and domain of each session cookie of `/` that the browser is told to forget."""
    return {(name, domain) for name, domain, path in taken_places(answer) if path == "/"}


def taken_places(answer: Asked) -> set[tuple[str, str | None, str]]:
    """Return name, domain and path of each session cookie that the browser is told to forget."""
    taken = set()
    for line in _session_lines(answer):
        pair, *rest = line.split("; ")
        name, _, value = pair.partition("=")
        attributes = dict(part.partition("=")[::2] for part in rest)
        if attributes.get("Max-Age") == "0":
            assert value == '""'
            assert {"Secure", "HttpOnly"} <= set(attributes)
            taken.add((name, attributes.get("Domain"), attributes["Path"]))
    return taken


def _session_lines(answer: Asked) -> list[str]:
    lines = answer.headers.getall("Set-Cookie", [])
    return [line for line in lines if line.partition("=")[0] in {HOST_COOKIE, DOMAIN_COOKIE}]


async def log_in(web: Web, **members: object) -> Asked:
    """Ask for a login of alice by JSON."""
    return await ask(web, "POST", "/login", body={**GOOD, **members})


async def end_of_login(web: Web, rd: str) -> str:
    """Log alice in by form and return where the browser is sent."""
    answer = await ask(web, "POST", "/login", OWN_FORM, urlencode({**GOOD, "rd": rd}))
    assert answer.status == 303
    (location,) = answer.headers.getall("Location")
    return location


async def refresh(web: Web, token: str) -> Asked:
    """Show a refresh token."""
    return await ask(web, "POST", "/refresh", body={"refresh_token": token})


async def is_let_in(web: Web, token: str) -> bool:
    """Say whether an access token is still good for its owner."""
    answer = await ask(web, "GET", "/me", bearer(token))
    assert answer.status in {200, 401}
    return answer.status == 200


def bearer(token: str) -> dict[str, str]:
    """Return the header that shows an access token."""
    return {"Authorization": f"Bearer {token}"}


def claims_of(token: str) -> dict[str, Any]:
    """Return what a token says, unverified."""
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


async def send(port: int, octets: bytes) -> bytes:
    """Send octets as they are and return all that comes back until the service closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(octets)
        async with asyncio.timeout(ANSWER_TIMEOUT):
            return await reader.read()
    finally:
        writer.close()


def head(method: str, path: str, *lines: str) -> bytes:
    """Return the head of a request after which the connection ends."""
    every = (f"{method} {path} HTTP/1.1", "Host: auth.example.com", "Connection: close", *lines)
    return "\r\n".join((*every, "", "")).encode("utf-8", "surrogateescape")


def database(web: Web) -> Path:
    """Return the file of the embedded database."""
    return web.directory / "data" / "sidecar.db"


async def rows(web: Web) -> list[str]:
    """Return everything that is in the database, but how often somebody tried to log in."""

    def dump() -> list[str]:
        with closing(sqlite3.connect(database(web))) as connection:
            every = connection.iterdump()
            return [each for each in every if not each.startswith('INSERT INTO "throttle"')]

    return await asyncio.to_thread(dump)


async def read_trail(web: Web) -> list[AuditRecord]:
    """Return the audit trail, the newest first, without the people that a test begins with."""
    rows = await web.serving.services.store.audit.read_events(AuditQuery(100))
    return [row for row in rows if (row.action, row.actor) != (Action.USER_ADDED, OPERATOR)]


async def change(web: Web, statement: str, *values: object) -> None:
    """Change the database as another process might."""

    def execute() -> int:
        with closing(sqlite3.connect(database(web))) as connection, connection:
            return connection.execute(statement, values).rowcount

    assert await asyncio.to_thread(execute) > 0


async def age_sessions(web: Web, seconds: int) -> None:
    """Let every session be so much older, as if that time had passed."""
    await change(
        web,
        "UPDATE sessions SET created_at = created_at - ?1, rotated_at = rotated_at - ?1,"
        " tokens_until = tokens_until - ?1, expires_at = expires_at - ?1",
        seconds,
    )


@asynccontextmanager
async def locked(web: Web) -> AsyncIterator[None]:
    """Hold the database, as a backup that hangs does: nobody else reads or writes it."""
    async with held(database(web)):
        yield
