"""What rules ask of a request beyond a role, behind any gateway: all that is asked must arrive."""

from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest
import pytest_asyncio

from tests.gateways.conftest import (
    CLIENT_ADDRESS,
    GATEWAY_ADDRESS,
    HOST,
    PUBLIC_URL,
    Fleet,
    Guarded,
    running_fleet,
)
from tests.gateways.raw import compose, connecting
from tests.gateways.test_outcomes import NAVIGATION
from tests.programs.upstream import header_values

pytestmark = pytest.mark.asyncio(loop_scope="module")

POLICY = {
    "hosts": {
        HOST: [
            {"path": "/otp/**", "allow": {"amr": ["otp"]}},
            {"path": "/scoped/**", "allow": {"scope": ["orders:read"]}},
            {"path": "/posts/**", "methods": ["GET"], "allow": "anyone"},
            {"path": "/posts/**", "allow": {"roles": ["admin"]}},
            {"path": "/near/**", "networks": [f"{CLIENT_ADDRESS}/32"], "allow": "anyone"},
            {"path": "/far/**", "networks": ["10.9.8.0/24"], "allow": "anyone"},
            {"path": "/known/**", "networks": ["0.0.0.0/0", "::/0"], "allow": "anyone"},
            {"path": "/cors/**", "allow": "preflight"},
            {"path": "/public/**", "allow": "anyone"},
            {"path": "/**", "allow": "signed-in"},
        ]
    }
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ruled(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    """Run a service with those rules."""
    folder = tmp_path_factory.mktemp("ruled")
    settings = {"server": {"public_url": PUBLIC_URL}}
    people = {"alice": ("--role", "staff")}
    async with running_fleet(folder, settings, HOST, policy=POLICY, people=people) as fleet:
        yield fleet


@pytest_asyncio.fixture(loop_scope="module")
async def guarded(gateway_name: str, ruled: Fleet) -> Guarded:
    """Give each test every gateway in turn."""
    return await ruled.guard(gateway_name)


async def test_who_must_prove_more_is_told_how(guarded: Guarded) -> None:
    """RFC 9470 section 3; a person is sent to the page that asks for more."""
    status, headers = await guarded.ask("/otp/", await guarded.log_in())
    assert status == 401
    assert 'error="insufficient_user_authentication"' in headers["WWW-Authenticate"]
    cookie = {"Cookie": await guarded.log_in_cookie()}
    status, headers = await guarded.ask("/otp/x?y=1", {**cookie, **NAVIGATION})
    assert status == 302
    target = quote(f"http://{guarded.host}/otp/x?y=1", safe="")
    assert headers["Location"].startswith(f"{PUBLIC_URL}/login?rd={target}&")
    assert "amr=otp" in headers["Location"]
    assert guarded.upstream.received == []


async def test_a_missing_scope_is_forbidden_and_said(guarded: Guarded) -> None:
    status, headers = await guarded.ask("/scoped/", await guarded.log_in())
    assert status == 403
    if guarded.gateway.name != "nginx":  # passes the challenge of a 401 alone
        assert 'error="insufficient_scope"' in headers["WWW-Authenticate"]
    assert guarded.upstream.received == []


async def test_a_rule_sees_the_method(guarded: Guarded) -> None:
    for method in ("GET", "HEAD"):
        assert (await guarded.ask("/posts/", method=method))[0] == 200
        assert guarded.upstream.received.pop()["method"] == method
    bearer = await guarded.log_in()
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"):
        assert (await guarded.ask("/posts/", method=method))[0] == 401, method
        assert (await guarded.ask("/posts/", bearer, method))[0] == 403, method
    assert guarded.upstream.received == []


async def test_an_odd_method_is_not_taken_for_another(guarded: Guarded) -> None:
    async with connecting(guarded.gateway.port) as client:
        for method in ("get", "Get", "GETT", "G!T", "TRACE", "GET/posts"):
            request = compose("/posts/", f"Host: {HOST}", "Content-Length: 0", method=method)
            assert 400 <= await client.ask(request) < 600, method
    assert guarded.upstream.received == []


async def test_a_rule_sees_the_address_of_the_client(guarded: Guarded) -> None:
    assert (await guarded.ask("/near/"))[0] == 200
    assert len(guarded.upstream.received) == 1
    for forged in ({}, {"X-Forwarded-For": "10.9.8.7"}, {"X-Real-IP": "10.9.8.7"}):
        assert (await guarded.ask("/far/", forged))[0] == 401
    assert len(guarded.upstream.received) == 1


async def test_a_client_on_the_machine_of_the_gateway_has_the_address_of_no_other(
    guarded: Guarded,
) -> None:
    """It is that of a trusted proxy, so no network of a rule holds it."""
    far = ("X-Forwarded-For: 10.9.8.7", "X-Real-IP: 10.9.8.7", f"X-Forwarded-For: {CLIENT_ADDRESS}")
    assert (await guarded.ask("/known/"))[0] == 200
    guarded.upstream.received.clear()
    async with connecting(guarded.gateway.port) as client:
        for forged in ((), *((line,) for line in far), far):
            for path in ("/known/", "/near/", "/far/"):
                assert await client.ask(compose(path, f"Host: {HOST}", *forged)) == 401, forged
            assert guarded.upstream.received == []
            assert await client.ask(compose("/public/", f"Host: {HOST}", *forged)) == 200
            received = guarded.upstream.received.pop()
            assert header_values(received, "X-Forwarded-For") == [GATEWAY_ADDRESS]


async def test_a_true_preflight_passes_and_nothing_else(guarded: Guarded) -> None:
    origin = {"Origin": "https://other.example.org"}
    asked = {**origin, "Access-Control-Request-Method": "PUT"}
    assert (await guarded.ask("/cors/", asked, "OPTIONS"))[0] == 200
    received = guarded.upstream.received.pop()
    assert header_values(received, "Access-Control-Request-Method") == ["PUT"]
    for method, headers in (("OPTIONS", origin), ("OPTIONS", {}), ("GET", asked), ("PUT", asked)):
        assert (await guarded.ask("/cors/", headers, method))[0] == 401
    assert guarded.upstream.received == []
