"""Clients that log in, refresh, call and log out through a gateway, and what was wrong about it."""

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from math import inf
from typing import Any, Final, NamedTuple

from aiohttp import ClientSession
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from tests.faults.replicas import BELOW, HOST
from tests.programs.service import PASSWORD
from tests.programs.upstream import header_values
from tests.web.asked import claims_of

PAUSE: Final = 0.25  # seconds between two calls of a client, on average
LOGINS: Final = 2  # at once: each costs a password hash
BOUND: Final = 1.0  # seconds from the acknowledgement of a logout to the last call that may pass


@dataclass(slots=True)
class Tally:
    """What was done, and everything that should not have been, with the id of its request.

    `late` are the seconds from each acknowledgement of a logout until the last call behind it that
    passed was sent.
    """

    done: Counter[str] = field(default_factory=Counter)
    wrong: list[tuple[str, str]] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    kids: set[str] = field(default_factory=set)

    def expect(self, what: str, who: str, answer: "Answer", status: int) -> None:
        """Count what was done; note it where it went otherwise than it should have."""
        self.done[what] += 1
        if answer.status != status:
            text = f"{time.monotonic():.2f} {what} of {who}: {answer.status}"
            self.wrong.append((text, answer.request_id))


class Answer(NamedTuple):
    """What came back: `members` is the JSON of a 200, `cookie` the session cookie that was set."""

    status: int
    request_id: str
    members: Any
    cookie: str


class Gateway:
    """What a client sends goes to nginx; where the service answers by itself, below `/auth`."""

    def __init__(self, session: ClientSession, url: str, tally: Tally) -> None:
        self.tally = tally
        self.logins = asyncio.Semaphore(LOGINS)
        self._session = session
        self._url = url
        self._keys: KeySet | None = None

    async def send(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """Return what came back."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        host = f"{HOST}:{self._url.rpartition(':')[2]}"
        async with self._session.request(
            method, f"{self._url}{path}", json=body, headers={"Host": host, **sent}
        ) as answer:
            members = await answer.json() if answer.status == 200 else None
            await answer.read()
            return Answer(
                answer.status,
                answer.headers.get("X-Request-Id", ""),
                members,
                answer.headers.get("Set-Cookie", "").partition(";")[0],
            )

    async def verify(self, name: str, token: str) -> None:
        """Verify a token as any service does: a `kid` that is new has the key set read again."""
        for keys in (self._keys, None):
            if keys is None:
                published = await self.send("GET", f"{BELOW}/.well-known/jwks.json")
                self._keys = KeySet.import_key_set(published.members)
            assert self._keys is not None
            try:
                header = jwt.decode(token, self._keys, algorithms=["RS256"]).header
            except JoseError:
                continue
            self.tally.kids.add(str(header["kid"]))
            return
        self.tally.wrong.append((f"token of {name}: no published key", ""))


class Client:
    """Somebody with one session: by bearer tokens, or by a cookie."""

    def __init__(
        self, gateway: Gateway, name: str, *, by_cookie: bool, refresh_every: float
    ) -> None:
        self._gateway = gateway
        self._tally = gateway.tally
        self._name = name
        self._by_cookie = by_cookie
        self._refresh_every = refresh_every
        self._credential: dict[str, str] = {}
        self._refresh_token = ""
        self._got_at = 0.0
        self._expires = inf  # the Unix second; a cookie's is far off
        self._ended: dict[str, str] | None = None

    async def live(self, logouts: asyncio.Queue[None]) -> None:
        """Go on for ever; whoever takes an item of `logouts` ends their session."""
        while True:
            await asyncio.sleep(random.uniform(0.5, 1.5) * PAUSE)  # noqa: S311 - no secret
            if not self._by_cookie and time.monotonic() - self._got_at > self._refresh_every:
                await self._refresh()
            await self._call()
            if not logouts.empty():
                logouts.get_nowait()
                await self._log_out()
                await self.log_in()

    async def log_in(self) -> None:
        """Open a session."""
        body = {"username": self._name, "password": PASSWORD}
        async with self._gateway.logins:
            answer = await self._gateway.send(
                "POST", f"{BELOW}/login", {**body, "cookie": True} if self._by_cookie else body
            )
        self._tally.expect("login", self._name, answer, 200)
        if self._by_cookie:
            self._credential = {"Cookie": answer.cookie}
        elif answer.status == 200:
            await self._take(answer.members)

    async def _take(self, members: dict[str, Any]) -> None:
        token = members["access_token"]
        self._got_at = time.monotonic()
        self._expires = claims_of(token)["exp"]
        self._credential = {"Authorization": f"Bearer {token}"}
        self._refresh_token = members["refresh_token"]
        await self._gateway.verify(self._name, token)

    async def _call(self) -> None:
        asked_at = time.time()
        answer = await self._gateway.send("GET", "/orders", **self._credential)
        if asked_at >= self._expires:  # where the machine held us up since the refresh
            self._tally.expect("call too late", self._name, answer, 401)
        elif answer.status != 401 or time.time() < self._expires:
            self._tally.expect("call", self._name, answer, 200)
        if answer.status == 200 and header_values(answer.members, "Remote-User") != [self._name]:
            self._tally.wrong.append(
                (f"{self._name} was taken for somebody else", answer.request_id)
            )
        if self._ended is not None:
            answer = await self._gateway.send("GET", "/orders", **self._ended)
            self._tally.expect("call behind a logout", self._name, answer, 401)

    async def _refresh(self) -> None:
        body = {"refresh_token": self._refresh_token}
        answer = await self._gateway.send("POST", f"{BELOW}/refresh", body)
        self._tally.expect("refresh", self._name, answer, 200)
        if answer.status == 200:
            await self._take(answer.members)

    async def _log_out(self) -> None:
        """Log out, and call on until the gate refuses."""
        self._ended = self._credential
        answer = await self._gateway.send(
            "POST", f"{BELOW}/logout", {}, **self._ended, Sec_Fetch_Site="same-origin"
        )
        since = time.monotonic()
        self._tally.expect("logout", self._name, answer, 204)
        latest = sent = since
        while answer.status != 401 and sent - since < 2 * BOUND:
            sent = time.monotonic()
            answer = await self._gateway.send("GET", "/orders", **self._ended)
            latest = sent if answer.status == 200 else latest
        self._tally.expect("refusal", self._name, answer, 401)
        self._tally.late.append(latest - since)
        if self._refresh_token:
            body = {"refresh_token": self._refresh_token}
            answer = await self._gateway.send("POST", f"{BELOW}/refresh", body)
            self._tally.expect("refresh behind a logout", self._name, answer, 401)
