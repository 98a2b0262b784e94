"""`POST /oauth/token` with a personal token (RFC 8693), and what else is done with one there."""

import logging
from typing import Any

import pytest

from sidecar.core.personal import seal_personal_token
from tests.oauth.programs import Oauth, assert_refused
from tests.web.asked import Asked, ask, bearer, claims_of, locked, rows
from tests.web.test_login_log import lines

pytestmark = pytest.mark.asyncio

GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS = "urn:ietf:params:oauth:token-type:access_token"


async def give(oauth: Oauth, **members: Any) -> tuple[str, str]:
    """Return id and text of a token that alice gives a script."""
    body = {"name": "a", "scopes": ["orders:read", "orders:write"], **members}
    made = await ask(oauth.web, "POST", "/me/tokens", oauth.alice, body)
    assert made.status == 201, made.text
    return made.json["id"], made.json["token"]


def fields(token: str, **more: str) -> dict[str, str]:
    return {
        "grant_type": GRANT, "subject_token": token, "subject_token_type": ACCESS, **more
    }  # fmt: skip


async def exchange(oauth: Oauth, token: str, **more: str) -> Asked:
    return await oauth.grant(fields(token, **more))


async def test_a_personal_token_is_worth_a_short_access_token(oauth: Oauth) -> None:
    token_id, token = await give(oauth)
    answer = await exchange(oauth, token)
    assert answer.status == 200
    given = answer.json
    assert set(given) == {
        *("access_token", "issued_token_type", "token_type", "expires_in", "scope")
    }
    assert (given["issued_token_type"], given["token_type"]) == (ACCESS, "Bearer")
    assert (given["expires_in"], given["scope"]) == (600, "orders:read orders:write")
    assert answer.headers["Cache-Control"] == "no-store"
    claims = claims_of(given["access_token"])
    assert (claims["sid"], claims["amr"], claims["client_id"]) == (token_id, ["pat"], "sidecar")
    assert (claims["preferred_username"], claims["auth_time"]) == ("alice", 0)
    passed = await oauth.verify(given["access_token"])
    assert (passed.status, passed.headers["Remote-User"]) == (200, "alice")
    assert passed.headers["Authorization"] == f"Bearer {given['access_token']}"


async def test_two_exchanges_are_two_tokens(oauth: Oauth) -> None:
    _, token = await give(oauth)
    texts = [(await exchange(oauth, token)).json["access_token"] for _ in range(2)]
    assert len({claims_of(text)["jti"] for text in texts}) == 2


@pytest.mark.parametrize(
    ("asked", "scope"),
    [("orders:read", "orders:read"), ("orders:write orders:read", "orders:read orders:write")],
)
async def test_fewer_scopes_can_be_asked_for(oauth: Oauth, asked: str, scope: str) -> None:
    _, token = await give(oauth)
    given = (await exchange(oauth, token, scope=asked)).json
    assert (given["scope"], claims_of(given["access_token"])["scope"]) == (scope, scope)


@pytest.mark.parametrize("asked", ["reports", "orders:read reports", "*", "orders:read  x"])
async def test_more_scopes_than_the_token_has_are_refused(oauth: Oauth, asked: str) -> None:
    _, token = await give(oauth, scopes=["orders:read"])
    assert_refused(await exchange(oauth, token, scope=asked), 400, "invalid_scope")


async def test_an_exchanged_token_ends_with_the_personal_one(oauth: Oauth) -> None:
    _, token = await give(oauth, expires_in=60)
    assert 0 < (await exchange(oauth, token)).json["expires_in"] <= 60


async def test_an_exchanged_token_that_is_logged_out_again_and_again_is_one_entry(
    oauth: Oauth,
) -> None:
    _, token = await give(oauth)
    exchanged = bearer((await exchange(oauth, token)).json["access_token"])
    for _ in range(3):
        assert (await ask(oauth.web, "POST", "/logout", exchanged)).status == 204
    written = [row for row in await rows(oauth.web) if 'INTO "revocations"' in row]
    assert len(written) == 1


async def test_the_rights_are_those_of_today(oauth: Oauth) -> None:
    _, token = await give(oauth)
    assert (await exchange(oauth, token)).status == 200
    await oauth.web.change_user("alice", roles=("admin",))
    given = (await exchange(oauth, token)).json
    assert given["scope"] == ""
    assert claims_of(given["access_token"])["roles"] == ["admin"]


def unknown() -> str:
    return seal_personal_token(b"o" * 32, bytes(12), bytes(20))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"subject_token": ""}, "invalid_request"),
        ({"subject_token": "x"}, "invalid_request"),
        ({"subject_token": unknown()}, "invalid_request"),
        ({"subject_token": "sidecar_pat_"}, "invalid_request"),
        ({"subject_token": "a" * 20_000}, "invalid_request"),
        ({"subject_token_type": ""}, "invalid_request"),
        ({"subject_token_type": "access_token"}, "invalid_request"),
        ({"subject_token_type": f"{ACCESS[:-12]}refresh_token"}, "invalid_request"),
        ({"subject_token_type": f"{ACCESS[:-12]}jwt"}, "invalid_request"),
        ({"requested_token_type": f"{ACCESS[:-12]}refresh_token"}, "invalid_request"),
        ({"requested_token_type": "x"}, "invalid_request"),
        ({"actor_token": "x", "actor_token_type": ACCESS}, "invalid_request"),
        ({"resource": "https://files.example.com"}, "invalid_target"),
        ({"audience": "files"}, "invalid_target"),
    ],
    ids=ascii,
)
async def test_what_is_no_exchange_is_refused(
    oauth: Oauth, changes: dict[str, str], error: str
) -> None:
    _, token = await give(oauth)
    assert_refused(await oauth.grant({**fields(token), **changes}), 400, error)


async def test_another_kind_of_token_is_not_exchanged(oauth: Oauth) -> None:
    login = await oauth.web.log_in()
    _, token = await give(oauth)
    exchanged = (await exchange(oauth, token)).json["access_token"]
    for text in (login["access_token"], login["refresh_token"], exchanged):
        assert_refused(await exchange(oauth, text), 400, "invalid_request")


async def test_a_token_is_worth_nothing_from_another_network(oauth: Oauth) -> None:
    _, there = await give(oauth, networks=["10.0.0.0/8"])
    _, here = await give(oauth, networks=["127.0.0.1"])
    assert_refused(await exchange(oauth, there), 400, "invalid_request")
    trusted = oauth.web.serving.services.settings.gateway.trusted_proxies
    assert any(str(each) == "127.0.0.0/8" for each in trusted)
    # The peer is a trusted hop, and says nothing of the client: it is not known from where.
    assert_refused(await exchange(oauth, here), 400, "invalid_request")
    client = {"X-Forwarded-For": "10.1.2.3"}
    assert (await oauth.grant(fields(there), client)).status == 200
    assert_refused(await oauth.grant(fields(here), client), 400, "invalid_request")


async def test_what_was_taken_back_is_worth_nothing_nor_is_what_it_was_exchanged_for(
    oauth: Oauth,
) -> None:
    token_id, token = await give(oauth)
    exchanged = (await exchange(oauth, token)).json["access_token"]
    gone = await ask(oauth.web, "DELETE", f"/me/tokens/{token_id}", oauth.alice)
    assert gone.status == 204
    assert_refused(await exchange(oauth, token), 400, "invalid_request")
    (await oauth.verify(exchanged)).assert_problem(401, "revoked_session")


async def test_a_logout_with_an_exchanged_token_ends_that_one_alone(oauth: Oauth) -> None:
    _, token = await give(oauth)
    first, second = [(await exchange(oauth, token)).json["access_token"] for _ in range(2)]
    assert (await ask(oauth.web, "POST", "/logout", bearer(first))).status == 204
    assert (await oauth.verify(first)).status == 401
    assert (await oauth.verify(second)).status == 200
    assert (await oauth.verify(token)).status == 200


async def test_a_script_cannot_log_its_owner_out_everywhere(oauth: Oauth) -> None:
    _, token = await give(oauth)
    exchanged = (await exchange(oauth, token)).json["access_token"]
    body = {"everywhere": True}
    assert (await ask(oauth.web, "POST", "/logout", bearer(exchanged), body)).status == 204
    assert (await oauth.verify(exchanged)).status == 401
    assert (await ask(oauth.web, "GET", "/me", oauth.alice)).status == 200


async def test_while_the_store_is_away_nothing_is_said(oauth: Oauth) -> None:
    _, token = await give(oauth)
    async with locked(oauth.web):
        answer = await exchange(oauth, token)
    answer.assert_problem(503, "unavailable")
    assert answer.headers["Retry-After"] == "2"


async def test_the_log_says_why_and_never_what(
    oauth: Oauth, caplog: pytest.LogCaptureFixture
) -> None:
    token_id, token = await give(oauth)
    await ask(oauth.web, "DELETE", f"/me/tokens/{token_id}", oauth.alice)
    with caplog.at_level(logging.INFO):
        answer = await exchange(oauth, token)
    (told,) = lines(caplog, "grant refused")
    assert (told["reason"], told["cause"]) == ("invalid_request", "revoked_token")
    assert "revoked" not in answer.text
    assert token not in caplog.text


async def test_who_shows_a_personal_token_takes_it_back(oauth: Oauth) -> None:
    token_id, token = await give(oauth)
    _, other = await give(oauth)
    assert (await oauth.verify(token)).status == 200
    unseen = seal_personal_token(b"o" * 32, bytes(12), bytes(20))
    for text in (token, token, unseen, "sidecar_pat_x"):
        assert (await oauth.revoke(text)).status == 200
    (await oauth.verify(token)).assert_problem(401, "revoked_session")
    assert (await oauth.verify(other)).status == 200
    trail = await ask(oauth.web, "GET", f"/audit?subject={token_id}", oauth.root)
    assert [each["action"] for each in trail.json["items"]] == ["token.removed", "token.added"]
    alice = (await ask(oauth.web, "GET", "/me", oauth.alice)).json["id"]
    assert {each["actor"] for each in trail.json["items"]} == {alice}


async def test_a_personal_token_is_introspected_as_its_owner(oauth: Oauth) -> None:
    token_id, token = await give(oauth, scopes=["orders:read"], networks=["10.0.0.0/8"])
    alice = (await ask(oauth.web, "GET", "/me", oauth.alice)).json["id"]
    for caller in (oauth.root, oauth.reports.basic, oauth.files.basic):
        told = await oauth.introspect(token, caller)
        assert told["active"] is True
        assert (told["sub"], told["username"], told["sid"]) == (alice, "alice", token_id)
        assert (told["scope"], told["token_type"]) == ("orders:read", "Bearer")
        assert told["exp"] - told["iat"] == 90 * 86_400
        assert not {"jti", "epoch", "nbf"} & set(told)
    assert await oauth.introspect(token, oauth.elsewhere.basic) == {"active": False}
    assert await oauth.introspect(unknown(), oauth.root) == {"active": False}
    await oauth.revoke(token)
    assert await oauth.introspect(token, oauth.root) == {"active": False}


async def test_a_personal_token_authenticates_nobody_at_these_endpoints(oauth: Oauth) -> None:
    _, token = await give(oauth)
    answer = await oauth.ask("/oauth/introspect", {"token": token}, bearer(token))
    answer.assert_problem(401, "token_type")
