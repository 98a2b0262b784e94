"""People who are logged in, and the questions that gateways ask about their requests.

Questions go out octet by octet: what an HTTP client would refuse to send is what an attacker sends.
"""

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from multidict import CIMultiDict

from sidecar.clock import read_clock
from sidecar.core.claims import Claims, TokenKind
from sidecar.core.keyring import Key, Purpose
from sidecar.core.token import PURPOSES, VerifiedToken, seal_token
from sidecar.credentials.opening import Credential
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
            {"path": "/mine/**", "allow": {"users": ["root"]}},
            {"path": "/inside/**", "allow": {"networks": ["10.0.0.0/8"]}},
            {"path": "/scoped/**", "allow": {"scope": ["orders:read", "orders:write"]}},
            {"path": "/recent/**", "allow": {"max_age": "15m"}},
            {"path": "/strong/**", "allow": {"amr": ["otp", "hwk"]}},
            {"path": "/vault/**", "allow": {"roles": ["staff"], "max_age": "15m", "amr": ["otp"]}},
            {"path": "/shared/**", "allow": "preflight"},
            {"path": "/**", "allow": "signed-in"},
        ],
        "api.example.com": [{"path": "/open/**", "allow": "anyone"}],
        "*.tools.example.com": [{"path": "/**", "allow": "signed-in"}],
        "[::1]": [{"path": "/**", "allow": "anyone"}],
    }
}
RECENT: Final = 900  # seconds that a login may lie back for /recent/
# The claims of a client, which has no session, no login and no name but its `client_id`.
PROGRAM: Final[Mapping[str, Any]] = dict.fromkeys(
    ("sid", "preferred_username", "email", "name", "auth_time", "amr")
) | {"sub": "exporter", "client_id": "exporter", "roles": (), "scope": "orders:read orders:write"}
NAVIGATION: Final = (("Sec-Fetch-Mode", "navigate"), ("Accept", "text/html,*/*;q=0.8"))
DIALECTS: Final = ("nginx", "traefik", "caddy", "haproxy", "envoy")
PARAMETRIC: Final = DIALECTS[:-1]  # Envoy's query is the client's, it reads no parameter of ours
MALFORMED: Final = dict.fromkeys(DIALECTS, 400) | {"nginx": 403}  # of a question that is none

# For suites that must hold whatever way a question takes (tests/web/test_lane.py compares them).
BOTH_WAYS: Final = pytest.mark.parametrize("gated", ["auto", "off"], indirect=True, scope="module")

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
        if self.headers["Content-Type"].startswith("text/html"):  # the page for a person
            told = re.search(rb"Request id: (\S+) \((\w+)\)", self.body)
            assert told is not None
            assert told[1].decode() == self.headers["X-Request-Id"]
            return told[2].decode()
        members = json.loads(self.body)
        assert members["status"] == self.status
        assert members["request_id"] == self.headers["X-Request-Id"]
        return str(members["reason"])

    def assert_tells_nobody(self) -> None:
        """Fail where a refusal carries what Traefik and Caddy would show the client."""
        carried = [name for name in (*IDENTITY, "Cookie") if name in self.headers]
        assert carried == []
        # A browser may be told to forget cookies of ours, and no more than that.
        for line in self.headers.getall("Set-Cookie", []):
            assert self.reason == "two_credentials"
            assert re.match(r'__(Host|Secure)-sidecar=""; .*Max-Age=0', line)
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
    """Return the header lines of a question in this dialect.

    What Envoy says in the request line itself stands under the names that HTTP/2 has for it.
    """
    target = target.encode() if isinstance(target, str) else target
    if dialect == "nginx":
        url = f"{scheme}://{host}".encode() + target
        return [("X-Original-Method", method), ("X-Original-URL", url)]
    if dialect == "envoy":
        line: list[Line] = [(":method", method), (":path", target)]
        return [*line, ("Host", host), ("X-Forwarded-Proto", scheme)]
    return [
        ("X-Forwarded-Method", method),
        ("X-Forwarded-Proto", scheme),
        ("X-Forwarded-Host", host),
        ("X-Forwarded-Uri", target),
    ]


async def send(
    address: int | Path, lines: Lines, path: str = "/verify", method: str = "GET"
) -> Answer:
    """Return the answer to exactly these header lines, of a local port or a Unix socket.

    A `:method` is the method instead, a `:path` stands behind the path.
    """
    start = {":method": method.encode(), ":path": b""}
    head = b"Connection: close\r\n"
    for name, value in lines:
        octets = value.encode() if isinstance(value, str) else value
        if name in start:
            start[name] = octets
        else:
            head += name.encode() + b": " + octets + b"\r\n"
    if not any(name in {":path", "Host"} for name, _ in lines):
        head = b"Host: sidecar\r\n" + head
    head = start[":method"] + b" " + path.encode() + start[":path"] + b" HTTP/1.1\r\n" + head
    if isinstance(address, Path):
        reader, writer = await asyncio.open_unix_connection(address)
    else:
        reader, writer = await asyncio.open_connection("127.0.0.1", address)
    try:
        writer.write(head + b"\r\n")
        await writer.drain()
        answer = await asyncio.wait_for(reader.read(), 10)
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
        return seal_token(claims._replace(**changed), kind, key)  # type: ignore[arg-type]  # rows differ


async def gate_people(web: "Web") -> Gated:
    """Log alice, who has no admin role, and root in; and name what a client may try."""
    await web.add_user("alice", "staff")
    await web.add_user("root", "admin", "staff")
    tokens = {name: (await web.log_in(name))["access_token"] for name in ("alice", "root")}
    for name in list(tokens):
        tokens[f"{name}'s cookie"] = (await web.log_in_cookie(name)).partition("=")[2]
    tokens["revoked"] = (await web.log_in())["access_token"]
    tokens["revoked cookie"] = (await web.log_in_cookie()).partition("=")[2]
    for name, value in (bearer(tokens["revoked"]), cookie(tokens["revoked cookie"])):
        async with web.session.post(f"{web.url}/logout", headers={name: str(value)}) as answer:
            assert answer.status == 204
    people = Gated(web, {}, tokens)
    now = read_clock().unix
    old, otp = {"auth_time": now - RECENT - 1}, {"amr": ("pwd", "otp")}
    sealed: dict[str, Mapping[str, Any]] = {
        "expired": {"iat": now - 20, "nbf": now - 20, "auth_time": now - 20, "exp": now},
        "stale": old,
        "otp": otp,
        "stale otp": {**old, **otp},
        "half scoped": {"scope": "orders:read"},
        "scoped": {"scope": "a orders:read orders:write"},
        "program": PROGRAM,
    }
    for name, changes in sealed.items():
        for kind, who in ((TokenKind.ACCESS, name), (TokenKind.SESSION, f"{name} cookie")):
            tokens[who] = people.resealed(kind, jti=who, **changes)
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
