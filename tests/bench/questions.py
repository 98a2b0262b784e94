"""The questions that are asked: whole requests as Traefik sends them, and the policy behind them.

The names are those of the contract (DESIGN.md, section 5), not of the code that keeps it.
"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe
from typing import Final

from sidecar.clock import read_clock
from sidecar.core.claims import Claims, TokenKind
from sidecar.core.keyring import Key, KeyRing, Purpose
from sidecar.core.token import seal_token
from sidecar.sources.keyfiles import read_keys

ISSUER: Final = "https://auth.example.com"
AUDIENCE: Final = "api"
HOST: Final = "app.example.com"
TTL: Final = 3600  # seconds; longer than any run
PEOPLE: Final = 1000
PATHS: Final = 1000
TURNS: Final = 10  # paths that each credential meets
STEP: Final = 11  # places from one path of a credential to the next

AREAS: Final = (
    *("orders", "users", "carts", "items", "stock", "rates", "mails", "files", "jobs", "teams"),
    *("plans", "bills", "trips", "rooms", "cars", "books", "notes", "tasks", "chats", "calls"),
    *("sites", "forms", "polls", "maps"),
)
# A hundred rules.
POLICY: Final = {
    "hosts": {
        HOST: [
            {"path": "/public/**", "allow": "anyone"},
            {"path": "/admin/**", "allow": {"roles": ["admin"]}},
            {"path": "/metrics", "allow": {"roles": ["ops"]}},
            *({"path": f"/api/{area}/*/audit", "allow": {"roles": ["ops"]}} for area in AREAS),
            *({"path": f"/api/{area}/*/close", "allow": {"roles": ["lead"]}} for area in AREAS),
            *({"path": f"/api/{area}/export", "allow": {"scope": ["export"]}} for area in AREAS),
            *({"path": f"/api/{area}/**", "allow": {"roles": ["ops", "staff"]}} for area in AREAS),
            {"path": "/**", "allow": "signed-in"},
        ]
    }
}

PLAIN: Final = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Sealer:
    """Seals tokens with the keys of a service, so that nobody has to log in a thousand times."""

    ring: KeyRing

    @classmethod
    def of(cls, directory: Path) -> "Sealer":
        """Read the keys that the service made."""
        files = [(file, file.dates) for file in read_keys(directory)]
        return cls(KeyRing.of(file.with_dates(dates) for file, dates in files if dates))

    def bearer(self, number: int) -> str:
        """Return the header line of a new access token."""
        return f"Authorization: Bearer {self.access(number)}"

    def access(self, number: int, *, ago: int = 0) -> str:
        """Return a new access token that was issued so many seconds ago."""
        return self._seal(TokenKind.ACCESS, Purpose.TOKEN, AUDIENCE, number, ago)

    def cookie(self, number: int) -> str:
        """Return the header line of a new session cookie among others."""
        sealed = self._seal(TokenKind.SESSION, Purpose.COOKIE, ISSUER, number)
        return f"Cookie: theme=dark; __Host-sidecar={sealed}; lang=en"

    def find_key(self) -> Key:
        """Return the key that signs access tokens."""
        return self._find_key(Purpose.TOKEN)

    def _find_key(self, purpose: Purpose) -> Key:
        key = self.ring.find_signing_key(purpose, read_clock().unix)
        assert key is not None
        return key

    def _seal(
        self, kind: TokenKind, purpose: Purpose, audience: str, number: int, ago: int = 0
    ) -> str:
        now = read_clock().unix - ago
        claims = Claims(
            iss=ISSUER,
            sub=f"01J{number:023d}",
            aud=(audience,),
            exp=now + TTL,
            iat=now,
            nbf=now,
            jti=token_urlsafe(16),
            sid=token_urlsafe(16),
            client_id="sidecar",
            scope="orders:read orders:write",
            roles=("staff", "support"),
            preferred_username=f"person{number}",
            email=f"person{number}@example.com",
            name=f"Person Number {number}",
            auth_time=now,
            amr=("pwd",),
        )
        return seal_token(claims, kind, self._find_key(purpose))


def render(number: int, place: int, *credential: str) -> bytes:
    """Return the request of one person for one path of the one host."""
    return render_at(HOST, number, place, *credential)


def render_at(host: str, number: int, place: int, *credential: str) -> bytes:
    """Return the request of one person for one path of a host.

    Ten headers are the proxy's and the client's, one is Go's.
    """
    place %= PATHS
    address = f"203.0.113.{number % 250 + 1}"
    lines = (
        "GET /verify/traefik HTTP/1.1",
        "Host: 127.0.0.1",
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "Accept: application/json",
        *credential,
        f"X-Forwarded-For: {address}",
        f"X-Forwarded-Host: {host}",
        "X-Forwarded-Method: GET",
        "X-Forwarded-Port: 443",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Server: gateway-7d9f8",
        f"X-Forwarded-Uri: /api/{AREAS[place % len(AREAS)]}/{place}/lines?page={place}",
        f"X-Real-Ip: {address}",
        "Accept-Encoding: gzip",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def render_each(first: int, credentials: Iterable[str]) -> Iterator[bytes]:
    """Yield one request for each credential; the people are numbered from `first`."""
    for number, credential in enumerate(credentials, first):
        yield render(number, number, credential)


def render_mixed(credentials: Iterable[str]) -> Iterator[bytes]:
    """Yield requests in which each credential meets `TURNS` paths, never the same twice."""
    numbered = list(enumerate(credentials))
    for turn, (number, credential) in itertools.product(range(TURNS), numbered):
        yield render(number, number + STEP * turn, credential)


def render_nobody() -> Iterator[bytes]:
    """Yield one request without a credential for each path."""
    for place in range(PATHS):
        yield render(place, place)
