"""What a client and the upstream see through a real gateway, for each outcome of the gate."""

from urllib.parse import quote

import pytest
from aiohttp import ClientSession
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.gateways.conftest import HOST, Guarded
from tests.programs.upstream import header_values

IDENTITY = (
    "Remote-User",
    "Remote-Name",
    "Remote-Email",
    "Remote-Groups",
    "X-Auth-Subject",
    "X-Auth-Scope",
    "X-Auth-Assertion",
)
NAVIGATION = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Sec-Fetch-Mode": "navigate"}

pytestmark = pytest.mark.asyncio


async def test_a_good_token_reaches_the_upstream_with_identity(guarded: Guarded) -> None:
    token = await guarded.log_in()
    status, _ = await guarded.ask("/orders?x=1", {"Authorization": f"Bearer {token}"})
    assert status == 200
    received = guarded.upstream.received[-1]
    assert received["target"] == "/orders?x=1"
    assert header_values(received, "Remote-User") == ["alice"]
    assert header_values(received, "Remote-Email") == ["alice@example.com"]
    assert header_values(received, "Remote-Groups") == ["staff"]


async def test_the_assertion_verifies_with_an_independent_library(guarded: Guarded) -> None:
    token = await guarded.log_in()
    await guarded.ask("/", {"Authorization": f"Bearer {token}"})
    (assertion,) = header_values(guarded.upstream.received[-1], "X-Auth-Assertion")
    async with guarded.session.get(
        f"{guarded.gateway.url}/auth/.well-known/jwks.json", headers={"Host": guarded.host}
    ) as answer:
        keys = KeySet.import_key_set(await answer.json())
    opened = jwt.decode(assertion, keys, algorithms=["RS256"])
    assert opened.header["typ"] == "assertion+jwt"
    assert opened.claims["aud"] == HOST
    assert opened.claims["preferred_username"] == "alice"
    assert opened.claims["iss"] == f"http://{guarded.host}/auth"


async def test_a_program_without_a_token_is_told_so(guarded: Guarded) -> None:
    status, headers = await guarded.ask("/orders")
    assert status == 401
    assert headers["WWW-Authenticate"] == "Bearer"
    assert guarded.upstream.received == []


async def test_a_person_without_a_session_is_sent_to_the_login_page(guarded: Guarded) -> None:
    status, headers = await guarded.ask("/orders?x=1", NAVIGATION)
    assert status == 302
    target = quote(f"http://{guarded.host}/orders?x=1", safe="")
    assert headers["Location"] == f"http://{guarded.host}/auth/login?rd={target}"
    assert guarded.upstream.received == []


async def test_a_wrong_role_is_forbidden(guarded: Guarded) -> None:
    token = await guarded.log_in()
    status, _ = await guarded.ask("/admin/", {"Authorization": f"Bearer {token}"})
    assert status == 403
    assert guarded.upstream.received == []


async def test_a_logged_out_token_is_refused_at_once(guarded: Guarded) -> None:
    token = await guarded.log_in()
    bearer = {"Authorization": f"Bearer {token}"}
    assert (await guarded.ask("/", bearer))[0] == 200
    async with guarded.session.post(f"{guarded.service.url}/logout", headers=bearer) as answer:
        assert answer.status == 204
    assert (await guarded.ask("/", bearer))[0] == 401


FORGED = {
    **dict.fromkeys(IDENTITY, "forged"),
    **{name.upper(): "forged" for name in IDENTITY},
    **{name.replace("-", "_"): "forged" for name in IDENTITY},
}
OTHER_REQUEST = {
    "X-Forwarded-Method": "GET",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": HOST,
    "X-Forwarded-Uri": "/public/",
    "X-Forwarded-For": "10.0.0.1",
    "X-Original-Method": "GET",
    "X-Original-URL": f"http://{HOST}/public/",
    "X-Original-URI": "/public/",
    "X-Rewrite-URL": "/public/",
}


async def test_a_forged_identity_header_never_reaches_the_upstream(guarded: Guarded) -> None:
    token = await guarded.log_in()
    for name in FORGED:
        assert (await guarded.ask("/public/", {name: "forged"}))[0] == 200, name
        bearer = {name: "forged", "Authorization": f"Bearer {token}"}
        assert (await guarded.ask("/", bearer))[0] == 200, name
    assert len(guarded.upstream.received) == 2 * len(FORGED)
    assert "forged" not in str([each["headers"] for each in guarded.upstream.received])


async def test_a_forged_forwarding_header_changes_nothing(guarded: Guarded) -> None:
    token = await guarded.log_in()
    for forged in [{name: value} for name, value in OTHER_REQUEST.items()] + [OTHER_REQUEST]:
        assert (await guarded.ask("/orders", forged))[0] == 401, forged
        bearer = {**forged, "Authorization": f"Bearer {token}"}
        assert (await guarded.ask("/admin/", bearer))[0] == 403, forged
    assert guarded.upstream.received == []


async def test_the_session_cookie_stays_with_the_gateway(guarded: Guarded) -> None:
    cookie = await guarded.log_in_cookie()
    status, _ = await guarded.ask("/", {"Cookie": f"a=1; {cookie}; b=2"})
    assert status == 200
    received = guarded.upstream.received[-1]
    assert header_values(received, "Cookie") == ["a=1; b=2"]
    assert header_values(received, "Remote-User") == ["alice"]


async def test_a_post_keeps_its_body(guarded: Guarded) -> None:
    token = await guarded.log_in()
    async with guarded.session.post(
        f"{guarded.gateway.url}/orders",
        data=b"a body",
        headers={"Host": guarded.host, "Authorization": f"Bearer {token}"},
    ) as answer:
        assert answer.status == 200
    assert guarded.upstream.received[-1]["body"] == "a body"
    assert guarded.upstream.received[-1]["method"] == "POST"


async def test_a_websocket_passes(guarded: Guarded) -> None:
    token = await guarded.log_in()
    headers = {"Host": guarded.host, "Authorization": f"Bearer {token}"}
    async with guarded.session.ws_connect(f"{guarded.gateway.url}/chat", headers=headers) as ws:
        await ws.send_str("hello")
        assert (await ws.receive(timeout=5)).data == "hello"
    assert header_values(guarded.upstream.received[-1], "Remote-User") == ["alice"]


async def test_verify_is_not_reached_through_the_gateway(guarded: Guarded) -> None:
    for path in ("/verify", "/auth/verify", "/auth/verify/nginx", "/auth//verify"):
        status, _ = await guarded.ask(path)
        assert status in {401, 404, 400}, path


async def test_another_host_is_not_served(guarded: Guarded) -> None:
    async with (
        ClientSession() as session,
        session.get(f"{guarded.gateway.url}/", headers={"Host": "other.example.com"}) as answer,
    ):
        assert answer.status in {404, 421}
    assert guarded.upstream.received == []
