"""Programs that ask the OAuth endpoints, and administrators who look after them."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

from sidecar.clients.programs import NewClient
from sidecar.clock import read_clock
from sidecar.core.audit import OPERATOR, Author
from sidecar.web.context import CONTEXT
from tests.web.asked import FORM, Asked, ask, bearer, claims_of
from tests.web.conftest import Web

HOST: Final = "app.example.com"
POLICY: Final[Mapping[str, Any]] = {
    "hosts": {
        HOST: [
            {"path": "/orders/**", "allow": {"scope": ["orders:read"]}},
            {"path": "/admin/**", "allow": {"roles": ["admin"]}},
            {"path": "/**", "allow": "signed-in"},
        ]
    }
}
SETTINGS: Final[Mapping[str, Mapping[str, Any]]] = {
    "tokens": {
        "audience": ["api", "files"],
        "role_scopes": {"staff": ["orders:read", "orders:write"]},
    }
}
SCOPES: Final = ("orders:read", "orders:write", "reports")
BY: Final = Author(OPERATOR)
INACTIVE: Final = {"active": False}

Fields = Mapping[str, str] | Sequence[tuple[str, str]]


def basic(client_id: str, secret: str) -> dict[str, str]:
    """Return the header of client_secret_basic (RFC 6749 section 2.3.1)."""
    pair = f"{quote(client_id, safe='')}:{quote(secret, safe='')}"
    return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


@dataclass(frozen=True, slots=True)
class Program:
    """A program with a secret of its own."""

    client_id: str
    secret: str

    @property
    def basic(self) -> dict[str, str]:
        """What it shows in a header."""
        return basic(self.client_id, self.secret)

    @property
    def post(self) -> dict[str, str]:
        """What it shows in a form."""
        return {"client_id": self.client_id, "client_secret": self.secret}


@dataclass(slots=True)
class Oauth:
    """A service with three programs, an administrator and somebody else."""

    web: Web
    reports: Program  # for all audiences of the deployment, with SCOPES
    files: Program  # for one of them
    elsewhere: Program  # for none of them
    root: dict[str, str]  # the bearer header of an administrator
    alice: dict[str, str]

    async def ask(
        self,
        path: str,
        fields: Fields,
        *headers: Mapping[str, str],
        method: str = "POST",
    ) -> Asked:
        """Send a form."""
        merged = dict(FORM)
        for each in headers:
            merged |= each
        return await ask(self.web, method, path, merged, urlencode(fields))

    async def grant(self, fields: Fields, *headers: Mapping[str, str]) -> Asked:
        """Ask for a token."""
        return await self.ask("/oauth/token", fields, *headers)

    async def log_in(self, program: Program, **more: str) -> str:
        """Return an access token of a program."""
        fields = {"grant_type": "client_credentials", **more}
        answer = await self.grant(fields, program.basic)
        assert answer.status == 200, answer.text
        token: str = answer.json["access_token"]
        return token

    async def introspect(self, token: str, *headers: Mapping[str, str]) -> dict[str, Any]:
        """Return what is told of a token."""
        answer = await self.ask("/oauth/introspect", {"token": token}, *headers)
        assert answer.status == 200, answer.text
        told: dict[str, Any] = answer.json
        return told

    async def revoke(self, token: str, *headers: Mapping[str, str]) -> Asked:
        """Ask for the end of a token."""
        return await self.ask("/oauth/revoke", {"token": token}, *headers)

    async def verify(self, token: str, path: str = "/orders/1") -> Asked:
        """Ask the gate as Traefik does."""
        question = {
            "X-Forwarded-Method": "GET",
            "X-Forwarded-Proto": "http",
            "X-Forwarded-Host": HOST,
            "X-Forwarded-Uri": path,
        }
        return await ask(self.web, "GET", "/verify", question | bearer(token))

    @property
    def client_key(self) -> bytes:
        """What the service seals the secrets of programs with."""
        return self.web.runner.app[CONTEXT].client_key

    async def add(self, name: str, *scopes: str, audience: Sequence[str] | None = None) -> Program:
        """Add a program as an operator does."""
        new = NewClient(name, scopes, None if audience is None else tuple(audience))
        programs = self.web.serving.services.programs
        now = read_clock().unix
        client, secret = await programs.add(new, BY, now, key=self.client_key)
        return Program(client.client_id, secret)


async def make_oauth(web: Web) -> Oauth:
    """Add programs and people to a service that has none."""
    await web.add_user("root", "admin")
    await web.add_user("alice", "staff")
    tokens = {name: (await web.log_in(name))["access_token"] for name in ("root", "alice")}
    nobody = Program("", "")
    oauth = Oauth(web, nobody, nobody, nobody, bearer(tokens["root"]), bearer(tokens["alice"]))
    oauth.reports = await oauth.add("reports", *SCOPES)
    oauth.files = await oauth.add("files", "files:read", audience=["files"])
    oauth.elsewhere = await oauth.add("elsewhere", "x", audience=["https://x.example.com/"])
    return oauth


def assert_refused(answer: Asked, status: int, error: str) -> None:
    """Fail unless this is that refusal as RFC 6749 section 5.2 has it."""
    assert (answer.status, answer.headers["Content-Type"]) == (status, "application/json"), (
        answer.text
    )
    members = answer.json
    assert members["error"] == error
    assert set(members) == {"error", "error_description"}
    # The characters of section 5.2.
    assert all(" " <= each <= "~" and each not in '"\\' for each in members["error_description"])
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Request-Id"]
    challenge = answer.headers.get("WWW-Authenticate", "")
    assert challenge.startswith("Basic ") is (error == "invalid_client")


async def manage(
    oauth: Oauth, method: str, path: str, body: object = None, **headers: str
) -> Asked:
    """Ask as an administrator; `If_Match` is a header."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await ask(oauth.web, method, path, oauth.root | named, body)


def path_of(program: Program) -> str:
    """Return where an administrator finds a program."""
    return f"/clients/{program.client_id}"


async def read_client(oauth: Oauth, program: Program) -> dict[str, Any]:
    """Return a program as an administrator sees it."""
    answer = await manage(oauth, "GET", path_of(program))
    assert answer.status == 200
    members: dict[str, Any] = answer.json
    return members


def told_of(token: str) -> dict[str, Any]:
    """Return what is told of an access token: its claims, but for what means nothing to others."""
    claims = claims_of(token)
    del claims["epoch"]
    return {"active": True, "token_type": "Bearer", **claims}


async def log_in_refresh(oauth: Oauth) -> str:
    """Return a refresh token of alice."""
    token: str = (await oauth.web.log_in())["refresh_token"]
    return token


def refresh_with(token: str, **more: str) -> dict[str, str]:
    """Return the form of a refresh."""
    return {"grant_type": "refresh_token", "refresh_token": token, **more}
