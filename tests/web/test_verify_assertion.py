"""The assertion for the upstream, opened by an independent library from the published keys."""

from typing import Any, Final

import pytest
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError
from joserfc.jwk import KeySet

from sidecar.clock import read_clock
from sidecar.core.claims import TokenKind
from tests.web.conftest import PUBLIC_URL
from tests.web.gated import DIALECTS, HOST, Gated, bearer

pytestmark = pytest.mark.asyncio(loop_scope="module")

ASSERTION: Final = "X-Auth-Assertion"


async def _keys(gated: Gated) -> KeySet:
    async with gated.web.session.get(f"{gated.web.url}/.well-known/jwks.json") as answer:
        return KeySet.import_key_set(await answer.json())


async def _claims(gated: Gated, assertion: str) -> dict[str, Any]:
    token = jwt.decode(assertion, await _keys(gated), algorithms=["RS256"])
    assert token.header.keys() == {"alg", "typ", "kid"}
    assert token.header["typ"] == "assertion+jwt"
    return token.claims


@pytest.mark.parametrize("who", ["alice", "alice's cookie"])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_it_says_who_asks_and_for_which_host(gated: Gated, who: str, dialect: str) -> None:
    answer = await gated.ask(dialect, "/", gated.credentials[who], host=f"{HOST}:8443")
    claims = await _claims(gated, answer.headers[ASSERTION])
    kind = TokenKind.SESSION if who.endswith("cookie") else TokenKind.ACCESS
    shown = gated.opened(gated.tokens[who], kind).claims
    now = read_clock().unix
    assert claims.pop("exp") - claims["iat"] == 60
    assert now - 30 <= claims.pop("iat") == claims.pop("nbf") <= now
    assert claims.pop("jti") != shown.jti
    assert claims == {
        "iss": PUBLIC_URL,
        "aud": HOST,  # the bare host: a text, without the port
        "sub": shown.sub,
        "sid": shown.sid,
        "scope": "",
        "roles": ["staff"],
        "preferred_username": "alice",
        "email": "alice@example.com",
        "name": "Alice",
        "auth_time": shown.auth_time,
        "amr": ["pwd"],
    }


async def test_a_programs_says_nothing_that_only_a_person_has(gated: Gated) -> None:
    answer = await gated.ask("caddy", "/", gated.credentials["program"])
    claims = await _claims(gated, answer.headers[ASSERTION])
    dates = {"exp", "iat", "nbf", "jti"}
    assert {name: value for name, value in claims.items() if name not in dates} == {
        "iss": PUBLIC_URL,
        "aud": HOST,
        "sub": "exporter",
        "scope": "orders:read orders:write",
        "roles": [],
    }


@pytest.mark.parametrize(
    ("host", "aud"),
    [
        ("APP.example.com.", HOST),
        ("a.tools.example.com", "a.tools.example.com"),
        ("[0:0:0:0:0:0:0:1]:80", "[::1]"),
    ],
)
async def test_its_audience_is_the_canonical_host(gated: Gated, host: str, aud: str) -> None:
    answer = await gated.ask("traefik", "/", gated.credentials["alice"], host=host)
    assert (await _claims(gated, answer.headers[ASSERTION]))["aud"] == aud


async def test_where_anyone_may_it_is_there_for_who_is_known(gated: Gated) -> None:
    answer = await gated.ask("traefik", "/public/", gated.credentials["alice"])
    assert (await _claims(gated, answer.headers[ASSERTION]))["preferred_username"] == "alice"


async def test_it_is_sealed_once_for_a_token_and_a_host(gated: Gated) -> None:
    async def ask(token: str, host: str, dialect: str = "traefik") -> str:
        return (await gated.ask(dialect, "/", [bearer(token)], host=host)).headers[ASSERTION]

    one = gated.resealed(TokenKind.ACCESS, jti="one assertion")
    other = gated.resealed(TokenKind.ACCESS, jti="another assertion")
    ring, texts = None, [""]
    while gated.web.serving.gate.ring is not ring:  # one that is read again meanwhile seals anew
        ring = gated.web.serving.gate.ring
        texts = [await ask(one, HOST, dialect) for dialect in ("traefik", "traefik", "nginx")]
    first = texts[0]
    assert texts == [first] * 3
    assert len({first, await ask(one, "a.tools.example.com"), await ask(other, HOST)}) == 3


@pytest.mark.parametrize("left", [2, 10, 59])
async def test_it_does_not_outlive_the_token(gated: Gated, left: int) -> None:
    end = read_clock().unix + left
    token = gated.resealed(TokenKind.ACCESS, jti=f"short {left}", exp=end)
    answer = await gated.ask("traefik", "/", [bearer(token)])
    assert (await _claims(gated, answer.headers[ASSERTION]))["exp"] == end


async def test_the_session_cookie_is_sealed_by_no_published_key(gated: Gated) -> None:
    keys = await _keys(gated)
    jwt.decode(gated.tokens["alice"], keys, algorithms=["RS256"])
    with pytest.raises(InvalidKeyIdError):
        jwt.decode(gated.tokens["alice's cookie"], keys, algorithms=["RS256"])
