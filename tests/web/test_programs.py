"""A program's token at our own endpoints: it is good, but of nobody who has an account."""

import json
from typing import Any

import pytest

from sidecar.clock import read_clock
from sidecar.core.claims import TokenKind
from sidecar.core.keyring import Purpose
from sidecar.core.token import seal_token
from tests.core.forge import make_program_claims
from tests.web.asked import JSON, ask, bearer
from tests.web.conftest import Web

pytestmark = pytest.mark.asyncio

QUESTION = {
    "X-Forwarded-Method": "GET",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Host": "app.example.com",
    "X-Forwarded-Uri": "/orders",
}


def seal_program(web: Web, jti: str = "j-1", **changes: Any) -> str:
    """Return a program's token, sealed by the service's own key."""
    now = read_clock().unix
    gate = web.serving.gate
    key = gate.ring.find_signing_key(Purpose.TOKEN, now)
    assert key is not None
    claims = make_program_claims()._replace(
        iss=gate.issuer,
        iat=now,
        nbf=now,
        exp=now + 60,
        jti=jti,
        **changes,
    )
    return seal_token(claims, TokenKind.ACCESS, key)


async def is_let_in(web: Web, token: str) -> bool:
    """Say whether the gate lets a program's token in."""
    answer = await ask(web, "GET", "/verify", QUESTION | bearer(token))
    assert answer.status in {200, 401}
    return answer.status == 200


async def test_a_program_has_no_account_of_its_own(served: Web) -> None:
    token = seal_program(served)
    assert await is_let_in(served, token)
    answer = await ask(served, "GET", "/me", bearer(token))
    answer.assert_problem(403, "user_not_listed")
    assert "WWW-Authenticate" not in answer.headers
    # Nor that of a person who is called like it.
    await served.add_user("c-1")
    (await ask(served, "GET", "/me", bearer(token))).assert_problem(403, "user_not_listed")


@pytest.mark.parametrize("body", [None, {}, {"everywhere": True}], ids=["empty", "plain", "all"])
async def test_a_logout_ends_the_token_that_was_shown_and_no_other(
    served: Web, body: dict[str, object] | None
) -> None:
    shown, other = seal_program(served, "j-1"), seal_program(served, "j-2")
    octets = None if body is None else json.dumps(body).encode()
    headers = bearer(shown) | ({} if body is None else JSON)
    assert (await ask(served, "POST", "/logout", headers, octets)).status == 204
    assert not await is_let_in(served, shown)
    assert await is_let_in(served, other)
    assert (await ask(served, "POST", "/logout", headers, octets)).status == 204


async def test_the_logout_of_a_program_called_like_a_user_ends_nothing_of_theirs(
    served: Web,
) -> None:
    user = await served.add_user()
    tokens = await served.log_in()
    token = seal_program(served, sub=user.id, client_id=user.id)
    headers = bearer(token) | JSON
    answer = await ask(served, "POST", "/logout", headers, b'{"everywhere": true}')
    assert answer.status == 204
    assert not await is_let_in(served, token)
    assert (await ask(served, "GET", "/me", bearer(tokens["access_token"]))).status == 200
