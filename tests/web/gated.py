"""People who are logged in, and the questions that gateways ask about their requests.

Questions go out octet by octet: what an HTTP client would refuse to send is what an attacker sends.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from multidict import CIMultiDict

from sidecar.clock import read_clock
from sidecar.core.claims import Claims, TokenKind
from sidecar.core.keyring import Key, Purpose
from sidecar.core.token import PURPOSES, VerifiedToken, seal_token
from sidecar.gate import Credential
from tests.core.forge import generate_key, make_key

if TYPE_CHECKING:
    from tests.web.conftest import Web

HOST: Final = "app.example.com"
COOKIE: Final = "__Host-sidecar"
IDENTITY: Final = (
    "Remote-User",
    "Remote-Name",
    "Remote-Email",
    "Remote-Groups",
    "X-Auth-Subject",
    "X-Auth-Scope",
    "X-Auth-Assertion",
)
GATE_POLICY: Final[Mapping[str, Any]] = {
    "hosts": {
        HOST: [
            {"path": "/public/**", "allow": "anyone"},
            {"path": "/admin/**", "allow": {"roles": ["admin", "ops"]}},
            {"path": "/**", "allow": "signed-in"},
        ],
        "api.example.com": [{"path": "/open/**", "allow": "anyone"}],
        "*.tools.example.com": [{"path": "/**", "allow": "signed-in"}],
        "[::1]": [{"path": "/**", "allow": "anyone"}],
    }
}
NAVIGATION: Final = (("Sec-Fetch-Mode", "navigate"), ("Accept", "text/html,*/*;q=0.8"))
DIALECTS: Final = ("nginx", "traefik")

Line = tuple[str, str | bytes]
Lines = Sequence[Line]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: CIMultiDict[str]
    body: bytes

    @property
    def reason(self) -> str | None:
        """The machine word of a refusal."""
        if not self.body:
            return None
        members = json.loads(self.body)
        assert members["status"] == self.status
        assert members["request_id"] == self.headers["X-Request-Id"]
        reason: str = members["reason"]
        return reason

    def assert_tells_nobody(self) -> None:
        """Fail where a refusal carries what Traefik and Caddy would show the client."""
        carried = [name for name in (*IDENTITY, "Cookie", "Set-Cookie") if name in self.headers]
        assert carried == []
        assert self.headers.getall("Cache-Control") == ["no-store"]
        assert len(self.headers.getall("X-Request-Id")) == 1


def asked(
    dialect: str,
    target: str | bytes = "/",
    *,
    method: str = "GET",
    scheme: str = "http",
    host: str = HOST,
) -> list[Line]:
    """Return the header lines of a question in this dialect."""
    target = target.encode() if isinstance(target, str) else target
    if dialect == "nginx":
        url = f"{scheme}://{host}".encode() + target
        return [("X-Original-Method", method), ("X-Original-URL", url)]
    return [
        ("X-Forwarded-Method", method),
        ("X-Forwarded-Proto", scheme),
        ("X-Forwarded-Host", host),
        ("X-Forwarded-Uri", target),
    ]


async def send(
    address: int | Path, lines: Lines, path: str = "/verify", method: str = "GET"
) -> Answer:
    """Return the answer to exactly these header lines, of a local port or a Unix socket."""
    head = f"{method} {path} HTTP/1.1\r\nHost: sidecar\r\nConnection: close\r\n".encode()
    for name, value in lines:
        head += name.encode() + b": " + (value.encode() if isinstance(value, str) else value)
        head += b"\r\n"
    if isinstance(address, Path):
        reader, writer = await asyncio.open_unix_connection(address)
    else:
        reader, writer = await asyncio.open_connection("127.0.0.1", address)
    try:
        writer.write(head + b"\r\n")
        await writer.drain()
        async with asyncio.timeout(10):
            answer = await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()
    return parse_answer(answer)


def parse_answer(octets: bytes) -> Answer:
    head, _, body = octets.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = CIMultiDict[str]()
    for line in lines:
        name, _, value = line.partition(": ")
        headers.add(name, value)
    return Answer(int(status.split(" ")[1]), headers, body)


def bearer(token: str) -> Line:
    return ("Authorization", f"Bearer {token}")


def cookie(token: str) -> Line:
    return ("Cookie", f"{COOKIE}={token}")


@dataclass(frozen=True, slots=True)
class Gated:
    """A running service, and a named list of what can stand in for a credential."""

    web: "Web"
    credentials: Mapping[str, Lines]
    tokens: Mapping[str, str]

    async def ask(
        self, dialect: str, target: str | bytes = "/", lines: Lines = (), **said: str
    ) -> Answer:
        """Ask at the dialect's own endpoint."""
        question = [*asked(dialect, target, **said), *lines]
        return await send(self.web.port, question, f"/verify/{dialect}")

    def opened(self, token: str, kind: TokenKind = TokenKind.ACCESS) -> VerifiedToken:
        """Return what a token of this service says."""
        opened = self.web.serving.gate.open_credential(Credential(kind, token))
        assert isinstance(opened, VerifiedToken)
        return opened

    def resealed(self, kind: TokenKind, /, **changes: object) -> str:
        """Return alice's token with other claims, sealed by the service's own key."""
        ring = self.web.serving.gate.ring
        key = ring.find_signing_key(PURPOSES[kind], read_clock().unix)
        assert key is not None
        return self.sealed_by(key, kind, changes)

    def sealed_by(self, key: Key, kind: TokenKind, changes: Mapping[str, object]) -> str:
        """Return alice's token with other claims, sealed by `key`."""
        claims: Claims = self.opened(self.tokens["alice"]).claims
        aud = (self.web.serving.gate.issuer,) if kind is TokenKind.SESSION else claims.aud
        changed = {"aud": aud, **changes}
        return seal_token(replace(claims, **changed), kind, key)  # type: ignore[arg-type]  # rows differ


async def gate_people(web: "Web") -> Gated:
    """Log alice, who has no admin role, and root in; and name what a client may try."""
    await web.add_user("alice", "staff")
    await web.add_user("root", "admin", "staff")
    tokens = {name: (await web.log_in(name))["access_token"] for name in ("alice", "root")}
    for name in ("alice", "root"):
        tokens[f"{name}'s cookie"] = (await web.log_in_cookie(name)).partition("=")[2]
    tokens["revoked"] = (await web.log_in())["access_token"]
    tokens["revoked cookie"] = (await web.log_in_cookie()).partition("=")[2]
    for line in (bearer(tokens["revoked"]), cookie(tokens["revoked cookie"])):
        headers = {line[0]: str(line[1])}
        async with web.session.post(f"{web.url}/logout", headers=headers) as answer:
            assert answer.status == 204
    people = Gated(web, {}, tokens)
    now = read_clock().unix
    over = {"iat": now - 20, "nbf": now - 20, "auth_time": now - 20, "exp": now}
    tokens["expired"] = people.resealed(TokenKind.ACCESS, **over)
    tokens["expired cookie"] = people.resealed(TokenKind.SESSION, **over)
    foreign = make_key(generate_key(), Purpose.TOKEN, begin=now - 1)
    tokens["foreign"] = people.sealed_by(foreign, TokenKind.ACCESS, {})
    credentials: dict[str, Lines] = {
        name: [cookie(token) if name.endswith("cookie") else bearer(token)]
        for name, token in tokens.items()
    }
    credentials |= {
        "nobody": [],
        "garbage": [bearer("garbage")],
        "no token": [("Authorization", "Bearer")],
        "two words": [("Authorization", "Bearer a b")],
        "two bearers": [bearer(tokens["alice"]), bearer(tokens["root"])],
        "two cookies": [cookie(tokens["alice's cookie"]), cookie(tokens["root's cookie"])],
        "basic": [("Authorization", "Basic YWxpY2U6cGFzc3dvcmQ=")],
    }
    return replace(people, credentials=credentials)
