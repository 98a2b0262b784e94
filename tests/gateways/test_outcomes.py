"""What a client and the upstream see through a real gateway, for each outcome of the gate."""

from urllib.parse import quote

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from multidict import CIMultiDict

from tests.gateways.conftest import HOST, PUBLIC_URL, Guarded
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

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_good_token_reaches_the_upstream_with_identity(guarded: Guarded) -> None:
    status, _ = await guarded.ask("/orders?x=1", await guarded.log_in())
    assert status == 200
    (received,) = guarded.upstream.received
    assert received["target"] == "/orders?x=1"
    assert header_values(received, "Remote-User") == ["alice"]
    assert header_values(received, "Remote-Email") == ["alice@example.com"]
    assert header_values(received, "Remote-Groups") == ["staff"]


async def test_the_assertion_verifies_with_an_independent_library(guarded: Guarded) -> None:
    await guarded.ask("/", await guarded.log_in())
    (assertion,) = header_values(guarded.upstream.received[-1], "X-Auth-Assertion")
    async with guarded.session.get(
        f"{guarded.gateway.url}/auth/.well-known/jwks.json", headers={"Host": guarded.host}
    ) as answer:
        keys = KeySet.import_key_set(await answer.json())
    opened = jwt.decode(assertion, keys, algorithms=["RS256"])
    assert opened.header["typ"] == "assertion+jwt"
    assert opened.claims["aud"] == HOST
    assert opened.claims["preferred_username"] == "alice"
    assert opened.claims["iss"] == PUBLIC_URL


async def test_a_stranger_reaches_what_is_for_anyone_as_nobody(guarded: Guarded) -> None:
    broken = {"Authorization": "Bearer eyJhbGciOiJub25lIn0.e30."}
    for headers in ({}, broken, {"Cookie": "__Host-sidecar=broken"}):
        assert (await guarded.ask("/public/", headers))[0] == 200, headers
        received = guarded.upstream.received[-1]
        assert all("".join(header_values(received, name)) == "" for name in IDENTITY)


async def test_a_program_without_a_token_is_told_so(guarded: Guarded) -> None:
    for method in ("GET", "POST", "DELETE", "OPTIONS"):
        status, headers = await guarded.ask("/orders", method=method)
        assert status == 401, method
        assert headers["WWW-Authenticate"] == "Bearer"
    assert guarded.upstream.received == []


async def test_a_person_without_a_session_is_sent_to_the_login_page(guarded: Guarded) -> None:
    status, headers = await guarded.ask("/orders?x=1", NAVIGATION)
    assert status == 302
    target = quote(f"http://{guarded.host}/orders?x=1", safe="")
    assert headers["Location"] == f"{PUBLIC_URL}/login?rd={target}"
    assert guarded.upstream.received == []


async def test_a_form_of_nobody_is_not_sent_to_the_login_page_again(guarded: Guarded) -> None:
    status, headers = await guarded.ask("/orders", NAVIGATION, method="POST")
    assert status == (302 if guarded.gateway.name == "nginx" else 303)
    assert headers["Location"].startswith(f"{PUBLIC_URL}/login")
    assert guarded.upstream.received == []


async def test_a_wrong_role_is_forbidden(guarded: Guarded) -> None:
    for headers in (await guarded.log_in(), {"Cookie": await guarded.log_in_cookie()}):
        for asked in (headers, {**headers, **NAVIGATION}):
            status, answered = await guarded.ask("/admin/", asked)
            assert status == 403
            assert "Location" not in answered
    assert guarded.upstream.received == []


async def test_a_refusal_has_the_id_that_the_service_can_say_more_about(guarded: Guarded) -> None:
    for path, headers in (("/admin/", await guarded.log_in()), ("/orders", {})):
        status, answered = await guarded.ask(path, headers)
        assert status in {401, 403}
        (request_id,) = answered.getall("X-Request-Id")
        told = await guarded.service.run("why", request_id)
        assert told.status == 0, told.err
        assert f"{HOST}:{guarded.gateway.port}{path}" in told.out


async def test_the_right_role_passes(guarded: Guarded) -> None:
    assert (await guarded.ask("/admin/", await guarded.log_in("bob")))[0] == 200
    assert header_values(guarded.upstream.received[-1], "Remote-Groups") == ["admin,staff"]


async def test_a_logged_out_token_is_refused_at_once(guarded: Guarded) -> None:
    bearer = await guarded.log_in()
    assert (await guarded.ask("/", bearer))[0] == 200
    async with guarded.session.post(f"{guarded.service.url}/logout", headers=bearer) as answer:
        assert answer.status == 204
    status, headers = await guarded.ask("/", bearer)
    assert status == 401
    assert headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert len(guarded.upstream.received) == 1


MALFORMED = ("Bearer", "Bearer a b", "Bearer,x", "bearer\tx", "Bearer é")


@pytest.mark.parametrize("path", ["/", "/public/"])
async def test_a_malformed_bearer_is_refused_on_any_rule(guarded: Guarded, path: str) -> None:
    for value in MALFORMED:
        status, headers = await guarded.ask(path, {"Authorization": value})
        assert status == 401, value
        assert headers["WWW-Authenticate"] == 'Bearer error="invalid_request"'
    assert guarded.upstream.received == []


@pytest.mark.parametrize("path", ["/", "/public/"])
async def test_two_different_credentials_are_refused_on_any_rule(
    guarded: Guarded, path: str
) -> None:
    alice, bob = await guarded.log_in("alice"), await guarded.log_in("bob")
    twice = CIMultiDict([*alice.items(), *bob.items()])
    status, _ = await guarded.ask(path, twice)
    assert status == (400 if guarded.gateway.name == "nginx" else 401)  # nginx takes no two lines
    cookies = [await guarded.log_in_cookie(name) for name in ("alice", "bob")]
    assert (await guarded.ask(path, {"Cookie": "; ".join(cookies)}))[0] == 401
    lines = CIMultiDict([("Cookie", cookie) for cookie in cookies])
    assert (await guarded.ask(path, lines))[0] == 401
    assert guarded.upstream.received == []


CROSS_SITE = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example.org"}


async def test_another_site_changes_nothing_with_the_cookie_of_a_visitor(guarded: Guarded) -> None:
    cookie = {"Cookie": await guarded.log_in_cookie()}
    for name, value in CROSS_SITE.items():
        for method in ("POST", "DELETE", "PUT"):
            asked = {**cookie, name: value}
            assert (await guarded.ask("/orders", asked, method))[0] == 403, asked
    assert guarded.upstream.received == []
    assert (await guarded.ask("/orders", {**cookie, **CROSS_SITE}))[0] == 200
    own = {**cookie, "Origin": f"http://{guarded.host}", "Sec-Fetch-Site": "same-origin"}
    assert (await guarded.ask("/orders", own, "POST"))[0] == 200


async def test_a_question_that_can_be_read_in_two_ways_is_refused(guarded: Guarded) -> None:
    bearer = await guarded.log_in("bob")
    for path in ("/admin;x=1", "/orders%3bx", "/a%5cb"):
        status, _ = await guarded.ask(path, bearer)
        assert status == (403 if guarded.gateway.name == "nginx" else 400), path
    assert guarded.upstream.received == []


async def test_the_session_cookie_stays_with_the_gateway(guarded: Guarded) -> None:
    cookie = await guarded.log_in_cookie()
    lines = CIMultiDict([("Cookie", "a=1"), ("Cookie", cookie), ("Cookie", "b=2")])
    for sent in (CIMultiDict({"Cookie": f"a=1; {cookie}; b=2"}), lines):
        assert (await guarded.ask("/", sent))[0] == 200
        received = guarded.upstream.received[-1]
        (cookies,) = header_values(received, "Cookie")
        assert [each.strip() for each in cookies.replace(",", ";").split(";")] == ["a=1", "b=2"]
        assert header_values(received, "Remote-User") == ["alice"]
    assert (await guarded.ask("/", {"Cookie": cookie}))[0] == 200
    assert header_values(guarded.upstream.received[-1], "Cookie") in ([], [""])
    assert (await guarded.ask("/public/"))[0] == 200
    assert header_values(guarded.upstream.received[-1], "Cookie") in ([], [""])


@pytest.mark.parametrize("size", [6, 100_000])
async def test_a_post_keeps_its_body_and_has_all_headers(guarded: Guarded, size: int) -> None:
    async with guarded.session.post(
        f"{guarded.gateway.url}/orders",
        data=b"b" * size,
        headers={"Host": guarded.host, **await guarded.log_in()},
    ) as answer:
        assert answer.status == 200
    (received,) = guarded.upstream.received
    assert received["body"] == "b" * size
    assert received["method"] == "POST"
    assert header_values(received, "Remote-User") == ["alice"]
    assert len(header_values(received, "X-Auth-Assertion")) == 1


async def test_verify_is_not_reached_through_the_gateway(guarded: Guarded) -> None:
    bearer = await guarded.log_in()
    for path in ("/auth/verify", "/auth/verify/", f"/auth/verify/{guarded.gateway.name}/"):
        assert (await guarded.ask(path))[0] in {401, 404}, path
        status, _ = await guarded.ask(path, bearer)
        # To Traefik these are paths of the application, like any other.
        assert status == (200 if guarded.gateway.name == "traefik" else 404), path
    assert len(guarded.upstream.received) == (3 if guarded.gateway.name == "traefik" else 0)


async def test_the_pages_of_the_service_are_reached(guarded: Guarded) -> None:
    for path in ("/auth/login", "/auth/logout", "/auth/static/sidecar.css"):
        assert (await guarded.ask(path))[0] == 200, path
    assert (await guarded.ask("/auth/me"))[0] == 401
    assert (await guarded.ask("/auth/me", await guarded.log_in()))[0] == 200
    assert guarded.upstream.received == []
