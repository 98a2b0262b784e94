"""`sidecar revoke`: what it takes away, and what a running service says of it."""

import asyncio
import json
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import ClientResponse, ClientSession, DummyCookieJar, TCPConnector

from tests.cli.running import PASSWORD, add_user, sidecar, sidecar_each
from tests.core.forge import base64url
from tests.programs.process import free_port
from tests.programs.service import Service, make_service, serving

pytestmark = pytest.mark.asyncio

BOUND = 5.0  # seconds; the promise of one second has a test of its own
COOKIE = "__Host-sidecar"


class Front:
    """What a frontend does at a running service."""

    def __init__(self, service: Service, session: ClientSession) -> None:
        self.service = service
        self._session = session

    def post(
        self, path: str, body: Mapping[str, object]
    ) -> AbstractAsyncContextManager[ClientResponse]:
        """Post JSON to the service."""
        return self._session.post(f"{self.service.url}{path}", json=body)

    async def log_in(self, name: str, *, cookie: bool = False) -> str:
        """Return an access token, or the token of a session cookie."""
        body = {"username": name, "password": PASSWORD, "cookie": cookie}
        async with self.post("/login", body) as answer:
            assert answer.status == 200
            if cookie:
                return answer.cookies[COOKIE].value
            token: str = (await answer.json())["access_token"]
            return token

    async def ask(self, token: str) -> int:
        """Return the status of `GET /me` with an access token or a cookie."""
        kind = json.loads(_decode(token, 0))["typ"]
        headers = (
            {"Authorization": f"Bearer {token}"}
            if kind == "at+jwt"
            else {"Cookie": f"{COOKIE}={token}"}
        )
        async with self._session.get(f"{self.service.url}/me", headers=headers) as answer:
            return answer.status

    async def await_refused(self, *tokens: str) -> None:
        """Wait until all of these are refused."""
        async with asyncio.timeout(BOUND):
            while {await self.ask(token) for token in tokens} != {401}:
                pass  # each question waits for its answer


def _decode(token: str, part: int) -> bytes:
    return urlsafe_b64decode(token.split(".")[part] + "==")


def _claim(token: str, name: str) -> str:
    value: str = json.loads(_decode(token, 1))[name]
    return value


@pytest_asyncio.fixture
async def front(tmp_path: Path) -> AsyncIterator[Front]:
    service = make_service(tmp_path)
    for name in ("alice", "bob"):
        await service.add_user(name)
    async with (
        serving(service),
        ClientSession(
            connector=TCPConnector(force_close=True), cookie_jar=DummyCookieJar()
        ) as session,
    ):
        yield Front(service, session)


async def test_each_level_takes_away_what_it_names_and_no_more(front: Front) -> None:
    run = front.service.run
    first, second, cookie, bobs = (
        await front.log_in("alice"),
        await front.log_in("alice"),
        await front.log_in("alice", cookie=True),
        await front.log_in("bob"),
    )
    assert {await front.ask(token) for token in (first, second, cookie, bobs)} == {200}

    ran = await run("revoke", "--token", "-", stdin=f" {first}\n")
    assert (ran.status, ran.out, ran.err) == (0, "", "revoked\n")
    await front.await_refused(first)
    assert {await front.ask(token) for token in (second, cookie, bobs)} == {200}

    # The session of the token alone goes on, and ends now.
    for token in (first, second):
        ran = await run("revoke", "--session", _claim(token, "sid"))
        assert (ran.status, ran.err) == (0, "revoked\n")
    await front.await_refused(second)
    assert {await front.ask(token) for token in (cookie, bobs)} == {200}

    ran = await run("revoke", "--user", "Alice")
    assert (ran.status, ran.err) == (0, "revoked\n")
    await front.await_refused(cookie)
    assert await front.ask(bobs) == 200

    again = await front.log_in("alice")
    ran = await run("revoke", "--everyone")
    assert (ran.status, ran.err) == (0, "revoked\n")
    await front.await_refused(again, bobs)

    rows = json.loads((await run("audit", "--json")).out)
    assert [(row["action"], row["actor"], row["subject"]) for row in rows] == [
        ("everyone.ended", "operator", "everyone"),
        ("user.ended", "operator", _claim(again, "sub")),
        *(("session.ended", "operator", _claim(each, "sid")) for each in (second, first)),
        *(("user.added", "operator", _claim(each, "sub")) for each in (bobs, again)),
    ]
    assert rows[2]["details"] == {"sub": _claim(second, "sub")}


async def test_the_token_of_a_cookie_ends_its_session(front: Front) -> None:
    # Refused alone, the session would give the browser another at its next login page.
    cookie, other = [await front.log_in("alice", cookie=True) for _ in range(2)]
    ran = await front.service.run("revoke", "--token", cookie)
    assert (ran.status, ran.err) == (0, "revoked\n")
    await front.await_refused(cookie)
    assert await front.ask(other) == 200
    sid = _claim(cookie, "sid")
    gone = await front.service.run("revoke", "--session", sid)
    assert (gone.status, gone.out) == (1, "")
    assert gone.err == f"there is no session '{sid}'\n"
    (row,) = json.loads((await front.service.run("audit", "--subject", sid, "--json")).out)
    assert (row["action"], row["actor"]) == ("session.ended", "operator")


async def test_a_refresh_token_ends_its_session(front: Front) -> None:
    body = {"username": "alice", "password": PASSWORD}
    async with front.post("/login", body) as answer:
        given = await answer.json()
    ran = await front.service.run("revoke", "--token", given["refresh_token"])
    assert (ran.status, ran.err) == (0, "revoked\n")
    await front.await_refused(given["access_token"])
    again = await front.service.run("revoke", "--token", given["refresh_token"])
    assert (again.status, again.err) == (1, "the session of this refresh token has ended already\n")


async def test_what_is_not_there_is_not_said_to_be_revoked(tmp_path: Path) -> None:
    header = base64url(b'{"alg":"RS256","typ":"at+jwt","kid":"x"}')
    not_ours = "this is no token or session cookie of this service"
    rows = {
        ("--session", "nothing"): "there is no session 'nothing'",
        ("--session", ""): "there is no session ''",
        ("--user", "nobody"): "there is no user 'nobody'",
        ("--user", "a b"): "there is no user 'a b'",
        ("--token", "x"): not_ours,
        ("--token", f"{header}.e30.AAAA"): not_ours,
        ("--token", "-"): not_ours,
    }
    await sidecar(tmp_path, "key", "list")
    ended = await sidecar_each(tmp_path, *(("revoke", *arguments) for arguments in rows))
    for problem, ran in zip(rows.values(), ended, strict=True):
        assert (ran.status, ran.out, ran.problems) == (1, "", [problem])
    for line, problem in (
        (b"\xff\n", "standard input is not UTF-8"),
        (b"x" * 20_000, "standard input has a line of more than 16384 octets"),
    ):
        ran = await sidecar(tmp_path, "revoke", "--token", "-", stdin=line)
        assert (ran.status, ran.out, ran.problems) == (1, "", [problem])


async def test_what_redis_did_not_take_is_said_beside_it(tmp_path: Path) -> None:
    """The replicas read it from the database, and until then nobody else knows of it."""
    await add_user(tmp_path, "alice")
    settings = {"redis": {"url": f"redis://127.0.0.1:{free_port()}/0"}}
    (tmp_path / "sidecar.yaml").write_text(json.dumps(settings))
    ran = await sidecar(tmp_path, "revoke", "--everyone")
    assert (ran.status, ran.out) == (0, "")
    assert "warning: Redis did not take what was revoked: " in ran.err
    assert ran.problems[-1] == "revoked"
