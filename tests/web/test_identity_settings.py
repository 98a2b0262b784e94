"""`identity`: upstreams are told who asks in the headers, and by the assertion, of the settings."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sidecar.core.keyring import KeyRing
from tests.web.asked import Asked, ask, bearer, claims_of
from tests.web.conftest import Web, serving_web
from tests.web.gated import IDENTITY

pytestmark = pytest.mark.asyncio

QUESTION = {
    "X-Forwarded-Method": "GET",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Host": "app.example.com",
    "X-Forwarded-Uri": "/orders",
}


async def let_in(web: Web, **headers: str) -> Asked:
    """Return the answer about alice, who is let in."""
    await web.add_user("alice", "staff")
    token = (await web.log_in())["access_token"]
    answer = await ask(web, "GET", "/verify", QUESTION | bearer(token) | headers)
    assert answer.status == 200
    return answer


async def test_every_part_has_the_header_that_the_settings_name(tmp_path: Path) -> None:
    names = {key: f"X-Who-{key}" for key in ("user", "name", "email", "groups", "subject", "scope")}
    settings: dict[str, Any] = {
        "identity": {"headers": names, "assertion": {"header": "X-Proof"}},
        "tokens": {"role_scopes": {"staff": ["orders"]}},
    }
    async with serving_web(tmp_path, settings) as web:
        answer = await let_in(web)
    told = {key: answer.headers.getall(name) for key, name in names.items()}
    assert told.pop("subject") == [claims_of(answer.headers["X-Proof"])["sub"]]
    assert told == {
        "user": ["alice"],
        "name": ["Alice"],
        "email": ["alice@example.com"],
        "groups": ["staff"],
        "scope": ["orders"],
    }
    assert [name for name in IDENTITY if name in answer.headers] == []


@pytest.mark.parametrize(("enabled", "status"), [(True, 503), (False, 200)])
async def test_an_assertion_that_is_switched_off_is_not_sealed_and_its_header_is_empty(
    tmp_path: Path, *, enabled: bool, status: int
) -> None:
    settings: dict[str, Any] = {"identity": {"assertion": {"enabled": enabled}}}
    async with serving_web(tmp_path, settings) as web:
        answer = await let_in(web)
        # Sent all the same: what a client writes there is replaced by nothing.
        (assertion,) = answer.headers.getall("X-Auth-Assertion")
        assert (assertion != "") is enabled
        token = (await web.log_in())["access_token"]
        gate = web.serving.gate
        keys = [replace(key, sign_until=key.not_before) for key in gate.ring.keys.values()]
        gate.ring = KeyRing.of(keys)  # nothing can be sealed any more
        question = QUESTION | bearer(token)
        assert (await ask(web, "GET", "/verify", question)).status == status


@pytest.mark.parametrize("ttl", [10, 3600])
async def test_an_assertion_lives_as_long_as_the_settings_say(tmp_path: Path, ttl: int) -> None:
    settings: dict[str, Any] = {
        "identity": {"assertion": {"ttl": f"{ttl}s"}},
        "tokens": {"access_ttl": "2h"},
    }
    async with serving_web(tmp_path, settings) as web:
        claims = claims_of((await let_in(web)).headers["X-Auth-Assertion"])
    assert claims["exp"] - claims["iat"] == ttl


@pytest.mark.parametrize(
    ("handling", "cookie"),
    [("strip", "a=1; b=2"), ("keep", "a=1; __Host-sidecar=x; b=2")],
)
async def test_our_cookie_goes_on_only_where_the_settings_keep_it(
    tmp_path: Path, handling: str, cookie: str
) -> None:
    async with serving_web(tmp_path, {"identity": {"cookie": handling}}) as web:
        answer = await let_in(web, Cookie="a=1; __Host-sidecar=x; b=2")
    assert answer.headers.getall("Cookie") == [cookie]
